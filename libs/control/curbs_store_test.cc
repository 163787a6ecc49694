#include "libs/control/curbs_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/control/curb_rows.h"
#include "libs/control/test_stores.h"
#include "libs/policy/alert_rule.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CurbsStoreTest : public StoresTest {
 protected:
  Curb FreezeOf(int64_t alert, const std::string& user) const {
    Curb curb;
    curb.alert = alert;
    curb.freeze = true;
    curb.scope = {{Dim("user"), user}};
    curb.from_us = now_us_;
    curb.until_us = now_us_ + kHourUs;
    return curb;
  }
  Curb ThrottleOf(int64_t alert, int share_permille, std::string limit_id = "") const {
    Curb curb = FreezeOf(alert, "alice");
    curb.freeze = false;
    curb.share_permille = share_permille;
    curb.limit_id = std::move(limit_id);
    return curb;
  }

  absl::StatusOr<Curb> Put(const Curb& curb, const std::string& org = "acme") {
    return Make(RequestOf(AlertActor(curb.alert), org),
                [&](const OpenChange& change) { return store_.Put(change, curb); });
  }
  absl::StatusOr<Curb> End(int64_t alert, const std::string& org = "acme") {
    return Make(RequestOf("token:ann", org),
                [&](const OpenChange& change) { return store_.End(change, alert); });
  }
  std::vector<Curb> List(const std::string& org = "acme") {
    absl::StatusOr<std::vector<Curb>> list = store_.List(*db_, org, now_us_);
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? *std::move(list) : std::vector<Curb>();
  }

  const CurbStore store_{&codec_};
};

TEST_P(CurbsStoreTest, FromTheAlertToItsAcknowledgement) {
  const Curb freeze = FreezeOf(17, "alice");
  const absl::StatusOr<Curb> put = Put(freeze);
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(*put, freeze);
  EXPECT_THAT(List(), ElementsAre(freeze));
  EXPECT_THAT(List("globex"), IsEmpty());
  // It holds as soon as a replica knows it, whatever its clock says.
  EXPECT_EQ(
      Item("curbs/acme"),
      absl::StrCat("acme; A-17 freeze {org=acme, user=alice} from 0 until ", freeze.until_us));
  EXPECT_EQ(LastAudit("actor"), "alert:A-17");
  EXPECT_EQ(LastAudit("target"), "alert/A-17");
  EXPECT_EQ(LastAudit("before_json"), "");
  EXPECT_EQ(LastAudit("after_json"),
            R"({"action":"freeze","alert":"A-17","from":"2026-11-01T00:00:00Z",)"
            R"("scope":{"user":"alice"},"until":"2026-11-01T01:00:00Z"})");

  now_us_ += kHourUs / 2;
  const absl::StatusOr<Curb> ended = End(17);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->until_us, now_us_);
  EXPECT_THAT(List(), IsEmpty());
  EXPECT_EQ(Item("curbs/acme"), "");
  EXPECT_EQ(LastAudit("actor"), "token:ann");
  EXPECT_EQ(LastAudit("target"), "alert/A-17");
  EXPECT_THAT(LastAudit("before_json"), HasSubstr(R"("until":"2026-11-01T01:00:00Z")"));
  EXPECT_THAT(LastAudit("after_json"), HasSubstr(R"("until":"2026-11-01T00:30:00Z")"));
  EXPECT_EQ(CodeAndReason(End(17).status()), "NOT_FOUND");
  EXPECT_EQ(Chain().size(), 3u);
}

TEST_P(CurbsStoreTest, ItEndsByItself) {
  const Curb first = FreezeOf(17, "alice");
  ASSERT_TRUE(Put(first).ok());
  now_us_ = first.until_us - 1;
  EXPECT_EQ(List().size(), 1u);
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 0);
  now_us_ = first.until_us;
  EXPECT_THAT(List(), IsEmpty());
  EXPECT_EQ(CodeAndReason(End(17).status()), "NOT_FOUND");
  EXPECT_THAT(Item("curbs/acme"), HasSubstr("A-17"));
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 1);
  EXPECT_EQ(Item("curbs/acme"), "");
  EXPECT_EQ(LastAudit("action"), "DropEndedCurbs");
  EXPECT_EQ(LastAudit("actor"), "quotaplane");
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM curbs"), 0);
}

TEST_P(CurbsStoreTest, AnOrgsCurbsAreOneItem) {
  const Curb freeze = FreezeOf(17, "alice");
  Curb throttle = ThrottleOf(9, 200, "user-day");
  throttle.scope = {};
  throttle.from_us = now_us_ + 1;
  throttle.until_us = now_us_ + 2 * kHourUs;
  ASSERT_TRUE(Put(freeze).ok());
  ASSERT_TRUE(Put(throttle).ok());
  ASSERT_TRUE(Put(FreezeOf(18, "bob"), "globex").ok());
  EXPECT_THAT(List(), ElementsAre(throttle, freeze));
  EXPECT_EQ(Item("curbs/acme"),
            absl::StrCat("acme; A-9 to 200 {org=acme}user-day from ", throttle.from_us, " until ",
                         throttle.until_us, "; A-17 freeze {org=acme, user=alice} from 0 until ",
                         freeze.until_us));
  EXPECT_THAT(Item("curbs/globex"), HasSubstr("A-18 freeze {org=globex, user=bob}"));
  EXPECT_THAT(LastAudit("after_json", "acme"),
              AllOf(HasSubstr(R"("action":"throttle")"), HasSubstr(R"("share_permille":200)"),
                    HasSubstr(R"("limit":"user-day")"), HasSubstr(R"("scope":{})")));
  // What has ended leaves with the next.
  now_us_ = freeze.until_us;
  ASSERT_TRUE(Put(FreezeOf(20, "carol")).ok());
  EXPECT_THAT(Item("curbs/acme"), AllOf(HasSubstr("A-9"), HasSubstr("A-20")));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM curbs WHERE org = 'acme'"), 2);
}

TEST_P(CurbsStoreTest, AnAlertHasOne) {
  ASSERT_TRUE(Put(ThrottleOf(17, 200, "user-day")).ok());
  now_us_ += kHourUs / 2;
  const Curb next = FreezeOf(17, "bob");
  ASSERT_TRUE(Put(next).ok());
  EXPECT_THAT(List(), ElementsAre(next));
  EXPECT_THAT(LastAudit("before_json"), HasSubstr(R"("action":"throttle")"));
  EXPECT_THAT(LastAudit("after_json"), HasSubstr(R"("action":"freeze")"));
  // One that has ended is nothing that was before.
  now_us_ = next.until_us;
  ASSERT_TRUE(Put(FreezeOf(17, "bob")).ok());
  EXPECT_EQ(LastAudit("before_json"), "");
}

TEST_P(CurbsStoreTest, ScopesComeBackAsTheyWere) {
  Curb curb = FreezeOf(17, "");
  curb.scope = {{Dim("labels.session"), "s \"1\" \\ '"},
                {Dim("model"), "claude-*"},
                {Dim("user"), "Größe-日本"}};
  ASSERT_TRUE(Put(curb).ok());
  EXPECT_THAT(List(), ElementsAre(curb));
}

TEST_P(CurbsStoreTest, WhatBreaksARuleIsRefusedByName) {
  struct Case {
    std::function<void(Curb*)> change;
    std::string field;
  };
  const std::vector<Case> cases = {
      {[](Curb* c) { c->alert = 0; }, "alert"},
      {[](Curb* c) { c->freeze = true; }, "freeze"},
      {[](Curb* c) { c->share_permille = 0; }, "share_permille"},
      {[](Curb* c) { c->share_permille = 1'000; }, "share_permille"},
      {[](Curb* c) { c->limit_id = "a\nb"; }, "limit_id"},
      {[](Curb* c) { c->scope.emplace_back(Dim("user"), "bob"); }, "scope[user]"},
      {[](Curb* c) { c->scope.emplace_back(Dim("org"), "acme"); }, "scope[org]"},
      {[](Curb* c) { c->scope[0].second = ""; }, "scope[user]"},
      {[](Curb* c) {
         c->scope[0].first = {DimensionKind::kLabel, "NO"};
       },
       "scope[labels.NO]"},
      {[](Curb* c) {
         for (const char* label : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
           c->scope.push_back({{DimensionKind::kLabel, label}, "x"});
         }
       },
       "scope"},
      {[this](Curb* c) { c->until_us = now_us_; }, "until"},
      {[this](Curb* c) { c->until_us = now_us_ + kMaxAlertActionUs + 1; }, "until"},
      {[](Curb* c) { c->from_us = -1; }, "from"},
      {[](Curb* c) { c->from_us = c->until_us; }, "from"},
  };
  for (const Case& each : cases) {
    Curb curb = ThrottleOf(17, 200);
    each.change(&curb);
    const absl::Status status = Put(curb).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << each.field << ": " << status;
    const std::vector<FieldViolation> fields = FieldViolationsOf(status);
    ASSERT_EQ(fields.size(), 1u) << status;
    EXPECT_EQ(fields[0].field, each.field);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Put(ThrottleOf(17, 200), "").status()));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM curbs"), 0);
  EXPECT_EQ(Item("curbs/acme"), "(none)");
  // The longest there may be.
  Curb longest = ThrottleOf(17, 200);
  longest.until_us = now_us_ + kMaxAlertActionUs;
  EXPECT_TRUE(Put(longest).ok());
}

TEST_P(CurbsStoreTest, ThereAreAtMostSoMany) {
  ASSERT_TRUE(Put(FreezeOf(1, "alice")).ok());
  {
    const auto transaction = db_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    for (int64_t alert = 2; alert <= static_cast<int64_t>(kMaxCurbsPerOrg); ++alert) {
      const absl::Status written = WriteCurb(**transaction, "acme", FreezeOf(alert, "bob"), 1);
      ASSERT_TRUE(written.ok()) << written;
    }
    ASSERT_TRUE((*transaction)->Commit().ok());
  }
  const int64_t next = static_cast<int64_t>(kMaxCurbsPerOrg) + 1;
  const auto before = Everything();
  EXPECT_EQ(CodeAndReason(Put(FreezeOf(next, "carol")).status()), "RESOURCE_EXHAUSTED TOO_MANY");
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(LastAudit("outcome"), "RESOURCE_EXHAUSTED TOO_MANY");
  // In place of one there is room, and once one is ended; another org has its own.
  EXPECT_TRUE(Put(FreezeOf(2, "carol")).ok());
  EXPECT_TRUE(End(2).ok());
  EXPECT_TRUE(Put(FreezeOf(next, "carol")).ok());
  EXPECT_TRUE(Put(FreezeOf(next + 1, "carol"), "globex").ok());
}

TEST_P(CurbsStoreTest, TheirScopesHaveAtMostSoManySetsOfDimensions) {
  const auto of_label = [&](int64_t n) {
    Curb curb = FreezeOf(n, "alice");
    curb.scope.push_back({{DimensionKind::kLabel, absl::StrCat("l", n)}, "x"});
    return curb;
  };
  for (int64_t n = 1; n <= static_cast<int64_t>(kMaxCurbShapes); ++n) {
    ASSERT_TRUE(Put(of_label(n)).ok()) << n;
  }
  EXPECT_EQ(CodeAndReason(Put(of_label(99)).status()), "RESOURCE_EXHAUSTED TOO_MANY");
  Curb same = of_label(1);
  same.alert = 99;
  EXPECT_TRUE(Put(same).ok());
}

QP_OVER_BOTH_DATABASES(CurbsStoreTest);

}  // namespace
}  // namespace quotaplane
