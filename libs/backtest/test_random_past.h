// Random policies and traffic that meets their limits, from a seed.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "libs/backtest/past_charge.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {

class RandomPast {
 public:
  // Each unit of usage costs 1,000 nano-USD, whatever the model; "gift" is free.
  static constexpr int64_t kUnitNanoUsd = 1'000;
  // Before the end of a day in Kolkata and of a month in Berlin, where the clock had just changed.
  static constexpr int64_t kStartUs = 1'774'977'000'000'000;

  explicit RandomPast(uint64_t seed) : random_(seed) {}

  int64_t Pick(int64_t below) {
    return std::uniform_int_distribution<int64_t>(0, below - 1)(random_);
  }
  template <typename T>
  T OneOf(const std::vector<T>& of) {
    return of[static_cast<size_t>(Pick(static_cast<int64_t>(of.size())))];
  }

  std::shared_ptr<const Policy> MakePolicy() {
    PolicyDocument document;
    const int64_t limits = 1 + Pick(7);
    for (int64_t i = 0; i < limits; ++i) document.limits.push_back(MakeLimit(i));
    if (Pick(3) == 0) {
      ModelRule rule;
      rule.id = "no-big";
      rule.when = {When("team", {"t1"})};
      rule.deny.emplace_back("b*");
      document.model_rules.push_back(rule);
    }
    absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
    EXPECT_TRUE(policy.ok()) << policy.status();
    return policy.ok() ? *std::move(policy) : nullptr;
  }

  // The next charge, some time after the last.
  PastCharge MakeCharge() {
    now_us_ += OneOf<int64_t>({0, 1, 900'000, 20'000'000, 600'000'000, 7'200'000'000}) * Pick(3);
    PastCharge charge;
    charge.at_us = now_us_;
    charge.subject = {"acme", OneOf<std::string>({"t1", "t2"}),
                      "",     OneOf<std::string>({"u1", "u2", ""}),
                      "",     OneOf<std::string>({"big", "small", "gift"}),
                      {}};
    if (Pick(2) == 0) charge.subject.labels = {{"agent", OneOf<std::string>({"ci", "ide"})}};
    const std::string& asked = charge.subject.model;
    // Of free models, what was asked for and what was charged would not agree about what is free.
    const int64_t attempts = asked == "gift" ? 1 : OneOf<int64_t>({0, 1, 1, 1, 1, 2});
    for (int64_t i = 0; i < attempts; ++i) {
      const std::string other = asked == "big" ? "small" : "big";
      PastAttempt attempt = {i == 0 ? asked : other, 0, {}};
      for (const char* meter : {"cache_read", "images", "input", "output"}) {
        const int64_t quantity = Pick(2) * (1 + Pick(40));
        if (quantity > 0) attempt.usage.emplace_back(meter, quantity);
      }
      if (attempt.usage.empty()) attempt.usage = {{"input", 1}};
      for (const auto& [meter, quantity] : attempt.usage) {
        if (asked != "gift") attempt.cost_nano_usd += quantity * kUnitNanoUsd;
      }
      charge.cost_nano_usd += attempt.cost_nano_usd;
      charge.attempts.push_back(std::move(attempt));
    }
    return charge;
  }

 private:
  Limit MakeLimit(int64_t number) {
    Limit limit;
    limit.id = "l" + std::to_string(number);
    for (const char* name : {"team", "user", "model", "labels.agent"}) {
      if (Pick(4) == 0) limit.per.push_back(Dim(name));
    }
    if (Pick(4) == 0) limit.when.push_back(When("model", {OneOf<std::string>({"big", "s*"})}));
    if (Pick(4) == 0) limit.when.push_back(When("user", {"u*"}));
    limit.unit = *ParseUnit(OneOf<std::string>(
        {"usd", "usd", "requests", "input_tokens", "output_tokens", "total_tokens", "images"}));
    const int64_t charges = 1 + Pick(12);
    const auto amount = [&] {
      if (limit.unit.kind == UnitKind::kRequests) return charges;
      const int64_t units = charges * 30 + Pick(30);
      return limit.unit.kind == UnitKind::kUsd ? units * kUnitNanoUsd : units;
    };
    limit.amount = amount();
    limit.window = MakeWindow();
    limit.on_exceed = OneOf<OnExceed>({OnExceed::kDeny, OnExceed::kDeny, OnExceed::kSoft,
                                       OnExceed::kShadow, OnExceed::kDowngrade});
    if (limit.on_exceed == OnExceed::kDowngrade) limit.downgrade_model = "small";
    limit.hold = Pick(3) == 0 ? HoldMode::kNone : HoldMode::kEstimate;
    for (const Dimension& dimension : limit.per) {
      if (dimension.kind != DimensionKind::kUser || Pick(2) == 0) continue;
      limit.overrides.push_back(For({{"user", "u1"}}, limit.amount / 2));
    }
    limit.source = "here";
    return limit;
  }

  WindowSpec MakeWindow() {
    absl::TimeZone zone;
    EXPECT_TRUE(absl::LoadTimeZone(OneOf<std::string>({"Europe/Berlin", "Asia/Kolkata"}), &zone));
    return *ParseWindow(
        OneOf<std::string>({"60s", "7s", "1h", "2d", "day", "week", "month", "lifetime"}), zone, 1);
  }

  std::mt19937_64 random_;
  int64_t now_us_ = kStartUs;
};

}  // namespace quotaplane
