#include "libs/money/decimal.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace quotaplane {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ParseDecimalTest, ScalesDigitByDigit) {
  const struct {
    const char* text;
    int places;
    int64_t value;
    bool exact;
  } kCases[] = {
      {"5.46875e-07", 15, 546'875'000, true},
      {"1.0000000000000002e-06", 15, 1'000'000'001, false},
      {"3e-06", 15, 3'000'000'000, true},
      {"3E-6", 15, 3'000'000'000, true},
      {"0.000003", 15, 3'000'000'000, true},
      {"30000e-10", 15, 3'000'000'000, true},
      {"1e+3", 0, 1000, true},
      {"0.5", 0, 1, false},
      {"-0.5", 0, 0, false},  // towards plus infinity
      {"-1.5", 0, -1, false},
      {"1.5", 0, 2, false},
      {"1.50", 1, 15, true},
      {"0", 18, 0, true},
      {"0e999999999999999999999999", 18, 0, true},
      {"0.000e-999999999999999999999999", 0, 0, true},
      {"1e-999999999999999999999999", 18, 1, false},
      {"-1e-999999999999999999999999", 18, 0, false},
      {"9223372036854775807", 0, kMax, true},
      {"-9223372036854775808", 0, kMin, true},
      {"9223372036854775806.1", 0, kMax, false},
      {"-9223372036854775808.9", 0, kMin, false},
      {"9.223372036854775807", 18, kMax, true},
      {"0.009223372036854775807e3", 18, kMax, true},
  };
  for (const auto& c : kCases) {
    absl::StatusOr<ScaledDecimal> got = ParseDecimal(c.text, c.places);
    ASSERT_TRUE(got.ok()) << c.text << ": " << got.status();
    EXPECT_EQ(got->value, c.value) << c.text;
    EXPECT_EQ(got->exact, c.exact) << c.text;
  }
}

TEST(ParseDecimalTest, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "-", ".5", "5.", "1e", "1e+", "e5", "1e5.0", "1.e5", "NaN", "nan",
                           "Infinity", "-inf", "0x1p3", " 1", "1 ", "1f", "1__0"}) {
    EXPECT_EQ(ParseDecimal(text, 9).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseDecimalTest, OutOfRangeIsSaidAndCostsNothing) {
  for (const char* text :
       {"1e400", "-1e400", "1e99999999999999999999999999", "9223372036854775808",
        "-9223372036854775809", "9223372036854775807.1", "1e19", "1e18446744073709551616"}) {
    EXPECT_EQ(ParseDecimal(text, 0).status().code(), absl::StatusCode::kOutOfRange) << text;
  }
  EXPECT_EQ(ParseDecimal("10", 18).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(ParseDecimalTest, ErrorsQuoteAtMostAFewCharacters) {
  std::string hostile(1'000'000, 'x');
  hostile[3] = '\n';
  const std::string message(ParseDecimal(hostile, 9).status().message());
  EXPECT_LT(message.size(), 200u);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

// The value does not depend on where the point stands as long as the exponent makes up for it.
TEST(ParseDecimalTest, EverySpellingOfANumberIsTheSame) {
  std::mt19937_64 random(15);
  for (int i = 0; i < 20'000; ++i) {
    const int64_t value = static_cast<int64_t>(random() >> 1) >> (random() % 63);
    const std::string digits = std::to_string(value);
    const size_t point = 1 + random() % digits.size();
    std::string text = std::string(random() % 3, '0') + digits.substr(0, point);
    if (point < digits.size()) text += "." + digits.substr(point);
    const int places = static_cast<int>(random() % 19);
    text += "e" + std::to_string(static_cast<int>(digits.size() - point) - places);
    absl::StatusOr<ScaledDecimal> got = ParseDecimal(text, places);
    ASSERT_TRUE(got.ok()) << text << ": " << got.status();
    ASSERT_EQ(got->value, value) << text;
    ASSERT_TRUE(got->exact) << text;
  }
}

TEST(FormatDecimalTest, PlacesAndMinimum) {
  EXPECT_EQ(FormatDecimal(3'000'000'000, 9, 0), "3");
  EXPECT_EQ(FormatDecimal(3'750'000'000, 9, 0), "3.75");
  EXPECT_EQ(FormatDecimal(3'000'000'000, 9, 2), "3.00");
  EXPECT_EQ(FormatDecimal(1, 15, 0), "0.000000000000001");
  EXPECT_EQ(FormatDecimal(10'000'000'000'000, 15, 0), "0.01");
  EXPECT_EQ(FormatDecimal(0, 15, 0), "0");
  EXPECT_EQ(FormatDecimal(kMin, 0, 0), "-9223372036854775808");
  EXPECT_EQ(FormatDecimal(kMin, 18, 0), "-9.223372036854775808");
}

}  // namespace
}  // namespace quotaplane
