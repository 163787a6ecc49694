#include "libs/base/heavy_hitters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

TEST(HeavyHitters, AreExactWhileAllFit) {
  HeavyHitters hitters(3);
  hitters.Add("ann", 5);
  hitters.Add("ben", 7);
  hitters.Add("cat", 1);
  hitters.Add("ann", 3);
  hitters.Add("dan", 0);
  const auto top = hitters.Top(2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].name, "ann");
  EXPECT_EQ(top[0].sum, 8);
  EXPECT_EQ(top[0].overestimate, 0);
  EXPECT_EQ(top[1].name, "ben");
  EXPECT_EQ(hitters.Top(10).size(), 3u);
}

TEST(HeavyHitters, ANewNameTakesThePlaceOfTheLeast) {
  HeavyHitters hitters(2);
  hitters.Add("ann", 10);
  hitters.Add("ben", 4);
  hitters.Add("cat", 1);
  const auto top = hitters.Top(2);
  EXPECT_EQ(top[0].name, "ann");
  EXPECT_EQ(top[1].name, "cat");
  EXPECT_EQ(top[1].sum, 5);
  EXPECT_EQ(top[1].overestimate, 4);
}

TEST(HeavyHitters, SumsSaturateAndClearForgets) {
  HeavyHitters hitters(1);
  hitters.Add("ann", std::numeric_limits<int64_t>::max());
  hitters.Add("ben", 1);
  EXPECT_EQ(hitters.Top(1)[0].sum, std::numeric_limits<int64_t>::max());
  hitters.Clear();
  EXPECT_EQ(hitters.size(), 0u);
  EXPECT_TRUE(hitters.Top(3).empty());
}

// Against exact sums, of weights as users have them: few have much.
TEST(HeavyHitters, BoundsHoldForEveryName) {
  for (int seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    const size_t most = 1 + random() % 40;
    HeavyHitters hitters(most);
    std::map<std::string, int64_t> exact;
    int64_t total = 0;
    for (int i = 0; i < 3'000; ++i) {
      const int64_t rank = 1 + static_cast<int64_t>(random() % (1 + random() % 300));
      const int64_t weight = 1 + static_cast<int64_t>(random() % 1'000) / rank;
      const std::string name = absl::StrCat("u", rank);
      hitters.Add(name, weight);
      exact[name] += weight;
      total += weight;
    }
    ASSERT_LE(hitters.size(), most);
    std::map<std::string, HeavyHitters::Hitter> kept;
    int64_t kept_total = 0;
    for (const auto& hitter : hitters.Top(most)) {
      kept[hitter.name] = hitter;
      kept_total += hitter.sum;
      EXPECT_GE(hitter.sum, exact[hitter.name]) << "seed " << seed;
      EXPECT_LE(hitter.sum - hitter.overestimate, exact[hitter.name]) << "seed " << seed;
      EXPECT_LE(hitter.overestimate, total / static_cast<int64_t>(most)) << "seed " << seed;
    }
    EXPECT_EQ(kept_total, total) << "seed " << seed;
    for (const auto& [name, sum] : exact) {
      if (sum > total / static_cast<int64_t>(most)) {
        EXPECT_TRUE(kept.contains(name)) << "seed " << seed << ", " << name;
      }
    }
  }
}

}  // namespace
}  // namespace quotaplane
