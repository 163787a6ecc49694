#include "libs/admission/thresholds.h"

#include <gtest/gtest.h>

#include <random>

#include "libs/admission/charge.h"

namespace quotaplane {
namespace {

constexpr int64_t kNowUs = 1'774'738'000'000'000;

WindowSpec Window(const char* text) { return *ParseWindow(text, absl::UTCTimeZone(), 1); }

Limit LimitOf(const char* id, int64_t amount, const char* window = "month") {
  Limit limit;
  limit.id = id;
  limit.per = {{DimensionKind::kUser, ""}};
  limit.unit = {UnitKind::kUsd, ""};
  limit.amount = amount;
  limit.window = Window(window);
  return limit;
}

OrgPolicy PolicyOf(std::vector<Limit> limits, std::vector<Raise> raises = {}) {
  PolicyDocument document;
  document.limits = std::move(limits);
  OrgPolicy policy;
  policy.policy = *Policy::Build(std::move(document));
  policy.raises = std::make_shared<const Raises>("acme", *policy.policy, std::move(raises));
  return policy;
}

ChargeRecord Charge(int64_t cost_nano_usd) {
  ChargeRecord record;
  record.id = "r";
  record.subject.org = "acme";
  record.subject.user = "alice";
  record.subject.model = "m";
  record.lines = {
      {0, "m", ServiceTier::kStandard, "output_tokens", 1, 1, cost_nano_usd, false, ""}};
  record.cost_nano_usd = cost_nano_usd;
  return record;
}

using Values = std::vector<int64_t>;

TEST(ThresholdsTest, SharesAreRoundedUp) {
  EXPECT_EQ(ThresholdAt(1'000, 500), 500);
  EXPECT_EQ(ThresholdAt(999, 500), 500);
  EXPECT_EQ(ThresholdAt(1, 1), 1);
  EXPECT_EQ(ThresholdAt(0, 1'000), 0);
  EXPECT_EQ(ThresholdAt(kMaxAmount, 1'000), kMaxAmount);
  EXPECT_EQ(ThresholdAt(kMaxAmount, 1'001), 0) << "no counter comes there";
}

TEST(ThresholdsTest, AreThoseThatTheLimitSaysOrTheDefault) {
  CounterUse use;
  AddThresholds(LimitOf("a", 0), 1'000, &use);
  EXPECT_EQ(use.thresholds, (Values{500, 800, 1'000}));
  Limit said = LimitOf("b", 0);
  said.alert_at = {{250, 1'200}};
  AddThresholds(said, 2'000, &use);
  EXPECT_EQ(use.thresholds, (Values{500, 800, 1'000, 2'400})) << "a counter that both share";
  Limit silent = LimitOf("c", 0);
  silent.alert_at = {std::vector<int>{}};
  CounterUse none;
  AddThresholds(silent, 1'000, &none);
  AddThresholds(LimitOf("minute", 0, "60s"), 1'000, &none);
  EXPECT_TRUE(none.thresholds.empty());
}

TEST(ThresholdsTest, AreNeverMoreThanACounterMayHave) {
  CounterUse use;
  for (int64_t amount = 1'000; amount < 100'000; amount += 1'000) {
    AddThresholds(LimitOf("a", 0), amount, &use);
  }
  EXPECT_EQ(use.thresholds.size(), kMaxThresholdsPerCounter);
  EXPECT_TRUE(std::is_sorted(use.thresholds.begin(), use.thresholds.end()));
}

TEST(ThresholdsTest, OfAChargeAreOfTheAmountThatHoldsForTheScope) {
  Limit limit = LimitOf("a", 1'000);
  limit.overrides = {{{{{DimensionKind::kUser, ""}, "alice"}}, 2'000, "test"}};
  Raise raise;
  raise.exception_id = "e";
  raise.limit_id = "a";
  raise.scope = {{{DimensionKind::kUser, ""}, "alice"}};
  raise.amount = 4'000;
  raise.from_us = kNowUs;
  raise.until_us = kNowUs + 10;
  const OrgPolicy policy = PolicyOf({limit}, {raise});
  EXPECT_EQ(ChargesOf(policy, Charge(5), "m", kNowUs - 1).at(0).thresholds,
            (Values{1'000, 1'600, 2'000}));
  EXPECT_EQ(ChargesOf(policy, Charge(5), "m", kNowUs).at(0).thresholds,
            (Values{2'000, 3'200, 4'000}));
}

TEST(ThresholdsTest, ACrossingNamesAllLimitsThatComeToIt) {
  Limit other = LimitOf("other", 500);
  other.alert_at = {{1'000}};
  const OrgPolicy policy = PolicyOf({LimitOf("a", 1'000), other, LimitOf("far", 9'000)});
  const std::vector<CounterUse> uses = ChargesOf(policy, Charge(5), "m", kNowUs);
  ASSERT_EQ(uses.size(), 1u);
  const auto limits =
      DecodeThresholdLimits(DescribeCharge(policy, Charge(5), "m", kNowUs, uses[0].counter, 500));
  ASSERT_TRUE(limits.ok()) << limits.status();
  ThresholdLimit half{"a",
                      500,
                      1'000,
                      "usd",
                      uses[0].window->ToString(),
                      "{org=acme, user=alice}",
                      {{"org", "acme"}, {"user", "alice"}}};
  ThresholdLimit whole = half;
  whole.limit_id = "other";
  whole.permille = 1'000;
  whole.amount = 500;
  EXPECT_EQ(*limits, (std::vector<ThresholdLimit>{half, whole}));
}

TEST(ThresholdsTest, OfSharesThatComeToOneValueTheHighestIsNamed) {
  const OrgPolicy policy = PolicyOf({LimitOf("a", 1)});
  const std::vector<CounterUse> uses = ChargesOf(policy, Charge(5), "m", kNowUs);
  EXPECT_EQ(uses.at(0).thresholds, (Values{1}));
  const auto limits =
      DecodeThresholdLimits(DescribeCharge(policy, Charge(5), "m", kNowUs, uses[0].counter, 1));
  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->at(0).permille, 1'000);
}

TEST(ThresholdsTest, BytesThatAreNoneAreRefused) {
  const std::vector<ThresholdLimit> limits = {
      {"a", 500, 9, "usd", "month", "{}", {{"org", "acme"}}},
      {"b", 800, 9, "usd", "month", "{}", {}}};
  const std::string bytes = EncodeThresholdLimits(limits);
  EXPECT_EQ(*DecodeThresholdLimits(bytes), limits);
  EXPECT_FALSE(DecodeThresholdLimits("").ok());
  EXPECT_FALSE(DecodeThresholdLimits("\x02").ok());
  const size_t first = EncodeThresholdLimits({limits[0]}).size();
  for (size_t size = 2; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeThresholdLimits(bytes.substr(0, size)).ok(), size == first) << size;
  }
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = bytes;
    changed[1 + random() % (changed.size() - 1)] = static_cast<char>(random());
    (void)DecodeThresholdLimits(changed);  // whatever comes out: no byte past the end is read
  }
}

}  // namespace
}  // namespace quotaplane
