// The replay against admission itself: the same requests through Reserve and Commit over a real
// Redis, with a clock that is moved by hand, are refused by the same limits.
#include <gtest/gtest.h>

#include <map>

#include "libs/backtest/replay.h"
#include "libs/backtest/test_random_past.h"
#include "libs/config/price_book_reader.h"
#include "tests/scenarios/world.h"

namespace quotaplane {
namespace {

// As RandomPast says.
constexpr char kPrices[] = R"(
version: even
models:
  - {model: big, from: 2026-01-01, usd_per_million: {input: 1, output: 1, cache_read: 1}, usd_per_unit: {images: 0.000001}}
  - {model: small, from: 2026-01-01, usd_per_million: {input: 1, output: 1, cache_read: 1}, usd_per_unit: {images: 0.000001}}
  - {model: gift, from: 2026-01-01, usd_per_million: {input: 0, output: 0}}
)";

Usage EstimateOf(const PastCharge& charge) {
  std::map<std::string, int64_t> sum;
  for (const PastAttempt& attempt : charge.attempts) {
    for (const auto& [meter, quantity] : attempt.usage) sum[meter] += quantity;
  }
  return {sum.begin(), sum.end()};
}

TEST(ReplayAgainstAdmission, RefusesTheSameRequests) {
  constexpr int kSeeds = 200;
  constexpr int kCharges = 60;
  scenarios::World world;
  world.snapshots().SetPrices(*ParsePriceBook(kPrices, "prices.yaml"));
  int64_t refused = 0, admitted = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomPast past(seed);
    const std::shared_ptr<const Policy> policy = past.MakePolicy();
    ASSERT_NE(policy, nullptr);
    world.snapshots().SetPolicy(policy);
    Replay replay(policy.get());
    std::map<std::string, int64_t> want;
    for (int i = 0; i < kCharges; ++i) {
      PastCharge charge = past.MakeCharge();
      // A world of its own for each seed, on one server; and one clock, which never goes back.
      charge.subject.org = "org" + std::to_string(seed);
      charge.at_us += static_cast<int64_t>(seed) * int64_t{366} * 86'400 * 1'000'000;
      world.SetNow(charge.at_us);
      const std::string id = std::to_string(seed) + "-" + std::to_string(i);
      ReserveArgs ask{id, charge.subject, EstimateOf(charge)};
      const absl::StatusOr<ReserveAnswer> answer = world.Reserve(ask);
      ASSERT_TRUE(answer.ok()) << answer.status();
      const bool denied = answer->verdict.decision == Decision::kDeny;
      ++(denied ? refused : admitted);
      if (denied) {
        for (const Exceeded& one : answer->verdict.exceeded) {
          const bool hard =
              one.on_exceed == OnExceed::kDeny || one.on_exceed == OnExceed::kDowngrade;
          if (hard) ++want[one.limit_id];
        }
      } else {
        CommitArgs commit{id, charge.subject, {}};
        for (const PastAttempt& attempt : charge.attempts) {
          commit.attempts.push_back({attempt.model, attempt.usage});
        }
        const absl::StatusOr<CommitAnswer> committed = world.Commit(commit);
        ASSERT_TRUE(committed.ok()) << committed.status();
        ASSERT_EQ(committed->cost_nano_usd, charge.cost_nano_usd);
      }
      const absl::StatusOr<bool> verdict = replay.Judge(charge);
      ASSERT_TRUE(verdict.ok()) << verdict.status();
      ASSERT_EQ(*verdict, denied) << "charge " << i;
    }
    std::map<std::string, int64_t> got;
    const BacktestResult result = replay.Result();
    for (const std::vector<BacktestLimit>* list : {&result.limits, &result.model_rules}) {
      for (const BacktestLimit& one : *list) {
        if (one.refused > 0) got[one.limit_id] = one.refused;
      }
    }
    EXPECT_EQ(got, want);
  }
  EXPECT_GT(refused, kSeeds * kCharges / 20);
  EXPECT_GT(admitted, kSeeds * kCharges / 5);
}

}  // namespace
}  // namespace quotaplane
