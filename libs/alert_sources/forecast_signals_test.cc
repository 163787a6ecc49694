#include "libs/alert_sources/forecast_signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane {
namespace {

constexpr int64_t kUsd = 1'000'000'000;
constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
constexpr int64_t kNowUs = 1'776'297'600'000'000;  // 2026-04-16 00:00 UTC

std::shared_ptr<const Policy> PolicyWith(std::optional<std::vector<AlertRule>> rules) {
  PolicyDocument document;
  document.alerts = std::move(rules);
  return *Policy::Build(std::move(document));
}

LimitForecast Ending() {
  LimitForecast forecast;
  forecast.org = "acme";
  forecast.limit_id = "team-month";
  forecast.scope = "{org=acme, team=search}";
  forecast.dimensions = {{"org", "acme"}, {"team", "search"}};
  forecast.unit = "usd";
  forecast.counter = HashOf("a counter");
  forecast.amount = 1'000 * kUsd;
  forecast.used = 612 * kUsd;
  forecast.resets_at_us = kNowUs + 15 * kDayUs;
  forecast.forecast.per_day = 55 * kUsd;
  forecast.forecast.exhausted_at_us = kNowUs + 7 * kDayUs + kDayUs / 2;
  forecast.forecast.used_at_reset = 1'437 * kUsd;
  return forecast;
}

TEST(ForecastSignal, SaysWhenTheBudgetEnds) {
  const std::optional<Signal> signal = ForecastSignal(Ending(), *PolicyWith(std::nullopt), kNowUs);
  ASSERT_TRUE(signal.has_value());
  EXPECT_TRUE(CheckSignal(*signal).ok()) << CheckSignal(*signal);
  EXPECT_EQ(signal->rule_id, "budget-forecast");
  EXPECT_EQ(signal->summary,
            "At the present rate limit team-month of {org=acme, team=search} ends on 2026-04-23 "
            "12:00 UTC, 7 days before its period does: 612.00 USD of 1,000.00 USD are used, and "
            "55.00 USD a day");
  EXPECT_EQ(signal->expected, 1'437 * kUsd);
}

TEST(ForecastSignal, TheSameDayIsTheSameTellingAndAnotherPeriodAnotherAlert) {
  const auto policy = PolicyWith(std::nullopt);
  const Signal first = *ForecastSignal(Ending(), *policy, kNowUs);
  LimitForecast later = Ending();
  later.forecast.exhausted_at_us += 1'000'000;
  EXPECT_EQ(ForecastSignal(later, *policy, kNowUs)->occurrence, first.occurrence);
  later.forecast.exhausted_at_us += kDayUs;
  EXPECT_EQ(ForecastSignal(later, *policy, kNowUs)->key, first.key);
  EXPECT_NE(ForecastSignal(later, *policy, kNowUs)->occurrence, first.occurrence);
  later.resets_at_us += 30 * kDayUs;
  EXPECT_NE(ForecastSignal(later, *policy, kNowUs)->key, first.key);
}

TEST(ForecastSignal, WithinTheMarginNobodyIsTold) {
  AlertRule rule;
  rule.id = "early";
  rule.on = AlertOn::kForecast;
  rule.margin_us = 7 * kDayUs + kDayUs / 2;
  EXPECT_TRUE(
      ForecastSignal(Ending(), *PolicyWith(std::vector<AlertRule>{rule}), kNowUs).has_value());
  rule.margin_us += 1'000'000;
  EXPECT_FALSE(
      ForecastSignal(Ending(), *PolicyWith(std::vector<AlertRule>{rule}), kNowUs).has_value());
}

TEST(ForecastEnd, IsOfTheSameAlert) {
  const Signal alert = *ForecastSignal(Ending(), *PolicyWith(std::nullopt), kNowUs);
  const Signal end = ForecastEnd(alert, "its period has ended", kNowUs + kDayUs);
  EXPECT_TRUE(CheckSignal(end).ok()) << CheckSignal(end);
  EXPECT_TRUE(end.over);
  EXPECT_EQ(end.key, alert.key);
  EXPECT_EQ(end.over_because, "its period has ended");
}

TEST(ForecastKey, IsReadBack) {
  const std::optional<ForecastKeyParts> parsed = ParseForecastKey(ForecastKey(Ending()));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->counter.size(), 32U);
  EXPECT_EQ(parsed->resets_at_us, Ending().resets_at_us);
  EXPECT_EQ(parsed->limit_id, "team-month");
  for (const char* wrong : {"", "forecast", "forecast/aa/1/x", "finding/1/2",
                            "forecast/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x/l"}) {
    EXPECT_FALSE(ParseForecastKey(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace quotaplane
