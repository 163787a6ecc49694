#include "libs/money/money.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace quotaplane {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ParseUsdTest, ReadsExactDecimals) {
  const struct {
    const char* text;
    int64_t nano_usd;
  } kCases[] = {
      {"0", 0},
      {"-0", 0},
      {"12", 12 * kNanoPerUsd},
      {"+12", 12 * kNanoPerUsd},
      {"0.25", 250'000'000},
      {"-3.50", -3'500'000'000},
      {"0.000000001", 1},
      {"-0.000000001", -1},
      {"1.1234567890000000000000000", 1'123'456'789},
      {"000000000000000000000000000001", kNanoPerUsd},
      {"9223372036.854775807", kMax},
      {"-9223372036.854775808", kMin},
  };
  for (const auto& c : kCases) {
    absl::StatusOr<int64_t> parsed = ParseUsd(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(*parsed, c.nano_usd) << c.text;
  }
}

TEST(ParseUsdTest, RefusesEverythingElse) {
  for (const char* text : {"",
                           "-",
                           "+",
                           ".",
                           ".5",
                           "5.",
                           "-.5",
                           "1e3",
                           "1E3",
                           "1e-3",
                           "0e0",
                           "1e400",
                           " 1",
                           "1 ",
                           "1,000",
                           "1_000",
                           "--1",
                           "+-1",
                           "1.2.3",
                           "0x10",
                           "nan",
                           "inf",
                           "-inf",
                           "$1",
                           "one",
                           "0.0000000001",
                           "1.0000000000000000001",
                           "1.-5",
                           "1\n"}) {
    EXPECT_EQ(ParseUsd(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(ParseUsd(std::string_view("1\0", 2)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ParseUsdTest, OutOfRangePastInt64) {
  for (const char* text : {"9223372036.854775808", "-9223372036.854775809", "9223372037",
                           "100000000000000000000000000000000000000000000"}) {
    EXPECT_EQ(ParseUsd(text).status().code(), absl::StatusCode::kOutOfRange) << text;
  }
  EXPECT_EQ(ParseUsd(std::string(1'000'000, '9')).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(FormatUsdTest, AtLeastTwoDecimalsAndNoTrailingZeros) {
  EXPECT_EQ(FormatUsd(0), "0.00");
  EXPECT_EQ(FormatUsd(3 * kNanoPerUsd), "3.00");
  EXPECT_EQ(FormatUsd(-500'000'000), "-0.50");
  EXPECT_EQ(FormatUsd(57'868'362'000), "57.868362");
  EXPECT_EQ(FormatUsd(1), "0.000000001");
  EXPECT_EQ(FormatUsd(-1), "-0.000000001");
  EXPECT_EQ(FormatUsd(120'000'000), "0.12");
  EXPECT_EQ(FormatUsd(kMax), "9223372036.854775807");
  EXPECT_EQ(FormatUsd(kMin), "-9223372036.854775808");
}

TEST(FormatUsdTest, ParseReadsBackWhatFormatWrote) {
  std::mt19937_64 random(20261101);
  std::vector<int64_t> amounts = {kMin, kMin + 1, -1, 0, 1, kMax - 1, kMax};
  for (int i = 0; i < 20'000; ++i) {
    amounts.push_back(static_cast<int64_t>(random()) >> (random() % 64));
  }
  for (int64_t amount : amounts) {
    absl::StatusOr<int64_t> back = ParseUsd(FormatUsd(amount));
    ASSERT_TRUE(back.ok()) << amount << ": " << back.status();
    ASSERT_EQ(*back, amount) << FormatUsd(amount);
  }
}

TEST(LineCostTest, RoundsUpToTheNextNano) {
  EXPECT_EQ(LineCost(0, 3 * kNanoPerUsd), 0);
  EXPECT_EQ(LineCost(1'000'000, 3 * kNanoPerUsd), 3 * kNanoPerUsd);
  EXPECT_EQ(LineCost(1, 3 * kNanoPerUsd), 3000);
  EXPECT_EQ(LineCost(1, 1), 1);
  EXPECT_EQ(LineCost(1'000'000, 1), 1);
  EXPECT_EQ(LineCost(1'000'001, 1), 2);
  EXPECT_EQ(LineCost(999'999, 1), 1);
  EXPECT_EQ(LineCost(7, 546'875'000), 3829);  // 3828.125
  EXPECT_EQ(LineCost(kMax, 0), 0);
  EXPECT_EQ(LineCost(0, kMax), 0);
}

TEST(LineCostTest, OverflowAndNegativesAreNoCost) {
  EXPECT_EQ(LineCost(kMax, 1'000'000), kMax);
  EXPECT_EQ(LineCost(1'000'000, kMax), kMax);
  EXPECT_EQ(LineCost(kMax, 1'000'001), std::nullopt);
  EXPECT_EQ(LineCost(1'000'001, kMax), std::nullopt);
  EXPECT_EQ(LineCost(kMax, kMax), std::nullopt);
  EXPECT_EQ(LineCost(1, kMax), kMax / 1'000'000 + 1);
  EXPECT_EQ(LineCost(kMax, 1), kMax / 1'000'000 + 1);
  EXPECT_EQ(LineCost(-1, 1), std::nullopt);
  EXPECT_EQ(LineCost(1, -1), std::nullopt);
  EXPECT_EQ(LineCost(kMin, kMin), std::nullopt);
  // Rounding up is what takes this one past the end: floor would still fit.
  EXPECT_EQ(LineCost(9'223'372'036'854'775'807, 1'000'000), kMax);
  EXPECT_EQ(LineCost(1'844'674'407'370'955'162, 5'000'000), std::nullopt);
}

// Multiplication and division by pencil: decimal digits only, no machine arithmetic wider than one
// digit product.
std::string LongHandCost(int64_t units, int64_t price) {
  const std::string a = std::to_string(units), b = std::to_string(price);
  std::vector<int> product(a.size() + b.size(), 0);  // least significant first
  for (size_t i = 0; i < a.size(); ++i) {
    int carry = 0;
    for (size_t j = 0; j < b.size() || carry; ++j) {
      int digit = product[i + j] + carry;
      if (j < b.size()) digit += (a[a.size() - 1 - i] - '0') * (b[b.size() - 1 - j] - '0');
      product[i + j] = digit % 10;
      carry = digit / 10;
    }
  }
  // Dividing by a million cuts six digits off; any of them that isn't zero adds one.
  product.resize(std::max<size_t>(product.size(), 7));
  bool round_up = false;
  for (int i = 0; i < 6; ++i) round_up |= product[i] != 0;
  std::vector<int> cost(product.begin() + 6, product.end());
  for (size_t i = 0; round_up; ++i) {
    if (i == cost.size()) cost.push_back(0);
    round_up = cost[i] == 9;
    cost[i] = round_up ? 0 : cost[i] + 1;
  }
  while (cost.size() > 1 && cost.back() == 0) cost.pop_back();
  std::string text;
  for (auto digit = cost.rbegin(); digit != cost.rend(); ++digit) text += char('0' + *digit);
  return text;
}

bool FitsInt64(const std::string& digits) {
  const std::string max = std::to_string(kMax);
  return digits.size() != max.size() ? digits.size() < max.size() : digits <= max;
}

TEST(LineCostTest, AgreesWithPencilAndPaper) {
  constexpr uint64_t kSeed = 7519;
  std::mt19937_64 random(kSeed);
  int overflows = 0, wide = 0;
  for (int i = 0; i < 50'000; ++i) {
    // Every magnitude is as likely as every other.
    const int64_t units = static_cast<int64_t>(random() >> 1) >> (random() % 63);
    const int64_t price = static_cast<int64_t>(random() >> 1) >> (random() % 63);
    const std::string want = LongHandCost(units, price);
    const std::optional<int64_t> got = LineCost(units, price);
    ASSERT_EQ(got.has_value(), FitsInt64(want))
        << "seed " << kSeed << ": " << units << " * " << price;
    if (got) {
      ASSERT_EQ(std::to_string(*got), want) << "seed " << kSeed << ": " << units << " * " << price;
      if (static_cast<__int128>(units) * price > kMax) ++wide;
    } else {
      ++overflows;
    }
  }
  // Both ends of the arithmetic were really visited.
  EXPECT_GT(overflows, 1000);
  EXPECT_GT(wide, 1000);
}

TEST(CheckedAddTest, NulloptPastEitherEnd) {
  EXPECT_EQ(CheckedAdd(1, 2), 3);
  EXPECT_EQ(CheckedAdd(kMax, 0), kMax);
  EXPECT_EQ(CheckedAdd(kMin, 0), kMin);
  EXPECT_EQ(CheckedAdd(kMax, kMin), -1);
  EXPECT_EQ(CheckedAdd(kMax - 1, 1), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMax, kMax), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMin, -1), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMin, kMin), std::nullopt);
}

}  // namespace
}  // namespace quotaplane
