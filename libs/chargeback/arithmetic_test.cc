#include "libs/chargeback/arithmetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <random>

namespace quotaplane {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(Allocate, WhatIsLeftGoesToTheLargestRemainders) {
  EXPECT_THAT(Allocate(100, {1, 1, 1}), ElementsAre(34, 33, 33)) << "ties: the earlier one";
  EXPECT_THAT(Allocate(10, {1, 5, 3}), ElementsAre(1, 6, 3)) << "1.11, 5.56, 3.33";
  EXPECT_THAT(Allocate(7, {0, 2, 0}), ElementsAre(0, 7, 0));
  EXPECT_THAT(Allocate(1, {0, 1, 1'000'000'000}), ElementsAre(0, 0, 1));
  EXPECT_THAT(Allocate(0, {3, 4}), ElementsAre(0, 0));
}

TEST(Allocate, LargeNumbersDoNotOverflow) {
  EXPECT_THAT(Allocate(kMax, {kMax, kMax}), ElementsAre(kMax / 2 + 1, kMax / 2));
  EXPECT_THAT(Allocate(kMax, {1, kMax}), ElementsAre(1, kMax - 1));
}

TEST(Allocate, SharesAddUpAndAreWithinOneOfTheirProportion) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<int64_t> weights(1 + random() % 9);
    for (int64_t& weight : weights) {
      weight = random() % 4 == 0 ? 0 : static_cast<int64_t>(random() % 1'000'000);
    }
    weights.back() += 1;
    const auto amount = static_cast<int64_t>(random() % 1'000'000'007);
    const __int128 sum = std::accumulate(weights.begin(), weights.end(), __int128{0});
    const std::vector<int64_t> shares = Allocate(amount, weights);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), int64_t{0}), amount);
    for (size_t i = 0; i < weights.size(); ++i) {
      const __int128 exact = static_cast<__int128>(amount) * weights[i];
      EXPECT_LT(shares[i] * sum, exact + sum);
      EXPECT_GT(shares[i] * sum, exact - sum);
      if (weights[i] == 0) {
        EXPECT_EQ(shares[i], 0);
      }
    }
  }
}

TEST(Scale, RoundsHalvesAwayFromZero) {
  EXPECT_EQ(Scale(15, 100'000, 1'000'000), 2);
  EXPECT_EQ(Scale(-15, 100'000, 1'000'000), -2);
  EXPECT_EQ(Scale(14, 100'000, 1'000'000), 1);
  EXPECT_EQ(Scale(15, -100'000, 1'000'000), -2);
  EXPECT_EQ(Scale(1, 1, 3), 0);
  EXPECT_EQ(Scale(2, 1, 3), 1);
  EXPECT_EQ(Scale(-2, 1, 3), -1);
  EXPECT_EQ(Scale(0, 5, 7), 0);
}

TEST(Scale, SaysWhatDoesNotFit) {
  EXPECT_EQ(Scale(kMax, 1'000'000, 1'000'000), kMax);
  EXPECT_EQ(Scale(kMin, 1, 1), kMin);
  EXPECT_EQ(Scale(kMax, 1'000'001, 1'000'000), std::nullopt);
  EXPECT_EQ(Scale(kMin, -1, 1), std::nullopt);
}

TEST(Convert, RoundsOnceToTheDecimals) {
  constexpr int64_t kOne = 1'000'000'000;
  EXPECT_EQ(Convert(1'234'567'891, kOne, 2), 1'230'000'000);
  EXPECT_EQ(Convert(1'235'000'000, kOne, 2), 1'240'000'000);
  EXPECT_EQ(Convert(-1'235'000'000, kOne, 2), -1'240'000'000);
  EXPECT_EQ(Convert(1'500'000'000, kOne, 0), 2'000'000'000);
  EXPECT_EQ(Convert(1'234'567'891, kOne, 9), 1'234'567'891);
  EXPECT_EQ(Convert(100 * kOne, 920'000'000, 2), 92 * kOne);
  EXPECT_EQ(Convert(10 * kOne, 151'237'000'000, 0), 1'512 * kOne);
  // 0.0049999999995 would be 0.005 if it were rounded to the nano first.
  EXPECT_EQ(Convert(9'999'999'999, 500'000, 2), 0);
}

TEST(Convert, SaysWhatDoesNotFit) {
  EXPECT_EQ(Convert(kMax, 1'000'000'000, 9), kMax);
  EXPECT_EQ(Convert(kMin, 1'000'000'000, 0), std::nullopt) << "rounded up it would be past int64";
  EXPECT_EQ(Convert(kMax, 1'000'000'000'000'000, 0), std::nullopt);
}

}  // namespace
}  // namespace quotaplane
