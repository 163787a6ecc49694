#include "libs/control/exceptions.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "libs/control/exception_check.h"
#include "libs/control/exception_rows.h"
#include "libs/control/sortable_id.h"
#include "libs/control/test_stores.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Limits by user, by team and model, and of the org.
std::shared_ptr<const Policy> TestPolicy() {
  PolicyDocument document;
  document.limits = {DailyLimit("by-user", {"user"}, 100),
                     DailyLimit("by-team-model", {"team", "model"}, 200),
                     DailyLimit("of-org", {}, 1'000)};
  document.limits[0].overrides = {For({{"user", "alice"}}, 150), For({{"user", "bob"}}, 50)};
  return *Policy::Build(std::move(document));
}

class ExceptionsTest : public StoresTest {
 protected:
  static ExceptionSpec ForAlice(int64_t end_us) {
    ExceptionSpec spec;
    spec.scope = {{"user", "alice"}};
    spec.raises = {{"by-user", 400}};
    spec.end_us = end_us;
    spec.reason = "release week";
    return spec;
  }

  absl::StatusOr<Exception> Ask(const ExceptionSpec& spec, const std::string& actor = "alice") {
    return Make(RequestOf(actor),
                [&](const OpenChange& change) { return store_.Request(change, spec, *policy_); });
  }
  Exception MustRequest(const ExceptionSpec& spec) {
    const absl::StatusOr<Exception> made = Ask(spec);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : Exception();
  }

  using Write = absl::StatusOr<Changed<Exception>> (ExceptionStore::*)(
      const OpenChange&, const ExceptionStore::Decision&) const;
  absl::StatusOr<Exception> Do(Write write, const std::string& actor, const Exception& of,
                               const std::string& comment = "") {
    return Make(RequestOf(actor), [&](const OpenChange& change) {
      return (store_.*write)(change, {of.id, of.etag, comment});
    });
  }
  absl::StatusOr<Exception> Approve(const std::string& actor, const Exception& of) {
    return Do(&ExceptionStore::Approve, actor, of, "fine");
  }

  ExceptionState StateOf(const std::string& id) {
    const absl::StatusOr<Exception> read = store_.Get(*db_, "acme", id, now_us_);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? read->state : ExceptionState::kRequested;
  }
  std::vector<std::string> Ids(std::vector<ExceptionState> states, const std::string& after = "",
                               size_t count = 100) {
    const auto list = store_.List(*db_, {"acme", std::move(states)}, after, count, now_us_);
    EXPECT_TRUE(list.ok()) << list.status();
    std::vector<std::string> ids;
    if (list.ok()) {
      for (const Exception& each : *list) ids.push_back(each.id);
    }
    return ids;
  }

  const std::shared_ptr<const Policy> policy_ = TestPolicy();
  const ExceptionStore store_{&codec_};
};

// From request to end, hour by hour.
TEST_P(ExceptionsTest, WholeLife) {
  ExceptionSpec spec = ForAlice(now_us_ + 10 * kHourUs);
  spec.start_us = now_us_ + 5 * kHourUs;
  const Exception requested = MustRequest(spec);
  EXPECT_EQ(requested.state, ExceptionState::kRequested);
  EXPECT_EQ(requested.requester, "alice");
  EXPECT_TRUE(IsSortableId(requested.id)) << requested.id;
  EXPECT_EQ(Item("raises/acme"), "(none)");
  EXPECT_THAT(LastAudit("after_json"), HasSubstr("\"state\":\"REQUESTED\""));
  EXPECT_EQ(LastAudit("target"), "exception/" + requested.id);

  now_us_ += kHourUs;
  const absl::StatusOr<Exception> approved = Approve("bob", requested);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->state, ExceptionState::kScheduled);
  EXPECT_EQ(approved->decider, "bob");
  EXPECT_EQ(approved->decided_at_us, now_us_);
  EXPECT_EQ(approved->decide_comment, "fine");
  EXPECT_NE(approved->etag, requested.etag);
  EXPECT_EQ(Item("raises/acme"), absl::StrCat("acme; by-user{user=alice,} 400 from ",
                                              *spec.start_us, " until ", spec.end_us));
  EXPECT_THAT(LastAudit("before_json"), HasSubstr("\"state\":\"REQUESTED\""));
  EXPECT_THAT(LastAudit("after_json"),
              AllOf(HasSubstr("\"state\":\"SCHEDULED\""), HasSubstr("\"decider\":\"bob\"")));

  now_us_ = *spec.start_us - 1;
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kScheduled);
  now_us_ = *spec.start_us;
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kActive);
  now_us_ = spec.end_us - 1;
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kActive);
  now_us_ = spec.end_us;
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kExpired);
  EXPECT_EQ(ReasonIn(Do(&ExceptionStore::Revoke, "bob", *approved).status()), "WRONG_STATE");

  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 1);
  EXPECT_EQ(Item("raises/acme"), "");
  EXPECT_EQ(LastAudit("action"), "DropEndedExceptions");
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kExpired);
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 0);
}

TEST_P(ExceptionsTest, WithoutAStartItHoldsFromItsApproval) {
  const Exception requested = MustRequest(ForAlice(now_us_ + 10 * kHourUs));
  EXPECT_EQ(requested.FromUs(), std::nullopt);
  now_us_ += kHourUs;
  const absl::StatusOr<Exception> approved = Approve("bob", requested);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->state, ExceptionState::kActive);
  EXPECT_EQ(approved->FromUs(), now_us_);
  // Whatever a replica's clock says.
  EXPECT_THAT(Item("raises/acme"), HasSubstr("400 from 0 until"));
}

TEST_P(ExceptionsTest, NotByItsRequester) {
  const Exception requested = MustRequest(ForAlice(now_us_ + kDayUs));
  const absl::Status approved = Approve("alice", requested).status();
  EXPECT_EQ(approved.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonIn(approved), "OWN_CHANGE");
  EXPECT_THAT(LastAudit("outcome"), HasSubstr("OWN_CHANGE"));
  EXPECT_EQ(ReasonIn(Do(&ExceptionStore::Deny, "alice", requested).status()), "OWN_CHANGE");
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kRequested);
  EXPECT_EQ(Item("raises/acme"), "(none)");
  // To withdraw it is another matter.
  ASSERT_TRUE(Do(&ExceptionStore::Revoke, "alice", requested).ok());
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kRevoked);
}

TEST_P(ExceptionsTest, OfTwoApproversAtOnceOneDecides) {
  const Exception requested = MustRequest(ForAlice(now_us_ + kDayUs));
  const ChangeRequest bob = RequestOf("bob"), carol = RequestOf("carol");
  const auto approve = [&](const ChangeRequest& request) {
    return Make(request,
                [&](const OpenChange& change) {
                  return store_.Approve(change, {requested.id, requested.etag, ""});
                })
        .status();
  };
  std::future<absl::Status> other = std::async(std::launch::async, [&] { return approve(bob); });
  const absl::Status mine = approve(carol), its = other.get();
  EXPECT_NE(mine.ok(), its.ok()) << mine << its;
  EXPECT_EQ(ReasonIn(mine.ok() ? its : mine), "ETAG_MISMATCH");
  EXPECT_EQ(store_.Get(*db_, "acme", requested.id, now_us_)->decider, mine.ok() ? "carol" : "bob");
}

TEST_P(ExceptionsTest, WhatIsDecidedStaysSo) {
  const Exception approved = *Approve("bob", MustRequest(ForAlice(now_us_ + kDayUs)));
  const absl::Status denied = Do(&ExceptionStore::Deny, "bob", approved).status();
  EXPECT_EQ(ReasonIn(denied), "WRONG_STATE");
  EXPECT_EQ(MetadataOf(denied)["state"], "ACTIVE");
  EXPECT_EQ(ReasonIn(Approve("bob", approved).status()), "WRONG_STATE");

  const Exception other = MustRequest(ForAlice(now_us_ + kDayUs));
  const absl::StatusOr<Exception> refused = Do(&ExceptionStore::Deny, "bob", other, "too much");
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->state, ExceptionState::kDenied);
  EXPECT_EQ(refused->decide_comment, "too much");
  EXPECT_EQ(ReasonIn(Approve("carol", *refused).status()), "WRONG_STATE");
  EXPECT_EQ(ReasonIn(Do(&ExceptionStore::Revoke, "alice", *refused).status()), "WRONG_STATE");
}

TEST_P(ExceptionsTest, RevocationEndsIt) {
  const Exception approved = *Approve("bob", MustRequest(ForAlice(now_us_ + kDayUs)));
  ExceptionSpec org;
  org.raises = {{"of-org", 5'000}};
  org.end_us = now_us_ + kDayUs;
  org.reason = "launch";
  ASSERT_TRUE(Approve("bob", MustRequest(org)).ok());
  EXPECT_THAT(Item("raises/acme"), AllOf(HasSubstr("by-user"), HasSubstr("of-org{} 5000")));

  now_us_ += kHourUs;
  EXPECT_EQ(
      ReasonIn(Do(&ExceptionStore::Revoke, "dora", MustRequest(ForAlice(now_us_ + 1))).status()),
      "(none)");
  Exception stale = approved;
  stale.etag = "0";
  EXPECT_EQ(ReasonIn(Do(&ExceptionStore::Revoke, "dora", stale).status()), "ETAG_MISMATCH");
  const absl::StatusOr<Exception> revoked = Do(&ExceptionStore::Revoke, "dora", approved);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->state, ExceptionState::kRevoked);
  EXPECT_EQ(revoked->revoked_by, "dora");
  EXPECT_EQ(revoked->revoked_at_us, now_us_);
  EXPECT_EQ(revoked->decide_comment, "fine");
  EXPECT_THAT(Item("raises/acme"), AllOf(Not(HasSubstr("by-user")), HasSubstr("of-org")));
}

TEST_P(ExceptionsTest, ExpiredCannotBeApproved) {
  const Exception requested = MustRequest(ForAlice(now_us_ + kHourUs));
  now_us_ += kHourUs;
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kExpired);
  const absl::Status approved = Approve("bob", requested).status();
  EXPECT_EQ(ReasonIn(approved), "WRONG_STATE");
  EXPECT_EQ(MetadataOf(approved)["state"], "EXPIRED");
  EXPECT_EQ(Item("raises/acme"), "(none)");
}

TEST_P(ExceptionsTest, TheNextChangeDropsWhatHasEnded) {
  ASSERT_TRUE(Approve("bob", MustRequest(ForAlice(now_us_ + kHourUs))).ok());
  now_us_ += 2 * kHourUs;
  ExceptionSpec spec = ForAlice(now_us_ + kHourUs);
  spec.raises[0].amount = 777;
  ASSERT_TRUE(Approve("bob", MustRequest(spec)).ok());
  EXPECT_THAT(Item("raises/acme"), AllOf(Not(HasSubstr(" 400 ")), HasSubstr(" 777 ")));
}

TEST_P(ExceptionsTest, NoMoreThanReplicasTake) {
  ExceptionRow row;
  row.exception.org = "acme";
  row.exception.spec = ForAlice(now_us_ + kDayUs);
  row.exception.spec.raises.resize(kMaxLimitRaises, {"by-user", 400});
  row.exception.requester = "alice";
  row.exception.decider = "bob";
  row.decided = DecidedState::kApproved;
  const std::unique_ptr<sql::Transaction> transaction = *db_->Begin();
  for (size_t i = 0; i < kMaxRaisesPerOrg / kMaxLimitRaises; ++i) {
    row.exception.id = NewSortableId(now_us_);
    ASSERT_TRUE(InsertException(*transaction, row, 1).ok());
  }
  ASSERT_TRUE(transaction->Commit().ok());
  const Exception requested = MustRequest(ForAlice(now_us_ + kHourUs));
  EXPECT_EQ(ReasonIn(Approve("bob", requested).status()), "TOO_MANY");
  EXPECT_EQ(StateOf(requested.id), ExceptionState::kRequested);
}

TEST_P(ExceptionsTest, EachRaiseHasTheScopeOfItsLimit) {
  ExceptionSpec spec = ForAlice(now_us_ + kDayUs);
  spec.scope = {{"user", "bob"}, {"team", "search"}, {"model", "big"}};
  spec.raises = {{"by-user", 51}, {"by-team-model", 201}, {"of-org", 1'001}};
  ASSERT_TRUE(Approve("bob", MustRequest(spec)).ok());
  EXPECT_THAT(Item("raises/acme"), AllOf(HasSubstr("by-user{user=bob,} 51"),
                                         HasSubstr("by-team-model{model=big,team=search,} 201"),
                                         HasSubstr("of-org{} 1001")));
}

TEST_P(ExceptionsTest, BadRequestsChangeNothing) {
  struct Case {
    std::string what;
    void (*spoil)(ExceptionSpec* spec, int64_t now_us);
    std::string field;
  };
  const std::vector<Case> cases = {
      {"no raise", [](ExceptionSpec* s, int64_t) { s->raises.clear(); }, "raises"},
      {"too many",
       [](ExceptionSpec* s, int64_t) {
         s->raises.resize(21, {"by-user", 1});
       },
       "raises"},
      {"twice", [](ExceptionSpec* s, int64_t) { s->raises.push_back(s->raises[0]); },
       "raises[1].limit_id"},
      {"no such limit", [](ExceptionSpec* s, int64_t) { s->raises[0].limit_id = "other"; },
       "raises[0].limit_id"},
      {"as much as by policy", [](ExceptionSpec* s, int64_t) { s->raises[0].amount = 150; },
       "raises[0].amount"},
      {"negative", [](ExceptionSpec* s, int64_t) { s->raises[0].amount = -1; }, "raises[0].amount"},
      {"no double", [](ExceptionSpec* s, int64_t) { s->raises[0].amount = kMaxAmount + 1; },
       "raises[0].amount"},
      {"no value", [](ExceptionSpec* s, int64_t) { s->scope.clear(); }, "scope"},
      {"one too many", [](ExceptionSpec* s, int64_t) { s->scope["team"] = "search"; },
       "scope[\"team\"]"},
      {"no dimension", [](ExceptionSpec* s, int64_t) { s->scope["usr"] = "alice"; },
       "scope[\"usr\"]"},
      {"the org", [](ExceptionSpec* s, int64_t) { s->scope["org"] = "acme"; }, "scope[\"org\"]"},
      {"empty value", [](ExceptionSpec* s, int64_t) { s->scope["user"] = ""; }, "scope[\"user\"]"},
      {"ends now", [](ExceptionSpec* s, int64_t now_us) { s->end_us = now_us; }, "end_time"},
      {"for years",
       [](ExceptionSpec* s, int64_t now_us) { s->end_us = now_us + kMaxExceptionUs + 1; },
       "end_time"},
      {"ends as it starts", [](ExceptionSpec* s, int64_t) { s->start_us = s->end_us; }, "end_time"},
      {"no reason", [](ExceptionSpec* s, int64_t) { s->reason = ""; }, "reason"},
      {"control character", [](ExceptionSpec* s, int64_t) { s->reason = "a\nb"; }, "reason"},
  };
  for (const Case& each : cases) {
    ExceptionSpec spec = ForAlice(now_us_ + kDayUs);
    each.spoil(&spec, now_us_);
    const absl::Status status = Ask(spec).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << each.what << ": " << status;
    const std::vector<FieldViolation> fields = FieldViolationsOf(status);
    EXPECT_TRUE(
        std::any_of(fields.begin(), fields.end(),
                    [&](const FieldViolation& violation) { return violation.field == each.field; }))
        << each.what << ": " << status;
    EXPECT_THAT(LastAudit("outcome"), HasSubstr("INVALID_ARGUMENT")) << each.what;
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM exceptions"), 0);
}

TEST_P(ExceptionsTest, OfAnotherOrgThereIsNone) {
  const Exception requested = MustRequest(ForAlice(now_us_ + kDayUs));
  const absl::StatusOr<Exception> approved =
      Make(RequestOf("bob", "other"), [&](const OpenChange& change) {
        return store_.Approve(change, {requested.id, requested.etag, ""});
      });
  EXPECT_TRUE(absl::IsNotFound(approved.status())) << approved.status();
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, "other", requested.id, now_us_).status()));
  EXPECT_TRUE(store_.List(*db_, {"other", {}}, "", 100, now_us_)->empty());
}

TEST_P(ExceptionsTest, ListsByStateAndPage) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    now_us_ += 1'000;
    ExceptionSpec spec = ForAlice(now_us_ + (i == 5 ? kHourUs : kDayUs));
    if (i == 3) spec.start_us = now_us_ + 5 * kHourUs;
    const Exception made = MustRequest(spec);
    ids.push_back(made.id);
    if (i == 1) {
      EXPECT_TRUE(Do(&ExceptionStore::Deny, "bob", made).ok());
    }
    if (i == 2 || i == 3) {
      EXPECT_TRUE(Approve("bob", made).ok());
    }
    if (i == 4) {
      EXPECT_TRUE(Do(&ExceptionStore::Revoke, "bob", made).ok());
    }
  }
  now_us_ += 2 * kHourUs;
  using State = ExceptionState;
  EXPECT_THAT(Ids({State::kRequested}), ElementsAre(ids[0]));
  EXPECT_THAT(Ids({State::kDenied}), ElementsAre(ids[1]));
  EXPECT_THAT(Ids({State::kActive}), ElementsAre(ids[2]));
  EXPECT_THAT(Ids({State::kScheduled}), ElementsAre(ids[3]));
  EXPECT_THAT(Ids({State::kRevoked}), ElementsAre(ids[4]));
  EXPECT_THAT(Ids({State::kExpired}), ElementsAre(ids[5]));
  EXPECT_THAT(Ids({State::kScheduled, State::kActive}), ElementsAre(ids[3], ids[2]));
  EXPECT_THAT(Ids({}, "", 4), ElementsAre(ids[5], ids[4], ids[3], ids[2]));
  EXPECT_THAT(Ids({}, ids[2], 4), ElementsAre(ids[1], ids[0]));
}

QP_OVER_BOTH_DATABASES(ExceptionsTest);

TEST(AmountOfTest, TheMostSpecificOverrideSays) {
  Limit limit = DailyLimit("l", {"team", "user"}, 10);
  limit.overrides = {For({{"team", "search"}}, 20), For({{"user", "alice"}, {"team", "search"}}, 5),
                     For({{"org", "other"}}, 99)};
  EXPECT_EQ(AmountOf(limit, "acme", {{"team", "ads"}, {"user", "alice"}}), 10);
  EXPECT_EQ(AmountOf(limit, "acme", {{"team", "search"}, {"user", "bob"}}), 20);
  EXPECT_EQ(AmountOf(limit, "acme", {{"team", "search"}, {"user", "alice"}}), 5);
  EXPECT_EQ(AmountOf(limit, "other", {{"team", "ads"}, {"user", "bob"}}), 99);
}

TEST(SortableIdTest, SortsByTime) {
  std::vector<std::string> ids;
  for (int64_t us = 0; us < 100; ++us) ids.push_back(NewSortableId(kNowUs + us * 1'000));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  for (const std::string& id : ids) EXPECT_TRUE(IsSortableId(id)) << id;
  EXPECT_NE(NewSortableId(1), NewSortableId(1));
  EXPECT_EQ(NewSortableId(0).substr(0, 10), "0000000000");
  EXPECT_FALSE(IsSortableId(""));
  EXPECT_FALSE(IsSortableId(std::string(26, 'u')));
  EXPECT_FALSE(IsSortableId(std::string(26, '9')));
}

}  // namespace
}  // namespace quotaplane
