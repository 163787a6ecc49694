// Changes over both databases: all or nothing, one after the other, once for each request.
#include "libs/control/change.h"

#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/control/item_source.h"
#include "libs/control/refusal_budget.h"
#include "libs/control/test_control.h"
#include "libs/testing/tcp_gate.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class ChangesTest : public ControlTest {
 protected:
  // A work that writes something of its own, and an item.
  static absl::Status Write(sql::Transaction& transaction, int64_t number) {
    return transaction
        .Execute({"write",
                  "INSERT INTO policy_approvals (org, version, approver, approved_at_us, comment) "
                  "VALUES ('acme', $1, 'ann', 1, '')"},
                 {number})
        .status();
  }
  static absl::StatusOr<ChangeRecord> Work(sql::Transaction& transaction, int64_t number) {
    if (absl::Status written = Write(transaction, number); !written.ok()) return written;
    return ChangeRecord{absl::StrCat("thing/", number),
                        "{\"n\":0}",
                        "{\"n\":1}",
                        absl::StrCat("answer ", number),
                        {{"thing", absl::StrCat("body ", number)}}};
  }

  Changes changes_{db_.get()};
};

TEST_P(ChangesTest, IsAuditedRememberedAndPublished) {
  int published = 0;
  Changes changes(db_.get(), [&] { ++published; });
  const auto made = changes.Make(Request("SetLimit"), "thing", Work);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->answer, "answer 1");
  EXPECT_FALSE(made->repeated);
  EXPECT_EQ(published, 1);
  const std::vector<AuditRow> chain = Chain();
  ASSERT_THAT(chain, SizeIs(1));
  const AuditRow& row = chain[0];
  EXPECT_EQ(row.at_us, kNowUs);
  EXPECT_EQ(row.actor, "token:ann");
  EXPECT_EQ(row.action, "SetLimit");
  EXPECT_EQ(row.target, "thing/1");
  EXPECT_EQ(row.outcome, "OK");
  EXPECT_EQ(row.reason, "why");
  EXPECT_EQ(row.address, "ipv4:127.0.0.1:1");
  EXPECT_EQ(row.before, "{\"n\":0}");
  EXPECT_EQ(row.after, "{\"n\":1}");
  const auto items = ItemSource(db_.get()).Read({});
  ASSERT_THAT(*items, SizeIs(1));
  EXPECT_EQ((*items)[0].body, "body 1");

  const auto silent = changes.Make(
      Request("Other"), "thing",
      [](sql::Transaction&, int64_t) -> absl::StatusOr<ChangeRecord> { return ChangeRecord{}; });
  EXPECT_TRUE(silent.ok()) << silent.status();
  EXPECT_EQ(published, 1);
}

TEST_P(ChangesTest, WritersAtOnceAreOneAfterTheOther) {
  constexpr int kWriters = 8, kEach = 12;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        for (int i = 0; i < kEach; ++i) {
          ChangeRequest request{w % 2 == 0 ? "acme" : "other",
                                absl::StrCat("writer-", w),
                                "",
                                "Write",
                                absl::StrCat(w, "/", i),
                                "digest",
                                "",
                                kNowUs};
          if (i % 4 == 3) {
            changes_.AuditRefusal(request, "thing", absl::NotFoundError("no such thing"));
          } else if (!changes_.Make(request, "thing", Work).ok()) {
            ++failed;
          }
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_THAT(Chain("acme"), SizeIs(kWriters * kEach / 2));
  EXPECT_THAT(Chain("other"), SizeIs(kWriters * kEach / 2));
  const int64_t changes = kWriters * kEach * 3 / 4;
  EXPECT_EQ(Count("SELECT number FROM control_head"), changes);
  // Each had a number of its own, 1 to the last.
  EXPECT_EQ(Count("SELECT COUNT(DISTINCT version) FROM policy_approvals"), changes);
  EXPECT_EQ(Count("SELECT MIN(version) FROM policy_approvals"), 1);
  EXPECT_EQ(Count("SELECT MAX(version) FROM policy_approvals"), changes);
  EXPECT_EQ(Count("SELECT number FROM control_items WHERE name = 'thing'"), changes);
}

TEST_P(ChangesTest, WorkThatFailsLeavesTheRefusalAlone) {
  ASSERT_TRUE(changes_.Make(Request("Write"), "thing", Work).ok());
  const auto before = Everything();
  const auto made = changes_.Make(
      Request("Write"), "thing/7",
      [](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
        EXPECT_TRUE(Write(transaction, number).ok());
        return ReasonedError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE", "not \"so\"");
      });
  EXPECT_EQ(CodeAndReason(made.status()), "FAILED_PRECONDITION WRONG_STATE");
  EXPECT_EQ(Everything(), before);
  const std::vector<AuditRow> chain = Chain();
  ASSERT_THAT(chain, SizeIs(2));
  EXPECT_EQ(chain[1].outcome, "FAILED_PRECONDITION WRONG_STATE");
  EXPECT_EQ(chain[1].target, "thing/7");
  EXPECT_EQ(chain[1].after, R"({"error":"not \"so\""})");
}

TEST_P(ChangesTest, AFailureOfTheDatabaseIsNoRefusal) {
  const auto before = Everything();
  const auto made = changes_.Make(
      Request("Write"), "thing",
      [](sql::Transaction& transaction, int64_t) -> absl::StatusOr<ChangeRecord> {
        return transaction.Execute({"broken", "INSERT INTO nothing VALUES (1)"}).status();
      });
  EXPECT_FALSE(made.ok());
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Chain(), SizeIs(0));
}

TEST_P(ChangesTest, ARequestIsCarriedOutOnce) {
  const ChangeRequest request = Request("Write");
  ASSERT_TRUE(changes_.Make(request, "thing", Work).ok());
  const auto before = Everything();
  const auto never = [](sql::Transaction&, int64_t) -> absl::StatusOr<ChangeRecord> {
    ADD_FAILURE() << "the work of a repetition";
    return ChangeRecord{};
  };
  ChangeRequest again = request;
  again.now_us += Changes::kRememberUs - 1;
  again.address = "ipv4:127.0.0.1:2";
  const auto repeated = changes_.Make(again, "thing", never);
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_TRUE(repeated->repeated);
  EXPECT_EQ(repeated->answer, "answer 1");
  EXPECT_THAT(Chain(), SizeIs(1));

  ChangeRequest other = request;
  other.request_digest = "another digest";
  EXPECT_EQ(CodeAndReason(changes_.Make(other, "thing", never).status()),
            "ALREADY_EXISTS REQUEST_ID_REUSED");
  other = request;
  other.action = "Other";
  EXPECT_EQ(CodeAndReason(changes_.Make(other, "thing", never).status()),
            "ALREADY_EXISTS REQUEST_ID_REUSED");
  other = request;
  other.actor = "token:bob";
  EXPECT_EQ(CodeAndReason(changes_.Make(other, "thing", never).status()),
            "ALREADY_EXISTS REQUEST_ID_REUSED");
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Chain(), SizeIs(4));

  // Of another org, and after a day, the id is free.
  other = request;
  other.org = "other";
  EXPECT_FALSE(changes_.Make(other, "thing", Work)->repeated);
  again.now_us = request.now_us + Changes::kRememberUs;
  again.request_digest = "another digest";
  const auto later = changes_.Make(again, "thing", Work);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->answer, "answer 3");
  EXPECT_EQ(changes_.Make(again, "thing", never)->answer, "answer 3");
}

TEST_P(ChangesTest, WhatCameOfItLaterIsWhatARepetitionIsAnswered) {
  const ChangeRequest request = Request("SetLimit");
  EXPECT_TRUE(absl::IsNotFound(changes_.Reanswer(request, "later")));
  ASSERT_TRUE(changes_.Make(request, "thing", Work).ok());
  ChangeRequest another = request;
  another.request_digest = "another";
  EXPECT_TRUE(absl::IsNotFound(changes_.Reanswer(another, "not this")));
  ASSERT_TRUE(changes_.Reanswer(request, "later").ok());
  const auto again = changes_.Make(request, "thing", Work);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->answer, "later");
  EXPECT_THAT(Chain(), SizeIs(1));
}

TEST_P(ChangesTest, RequestsAreForgottenAFewAtATime) {
  for (int i = 0; i < 250; ++i) {
    ASSERT_TRUE(db_->Execute({"old",
                              "INSERT INTO control_requests (org, request_id, action, "
                              "request_digest, at_us, answer) VALUES ('acme', $1, 'a', $2, $3, "
                              "$2)"},
                             {absl::StrCat("old-", i), sql::Bytes{"x"}, kNowUs + i})
                    .ok());
  }
  now_us_ = kNowUs + Changes::kRememberUs + 248;  // all but the last
  for (const int64_t left : {151, 52, 4}) {
    ASSERT_TRUE(changes_.Make(Request("Write"), "thing", Work).ok());
    EXPECT_EQ(Count("SELECT COUNT(*) FROM control_requests"), left);
  }
}

TEST_P(ChangesTest, AConflictIsTriedAgainWithinBounds) {
  int tried = 0;
  const auto second = changes_.Make(
      Request("Write"), "thing",
      [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
        auto record = Work(transaction, number);
        if (++tried == 1) return absl::AbortedError("a deadlock");
        return record;
      });
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->answer, "answer 1");
  tried = 0;
  const auto never = changes_.Make(Request("Write"), "thing",
                                   [&](sql::Transaction&, int64_t) -> absl::StatusOr<ChangeRecord> {
                                     ++tried;
                                     return absl::AbortedError("a deadlock");
                                   });
  EXPECT_EQ(CodeAndReason(never.status()), "ABORTED ADMIN_CONFLICT");
  EXPECT_EQ(tried, 5);
  tried = 0;
  const auto own = changes_.Make(
      Request("Write"), "thing", [&](sql::Transaction&, int64_t) -> absl::StatusOr<ChangeRecord> {
        ++tried;
        return ReasonedError(absl::StatusCode::kAborted, "ETAG_MISMATCH", "changed since");
      });
  EXPECT_EQ(CodeAndReason(own.status()), "ABORTED ETAG_MISMATCH");
  EXPECT_EQ(tried, 1);
  EXPECT_EQ(Chain().back().outcome, "ABORTED ETAG_MISMATCH");
}

TEST_P(ChangesTest, RefusalsMayHaveAnythingInThem) {
  ChangeRequest request = Request("Wri\nte", std::string("a\0b\xff\xc2\x9b", 6));
  request.org = std::string(300, 'o');
  request.reason = std::string(999, 'r') + "\xc3\xa9";
  changes_.AuditRefusal(request, "thing/\x01",
                        ReasonedError(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", "no"));
  const std::vector<AuditRow> chain = Chain(std::string(128, 'o'));
  ASSERT_THAT(chain, SizeIs(1));
  EXPECT_EQ(chain[0].action, "Wri?te");
  EXPECT_EQ(chain[0].actor, "a?b??");
  EXPECT_EQ(chain[0].target, "thing/?");
  EXPECT_EQ(chain[0].reason, std::string(999, 'r'));
  EXPECT_EQ(chain[0].outcome, "PERMISSION_DENIED ROLE_MISSING");
  changes_.AuditRefusal(Request("Write"), "thing", absl::UnavailableError("away"));
  EXPECT_THAT(Chain(), SizeIs(0));
}

TEST_P(ChangesTest, RefusalsAreBoundedAndCounted) {
  const int most = RefusalBudget::kMaxPerMinute;
  for (int i = 0; i < most + 17; ++i) {
    changes_.AuditRefusal(Request("Write"), "thing", absl::NotFoundError("none"));
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit_log"), most);
  ASSERT_TRUE(changes_.Make(Request("Write"), "thing", Work).ok());
  std::vector<AuditRow> chain = Chain();
  ASSERT_THAT(chain, SizeIs(most + 2));
  EXPECT_EQ(chain[most].action, "RefusalsNotListed");
  EXPECT_EQ(chain[most].after, R"({"refusals":"17"})");
  EXPECT_EQ(chain[most + 1].action, "Write");
  // A minute later there is room again; others had it all the time.
  now_us_ += kHourUs;
  changes_.AuditRefusal(Request("Write"), "thing", absl::NotFoundError("none"));
  EXPECT_THAT(Chain(), SizeIs(most + 3));
}

TEST_P(ChangesTest, WhatIsDroppedAfterItWasAdmittedIsCounted) {
  const absl::Status refusal = absl::NotFoundError("none");
  const ChangeRequest dropped = Request("Write");
  EXPECT_TRUE(changes_.AdmitRefusal(dropped, refusal));
  changes_.DropRefusal(dropped);
  EXPECT_TRUE(changes_.AdmitRefusal(dropped, refusal));
  changes_.WriteRefusal(dropped, "thing", refusal);
  EXPECT_FALSE(changes_.AdmitRefusal(dropped, absl::UnavailableError("away")));
  const std::vector<AuditRow> chain = Chain();
  ASSERT_THAT(chain, SizeIs(2));
  EXPECT_EQ(chain[0].action, "RefusalsNotListed");
  EXPECT_EQ(chain[0].after, R"({"refusals":"1"})");
  EXPECT_EQ(chain[1].outcome, "NOT_FOUND");
}

TEST_P(ChangesTest, TheLogIsFinal) {
  ASSERT_TRUE(changes_.Make(Request("Write"), "thing", Work).ok());
  std::vector<std::string> attempts = {
      "UPDATE audit_log SET actor = 'nobody'",
      "DELETE FROM audit_log",
      "DELETE FROM audit_heads",
      "UPDATE audit_heads SET number = 0",
      "UPDATE audit_heads SET org = 'other', number = 2",
      "INSERT INTO audit_log SELECT * FROM audit_log",
  };
  if (postgres()) {
    attempts.emplace_back("TRUNCATE audit_log");
    attempts.emplace_back("TRUNCATE audit_heads");
  } else {
    attempts.emplace_back("REPLACE INTO audit_log SELECT * FROM audit_log");
    attempts.emplace_back("INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log");
  }
  for (const std::string& attempt : attempts) {
    EXPECT_FALSE(db_->Execute({"attempt", attempt}).ok()) << attempt;
  }
  EXPECT_THAT(Chain(), SizeIs(1));
}

TEST_P(ChangesTest, ItemsInPages) {
  const ItemSource source(db_.get());
  EXPECT_EQ(*source.LastNumber(), 0);
  EXPECT_THAT(*source.Read({}), SizeIs(0));
  const auto write = [&](std::vector<ChangeRecord::ItemWrite> items) {
    return changes_
        .Make(Request("Write"), "thing",
              [&](sql::Transaction&, int64_t) -> absl::StatusOr<ChangeRecord> {
                ChangeRecord record;
                record.items = items;
                return record;
              })
        .status();
  };
  std::vector<ChangeRecord::ItemWrite> many;
  for (int i = 0; i < 1'500; ++i) many.push_back({absl::StrCat("key/", i), "x"});
  ASSERT_TRUE(write(many).ok());
  ASSERT_TRUE(
      write({{"key/1", ""}, {"b", std::string(3 << 20, 'b')}, {"c", std::string(5 << 20, 'c')}})
          .ok());
  EXPECT_EQ(*source.LastNumber(), 2);
  EXPECT_EQ(*source.CountAfter({}), 1'502);
  ItemCursor cursor;
  std::vector<size_t> pages;
  std::map<std::string, ControlItem> seen;
  while (true) {
    const auto page = source.Read(cursor);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    pages.push_back(page->size());
    for (const ControlItem& item : *page) {
      EXPECT_GE(item.number, cursor.number);
      EXPECT_TRUE(seen.emplace(item.name, item).second) << item.name;
    }
    cursor = {page->back().number, page->back().name};
  }
  EXPECT_THAT(pages, ElementsAre(1'000, 500, 1, 1));
  EXPECT_THAT(seen, SizeIs(1'502));
  EXPECT_EQ(seen["key/1"].body, "");
  EXPECT_EQ(seen["key/1"].number, 2);
  EXPECT_EQ(seen["c"].body.size(), size_t{5} << 20);
  EXPECT_EQ(*source.CountAfter(cursor), 0);
  EXPECT_EQ(*source.CountAfter({1, "key/999"}), 3);

  many.clear();
  for (size_t i = 0; i <= kMaxItemWrites; ++i) many.push_back({absl::StrCat("key/", i), "y"});
  EXPECT_EQ(CodeAndReason(write(many)), "RESOURCE_EXHAUSTED TOO_MANY");
  EXPECT_EQ(*source.LastNumber(), 2);

  // Some are there already, and some are new.
  many.resize(1'600);
  ASSERT_TRUE(write(many).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM control_items"), 1'602);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM control_items WHERE number = 3 AND length(body) = 1"),
            1'600);
}

TEST_P(ChangesTest, TheLogIsReadByPagesAndFilters) {
  for (const char* actor : {"ann", "bob", "ann"}) {
    ASSERT_TRUE(changes_.Make(Request("Write", actor), "thing", Work).ok());
    changes_.AuditRefusal(Request("Other", actor), "thing/9", absl::NotFoundError("none"));
  }
  const AuditLog log(db_.get());
  const auto numbers = [&](const AuditQuery& query, size_t most) {
    std::vector<int64_t> found;
    const auto rows = log.Read(query, most);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const AuditRow& row : *rows) found.push_back(row.number);
    return found;
  };
  EXPECT_THAT(numbers({"acme", 0, "", "", ""}, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(numbers({"acme", 4, "", "", ""}, 4), ElementsAre(5, 6));
  EXPECT_THAT(numbers({"acme", 0, "ann", "", ""}, 9), ElementsAre(1, 2, 5, 6));
  EXPECT_THAT(numbers({"acme", 1, "ann", "Other", ""}, 9), ElementsAre(2, 6));
  EXPECT_THAT(numbers({"acme", 0, "", "", "thing/9"}, 2), ElementsAre(2, 4));
  EXPECT_THAT(numbers({"acme", 0, "bob", "Other", "thing/9"}, 2), ElementsAre(4));
  EXPECT_THAT(numbers({"other", 0, "", "", ""}, 9), ElementsAre());
  EXPECT_EQ(log.Head("other")->number, 0);
  EXPECT_EQ(log.Head("other")->hash, std::string(32, '\0'));

  EXPECT_TRUE(*log.WaitForRows("acme", 5, absl::InfinitePast()));
  EXPECT_FALSE(*log.WaitForRows("acme", 6, absl::InfinitePast()));
  std::jthread writer([&] {
    changes_.AuditRefusal({"acme", "eve", "", "Write", "", "", "", kNowUs}, "thing",
                          absl::NotFoundError("none"));
  });
  EXPECT_TRUE(*log.WaitForRows("acme", 6, absl::Now() + absl::Minutes(1)));
}

QP_OVER_BOTH_DATABASES(ChangesTest);

class ChangesOverACutConnectionTest : public ::testing::Test {
 protected:
  ChangesOverACutConnectionTest() {
    EXPECT_TRUE(sql::Migrate(*direct_).ok());
    cut_ = sql::MustOpen({.url = server_.TcpUrl(gate_.port())});
  }
  int64_t Count(std::string_view sql) { return sql::MustCount(*direct_, sql); }
  static absl::StatusOr<ChangeRecord> Work(sql::Transaction&, int64_t number) {
    return ChangeRecord{"thing", "", "", absl::StrCat("answer ", number), {{"thing", "body"}}};
  }

  fixtures::PostgresServer server_{{.tcp = true}};
  std::unique_ptr<sql::Database> direct_ = sql::MustOpen({.url = server_.url()});
  fixtures::TcpGate gate_{server_.port()};
  std::unique_ptr<sql::Database> cut_;
  const ChangeRequest request_{"acme", "ann", "", "Write", "request", "digest", "", kNowUs};
};

TEST_F(ChangesOverACutConnectionTest, BeforeTheEndNothingIsLeft) {
  Changes changes(cut_.get());
  const auto made = changes.Make(
      request_, "thing",
      [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
        auto record = Work(transaction, number);
        gate_.DropConnections();
        return record;
      });
  EXPECT_TRUE(absl::IsUnavailable(made.status())) << made.status();
  for (const char* table : {"control_items", "control_requests", "audit_log", "audit_heads"}) {
    EXPECT_EQ(Count(absl::StrCat("SELECT COUNT(*) FROM ", table)), 0) << table;
  }
  EXPECT_EQ(Count("SELECT number FROM control_head"), 0);
  // The lock went with the connection.
  EXPECT_EQ(changes.Make(request_, "thing", Work)->answer, "answer 1");
}

// The reply to one of the statements after the work is lost, that to the commit among them:
// whichever it was, the same request ends with one change.
TEST_F(ChangesOverACutConnectionTest, WhateverReplyIsLostTheSameRequestTells) {
  Changes changes(cut_.get());
  int lost = 0;
  for (int bytes = 0; bytes < 600; bytes += 7) {
    ChangeRequest request = request_;
    request.request_id = absl::StrCat("request-", bytes);
    const auto made = changes.Make(
        request, "thing",
        [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
          auto record = Work(transaction, number);
          gate_.CutAfter(bytes);
          return record;
        });
    gate_.Pass();
    if (!made.ok()) ++lost;
    const auto again = changes.Make(request, "thing", Work);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(!made.ok() || again->repeated);
    EXPECT_EQ(Count("SELECT COUNT(*) FROM control_requests"), bytes / 7 + 1);
    EXPECT_EQ(Count("SELECT COUNT(*) FROM audit_log WHERE outcome = 'OK'"), bytes / 7 + 1);
    EXPECT_EQ(Count("SELECT number FROM control_head"), bytes / 7 + 1);
  }
  EXPECT_GT(lost, 10);
}

// Each by another, so that only the orgs count.
TEST(RefusalBudgetTest, OrgsWithoutEndShareOne) {
  RefusalBudget budget;
  int actors = 0;
  const auto take = [&](const std::string& org, int64_t now_us) {
    return budget.Take(org, absl::StrCat("token:", ++actors / 500), now_us);
  };
  for (size_t i = 0; i < RefusalBudget::kMaxOrgs - 1; ++i) {
    EXPECT_TRUE(take(absl::StrCat("org-", i), kNowUs));
  }
  int taken = 0;
  for (int i = 0; i < 2'000; ++i) {
    if (take(absl::StrCat("more-", i), kNowUs)) ++taken;
  }
  EXPECT_EQ(taken, RefusalBudget::kMaxPerMinute + 1);  // one found the last place
  // A minute later those that were not seen again have gone.
  EXPECT_TRUE(take("new", kNowUs + kHourUs));
  EXPECT_TRUE(take("newer", kNowUs + kHourUs));
}

TEST(RefusalBudgetTest, WhoeverMakesOrgsUpFillsNoMoreOfTheLogThanAnybody) {
  RefusalBudget budget;
  int taken = 0;
  for (int i = 0; i < 2'000; ++i) {
    if (budget.Take(absl::StrCat("made-up-", i), "token:mallory", kNowUs)) ++taken;
  }
  EXPECT_EQ(taken, RefusalBudget::kMaxPerMinute);
  EXPECT_EQ(budget.TakeMissing("made-up-1999"), 1);
  EXPECT_TRUE(budget.Take("made-up-1999", "token:ann", kNowUs));
  EXPECT_TRUE(budget.Take("acme", "token:mallory", kNowUs + kHourUs));
}

}  // namespace
}  // namespace quotaplane
