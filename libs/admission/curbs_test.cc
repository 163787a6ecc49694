// What curbs make of demands and verdicts: no store is asked here.
#include <gtest/gtest.h>

#include <memory>

#include "libs/admission/decision.h"
#include "libs/admission/demand.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = 1'000, kUntilUs = 500'000, kResetUs = 900'000;

Curb ThrottleOf(int share_permille) {
  Curb curb;
  curb.alert = 17;
  curb.share_permille = share_permille;
  curb.scope = {{Dim("user"), "alice"}};
  curb.until_us = kUntilUs;
  return curb;
}

// One limit of Alice, of 100 requests a day, throttled to 20.
class ThrottledTest : public testing::Test {
 protected:
  ThrottledTest() {
    PolicyDocument document;
    document.limits = {DailyLimit("user-day", {"user"}, 100)};
    set_ = PolicySet(*Policy::Build(std::move(document))).WithCurbs("acme", {ThrottleOf(200)});
  }

  Demand DemandOf(int64_t requests, int64_t now_us = kNowUs) const {
    const Usage none;
    return BuildDemand(set_->For("acme"), Alice(), "m", {requests, 0, 0, false, &none}, now_us);
  }
  // Of a request for so many, where `used` are used. `fits_at_us` is what the store says.
  Exceeded Judged(int64_t requests, int64_t used, int64_t fits_at_us) {
    const Demand demand = DemandOf(requests);
    CounterState state;
    state.committed = used;
    state.resets_at_us = kResetUs;
    state.fits_at_us = fits_at_us;
    verdict_ = Judge(demand, Alice(), "m", {state}, kNowUs);
    EXPECT_EQ(verdict_.exceeded.size(), 1u);
    return verdict_.exceeded.empty() ? Exceeded() : verdict_.exceeded[0];
  }

  std::shared_ptr<const PolicySet> set_;
  Verdict verdict_;
};

TEST_F(ThrottledTest, TheShareIsWhatIsEnforced) {
  const Demand demand = DemandOf(3);
  ASSERT_EQ(demand.limits.size(), 1u);
  EXPECT_EQ(demand.limits[0].applied.amount, 20);
  EXPECT_EQ(demand.limits[0].unthrottled, 100);
  EXPECT_EQ(demand.limits[0].max_used, 17);
  EXPECT_EQ(demand.limits[0].unthrottled_max_used(), 97);
  EXPECT_EQ(demand.uses[0].max_used, 17);
  EXPECT_EQ(demand.uses[0].hold, 3);
}

TEST_F(ThrottledTest, ItEndsAtItsInstant) {
  EXPECT_EQ(DemandOf(3, kUntilUs - 1).limits[0].applied.amount, 20);
  const Demand after = DemandOf(3, kUntilUs);
  EXPECT_EQ(after.limits[0].applied.amount, 100);
  EXPECT_EQ(after.limits[0].throttle, nullptr);
  EXPECT_EQ(after.uses[0].max_used, 97);
}

TEST_F(ThrottledTest, TheShareIsOfWhatAnExceptionGives) {
  set_ = set_->WithRaises("acme", {{"e1", "user-day", {{Dim("user"), "alice"}}, 300, 0, 2'000}});
  const Demand demand = DemandOf(3);
  EXPECT_EQ(demand.limits[0].applied.amount, 60);
  EXPECT_EQ(demand.limits[0].unthrottled, 300);
  ASSERT_NE(demand.limits[0].raise, nullptr);
  EXPECT_EQ(DemandOf(3, 2'000).limits[0].applied.amount, 20);
}

TEST_F(ThrottledTest, ARefusalNamesTheAlert) {
  const Exceeded exceeded = Judged(5, 18, kResetUs);
  EXPECT_EQ(verdict_.decision, Decision::kDeny);
  EXPECT_EQ(exceeded.cause, Cause::kLimitExceeded);
  EXPECT_EQ(exceeded.amount, 20);
  EXPECT_EQ(exceeded.alert_id, "A-17");
  EXPECT_EQ(exceeded.alert_until_us, kUntilUs);
  EXPECT_EQ(exceeded.detail, "throttled to 20 % by alert A-17 until 1970-01-01 00:00:01 UTC");
}

// When it fits: once there is room in the share, or the throttle is over and there is room in all.
TEST_F(ThrottledTest, ItFitsAtTheEarliestOfBoth) {
  // The share has room before the throttle ends.
  EXPECT_EQ(Judged(5, 18, 2'000).fits_at_us, 2'000);
  EXPECT_EQ(verdict_.retry_after_us, 1'000);
  // It ends before.
  EXPECT_EQ(Judged(5, 18, kResetUs).fits_at_us, kUntilUs);
  EXPECT_EQ(verdict_.retry_after_us, kUntilUs - kNowUs);
  // It depends on holds, or needs more than the share has at all.
  EXPECT_EQ(Judged(5, 18, 0).fits_at_us, kUntilUs);
  EXPECT_EQ(Judged(21, 18, kNeverFits).fits_at_us, kUntilUs);
  EXPECT_FALSE(verdict_.exceeded[0].never_fits);
  // There is no room in the whole amount either.
  EXPECT_EQ(Judged(5, 98, kResetUs).fits_at_us, kResetUs);
  EXPECT_EQ(Judged(21, 98, kNeverFits).fits_at_us, kResetUs);
  // And never will be.
  const Exceeded never = Judged(101, 18, kNeverFits);
  EXPECT_TRUE(never.never_fits);
  EXPECT_EQ(never.fits_at_us, 0);
  EXPECT_EQ(verdict_.retry_after_us, 0);
}

TEST(Frozen, TheRefusalSaysWhoAndUntilWhen) {
  Curb freeze = ThrottleOf(0);
  freeze.freeze = true;
  const Verdict verdict = RefuseFrozen(freeze, Alice(), kNowUs);
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(verdict.retry_after_us, kUntilUs - kNowUs);
  ASSERT_EQ(verdict.exceeded.size(), 1u);
  const Exceeded& exceeded = verdict.exceeded[0];
  EXPECT_EQ(exceeded.cause, Cause::kFrozen);
  EXPECT_EQ(exceeded.limit_id, "alert/A-17");
  EXPECT_EQ(exceeded.scope, "{org=acme, user=alice}");
  EXPECT_EQ(exceeded.fits_at_us, kUntilUs);
  EXPECT_EQ(exceeded.alert_id, "A-17");
}

}  // namespace
}  // namespace quotaplane
