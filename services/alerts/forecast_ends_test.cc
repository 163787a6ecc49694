#include "services/alerts/forecast_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/alert_sources/forecast_signals.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/scope_limits.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kUsd = 1'000'000'000;
constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kDayUs = 24 * 60 * kMinuteUs;

class ForecastEndsTest : public ::testing::Test {
 protected:
  ForecastEndsTest() {
    SetAmount(1'000 * kUsd);
    ending_ = Ending();
    Alert alert;
    alert.signal = *ForecastSignal(ending_, *policy_, now_us_);
    open_ = {alert};
  }

  void SetAmount(std::optional<int64_t> amount) {
    PolicyDocument document;
    if (amount.has_value()) {
      Limit limit;
      limit.id = "team-month";
      limit.per = {Dim("team")};
      limit.amount = *amount;
      limit.window = *ParseWindow("month", absl::UTCTimeZone(), 1);
      document.limits = {limit};
    }
    policy_ = *Policy::Build(std::move(document));
    policies_ = std::make_shared<const PolicySet>(policy_);
  }
  LimitForecast Ending() const {
    Subject scope;
    scope.org = "acme";
    scope.team = "search";
    LimitForecast forecast;
    forecast.org = "acme";
    forecast.limit_id = "team-month";
    forecast.scope = "{org=acme, team=search}";
    forecast.dimensions = {{"org", "acme"}, {"team", "search"}};
    forecast.unit = "usd";
    forecast.counter = ScopeLimits(policy_).Find("team-month", scope)->counter;
    forecast.amount = 1'000 * kUsd;
    forecast.used = 612 * kUsd;
    forecast.resets_at_us = now_us_ + 15 * kDayUs;
    forecast.forecast.exhausted_at_us = now_us_ + 7 * kDayUs;
    return forecast;
  }
  // Why the alert is over after a round that found this.
  std::vector<std::string> Round(const ForecastResult& result) {
    ends_.Begin(result, *policies_, now_us_);
    std::vector<std::string> over;
    for (const Signal& end : ends_.Of(open_)) {
      EXPECT_TRUE(end.over && CheckSignal(end).ok()) << CheckSignal(end);
      over.push_back(end.over_because);
    }
    return over;
  }
  ForecastResult Found(bool ends) const {
    ForecastResult result;
    if (ends) result.ending = {ending_};
    return result;
  }

  int64_t now_us_ = 1'776'297'600'000'000;  // 2026-04-16 00:00 UTC
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const PolicySet> policies_;
  LimitForecast ending_;
  std::vector<Alert> open_;
  ForecastEnds ends_;
};

TEST_F(ForecastEndsTest, AfterItHasNotBeenMadeForTwoHours) {
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  now_us_ += ForecastEnds::kOverAfterUs - 1;
  EXPECT_THAT(Round(Found(false)), IsEmpty());
  // Once more, and the time counts anew.
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  now_us_ += ForecastEnds::kOverAfterUs - 1;
  EXPECT_THAT(Round(Found(false)), IsEmpty());
  now_us_ += 1;
  EXPECT_THAT(Round(Found(false)), ElementsAre("at the present rate it lasts"));
}

TEST_F(ForecastEndsTest, WhatAnotherProcessHasToldIsGivenTheSameTime) {
  EXPECT_THAT(Round(Found(false)), IsEmpty());
  now_us_ += ForecastEnds::kOverAfterUs;
  EXPECT_THAT(Round(Found(false)), ElementsAre("at the present rate it lasts"));
}

TEST_F(ForecastEndsTest, NotWhileNobodyCanLook) {
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  ForecastResult blind = Found(false);
  blind.unread["acme"] = "away";
  now_us_ += 10 * ForecastEnds::kOverAfterUs;
  EXPECT_THAT(Round(blind), IsEmpty());
  ForecastResult many = Found(false);
  many.ending_left_out = 1;
  now_us_ += ForecastEnds::kOverAfterUs;
  EXPECT_THAT(Round(many), IsEmpty());
  // Another org's trouble is nothing to this one.
  ForecastResult other = Found(false);
  other.unread["globex"] = "away";
  now_us_ += ForecastEnds::kOverAfterUs;
  EXPECT_THAT(Round(other), ElementsAre("at the present rate it lasts"));
}

TEST_F(ForecastEndsTest, AtOnceWithItsPeriod) {
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  now_us_ = ending_.resets_at_us - 1;
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  now_us_ += 1;
  EXPECT_THAT(Round(Found(false)), ElementsAre("its period has ended"));
}

TEST_F(ForecastEndsTest, SoonAfterItsAmountWasRaised) {
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  SetAmount(1'200 * kUsd);
  // It ends early by that amount too.
  now_us_ += kMinuteUs;
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  SetAmount(5'000 * kUsd);
  now_us_ += kMinuteUs;
  EXPECT_THAT(Round(Found(false)), ElementsAre("its amount is 5,000.00 USD now"));
}

TEST_F(ForecastEndsTest, SoonAfterItsLimitWasRemoved) {
  EXPECT_THAT(Round(Found(true)), IsEmpty());
  SetAmount(std::nullopt);
  now_us_ += kMinuteUs;
  EXPECT_THAT(Round(Found(false)), ElementsAre("limit team-month was removed or counts otherwise"));
}

}  // namespace
}  // namespace quotaplane
