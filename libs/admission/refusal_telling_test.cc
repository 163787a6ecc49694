// What a refusal tells of each kind of limit: no store is asked here.
#include "libs/admission/refusal_telling.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/admission/thresholds.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = 1'000;

// A request of Alice for `requests` requests, where each counter has the same.
class RefusalTellingTest : public ::testing::Test {
 protected:
  void SetLimits(std::vector<Limit> limits, std::vector<Raise> raises = {},
                 std::vector<Curb> curbs = {}) {
    PolicyDocument document;
    document.limits = std::move(limits);
    policies_ = PolicySet(*Policy::Build(std::move(document))).WithRaises("acme", raises);
    policies_ = policies_->WithCurbs("acme", curbs);
  }
  std::vector<CounterUse> Tellings(int64_t committed, int64_t requests = 10) {
    static const Usage kNone;
    demand_ = BuildDemand(policies_->For("acme"), Alice(), "m",
                          {requests, requests, 0, false, &kNone}, kNowUs);
    CounterState state;
    state.committed = committed;
    return TellingsOf(demand_, std::vector<CounterState>(demand_.uses.size(), state));
  }
  // The thresholds that are told; empty: kNone.
  std::vector<int64_t> Told(int64_t committed, int64_t requests = 10) {
    const std::vector<CounterUse> tellings = Tellings(committed, requests);
    EXPECT_LE(tellings.size(), 1U);
    return tellings.empty() ? std::vector<int64_t>() : tellings[0].thresholds;
  }

  using Values = std::vector<int64_t>;
  std::shared_ptr<const PolicySet> policies_;
  Demand demand_;
};

TEST_F(RefusalTellingTest, AnAmountThatIsAsGoodAsSpent) {
  SetLimits({DailyLimit("user-day", {"user"}, 100)});
  EXPECT_EQ(Told(95), Values{100});
  const CounterUse use = Tellings(95).at(0);
  EXPECT_EQ(use.counter, demand_.uses[0].counter);
  EXPECT_EQ(use.hold, 10);
  EXPECT_EQ(use.window, demand_.uses[0].window);
  // From nine tenths on, where the request would have gone past the amount.
  EXPECT_EQ(Told(90, 11), Values{100});
  EXPECT_EQ(Told(89, 12), Values{});
  EXPECT_EQ(Told(90, 10), Values{});
  EXPECT_EQ(Told(99, 1), Values{});
  EXPECT_EQ(Told(99, 2), Values{100});
  // What has been reached was told by the commit that did it.
  EXPECT_EQ(Told(100), Values{});
  // A request that never fits says nothing of what is spent.
  EXPECT_EQ(Told(95, 100), Values{100});
  EXPECT_EQ(Told(95, 101), Values{});
}

TEST_F(RefusalTellingTest, OfLimitsThatRefuse) {
  Limit limit = DailyLimit("user-day", {"user"}, 100);
  for (const OnExceed on_exceed : {OnExceed::kSoft, OnExceed::kShadow}) {
    limit.on_exceed = on_exceed;
    SetLimits({limit});
    EXPECT_EQ(Told(95), Values{});
  }
  limit.on_exceed = OnExceed::kDowngrade;
  limit.downgrade_model = "small";
  SetLimits({limit});
  EXPECT_EQ(Told(95), Values{100});
  // It does not bind who asks for that very model.
  limit.downgrade_model = "m";
  SetLimits({limit});
  EXPECT_EQ(Told(95), Values{});
}

TEST_F(RefusalTellingTest, WhereTheWholeAmountIsToBeTold) {
  Limit limit = DailyLimit("user-day", {"user"}, 100);
  limit.alert_at = {{500, 900}};
  SetLimits({limit});
  EXPECT_EQ(Told(95), Values{});
  limit.alert_at = {{1'000}};
  SetLimits({limit});
  EXPECT_EQ(Told(95), Values{100});
  limit.alert_at.reset();
  limit.window = *ParseWindow("60s", absl::UTCTimeZone(), 1);
  SetLimits({limit});
  EXPECT_EQ(Told(95), Values{});  // it is there to be reached
}

TEST_F(RefusalTellingTest, ConcurrencyComesAndGoes) {
  Limit limit = DailyLimit("slots", {"user"}, 100);
  limit.unit = Unit{UnitKind::kConcurrency, ""};
  limit.window = WindowSpec();
  SetLimits({limit});
  EXPECT_EQ(Told(95), Values{});
}

TEST_F(RefusalTellingTest, AnExceptionsAmountAndNotAThrottles) {
  Raise raise;
  raise.exception_id = "x";
  raise.limit_id = "user-day";
  raise.scope = {{Dim("user"), "alice"}};
  raise.amount = 200;
  raise.until_us = kNowUs + 1;
  SetLimits({DailyLimit("user-day", {"user"}, 100)}, {raise});
  EXPECT_EQ(Told(95), Values{});
  EXPECT_EQ(Told(195), Values{200});
  Curb throttle;
  throttle.alert = 17;
  throttle.share_permille = 500;
  throttle.scope = {{Dim("user"), "alice"}};
  throttle.until_us = kNowUs + 1;
  SetLimits({DailyLimit("user-day", {"user"}, 100)}, {}, {throttle});
  EXPECT_EQ(Told(48), Values{});
  EXPECT_EQ(Told(95), Values{100});
}

TEST_F(RefusalTellingTest, LimitsThatShareACounterAreToldTogether) {
  // Of 104, nine tenths are not committed at 93.
  SetLimits({DailyLimit("a", {"user"}, 100), DailyLimit("b", {"user"}, 98),
             DailyLimit("c", {"user"}, 100), DailyLimit("d", {"user"}, 104)});
  EXPECT_EQ(Told(93), (Values{98, 100}));
  const Digest counter = Tellings(93).at(0).counter;
  const auto describe = [&](int64_t threshold) {
    const auto limits =
        DecodeThresholdLimits(DescribeRefusal(demand_, Alice(), counter, threshold));
    EXPECT_TRUE(limits.ok()) << limits.status();
    return limits.value_or(std::vector<ThresholdLimit>());
  };
  const std::vector<ThresholdLimit> both = describe(100);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].limit_id, "a");
  EXPECT_EQ(both[1].limit_id, "c");
  EXPECT_EQ(both[0].permille, 1'000);
  EXPECT_EQ(both[0].amount, 100);
  EXPECT_EQ(both[0].unit, "requests");
  EXPECT_EQ(both[0].scope, "{org=acme, user=alice}");
  EXPECT_EQ(both[0].dimensions,
            (std::vector<std::pair<std::string, std::string>>{{"org", "acme"}, {"user", "alice"}}));
  ASSERT_EQ(describe(98).size(), 1U);
  EXPECT_EQ(describe(98)[0].limit_id, "b");
  EXPECT_TRUE(describe(97).empty());
}

TEST_F(RefusalTellingTest, CountersOfTheirOwnAreToldEach) {
  SetLimits({DailyLimit("user-day", {"user"}, 100), DailyLimit("team-day", {"team"}, 1'000),
             DailyLimit("org-day", {}, 102)});
  const std::vector<CounterUse> tellings = Tellings(95);
  ASSERT_EQ(tellings.size(), 2U);
  EXPECT_EQ(tellings[0].thresholds, Values{100});
  EXPECT_EQ(tellings[1].thresholds, Values{102});
  EXPECT_NE(tellings[0].counter, tellings[1].counter);
}

// A refusal by a rule, before any counter was read.
TEST_F(RefusalTellingTest, NothingWithoutCounters) {
  SetLimits({DailyLimit("user-day", {"user"}, 100)});
  Tellings(95);
  EXPECT_TRUE(TellingsOf(demand_, {}).empty());
}

}  // namespace
}  // namespace quotaplane
