#include "libs/reports/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace quotaplane::reports {
namespace {

constexpr int64_t kHour = int64_t{3'600} * 1'000'000;
constexpr int64_t kDay = 24 * kHour;

TEST(Plan, AMonthInBerlinIsDaysAndAFewHours) {
  const Plan plan = PlanOf({{100 * kDay - kHour, 130 * kDay - 2 * kHour}}, false);
  EXPECT_EQ(plan.days, (std::vector<Slice>{{0, {100 * kDay, 129 * kDay}}}));
  EXPECT_EQ(plan.hours, (std::vector<Slice>{{0, {100 * kDay - kHour, 100 * kDay}},
                                            {0, {129 * kDay, 130 * kDay - 2 * kHour}}}));
  EXPECT_TRUE(plan.entries.empty());
}

TEST(Plan, ADayInKolkataBeginsAndEndsWithEntries) {
  const int64_t from = 100 * kDay - kHour * 11 / 2;
  const Plan plan = PlanOf({{from, from + kDay}}, false);
  EXPECT_TRUE(plan.days.empty());
  EXPECT_EQ(plan.hours, (std::vector<Slice>{{0, {from + kHour / 2, from + kDay - kHour / 2}}}));
  EXPECT_EQ(plan.entries, (std::vector<Slice>{{0, {from, from + kHour / 2}},
                                              {0, {from + kDay - kHour / 2, from + kDay}}}));
}

TEST(Plan, WithinAnHourThereAreOnlyEntries) {
  const Plan plan = PlanOf({{kDay + 1, kDay + kHour}}, false);
  EXPECT_EQ(plan.entries, (std::vector<Slice>{{0, {kDay + 1, kDay + kHour}}}));
  EXPECT_TRUE(plan.hours.empty());
}

TEST(Plan, EntriesOnlyLeavesThePeriodsWhole) {
  const Plan plan = PlanOf({{0, kDay}, {kDay, 3 * kDay}}, true);
  EXPECT_EQ(plan.entries, (std::vector<Slice>{{0, {0, kDay}}, {1, {kDay, 3 * kDay}}}));
  EXPECT_TRUE(plan.days.empty() && plan.hours.empty());
}

TEST(Plan, EachInstantIsInOneSlice) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 2'000; ++round) {
    // From before 1970, too, at bounds of every kind.
    const int64_t units[] = {1, kHour / 4, kHour, kDay};
    const int64_t unit = units[random() % 4];
    const int64_t from = (static_cast<int64_t>(random() % 500) - 250) * unit;
    const int64_t to = from + 1 + static_cast<int64_t>(random() % (5 * kDay));
    Plan plan = PlanOf({{from, to}}, false);
    std::vector<Slice> all = plan.entries;
    all.insert(all.end(), plan.hours.begin(), plan.hours.end());
    all.insert(all.end(), plan.days.begin(), plan.days.end());
    std::sort(all.begin(), all.end(),
              [](const Slice& a, const Slice& b) { return a.range.from_us < b.range.from_us; });
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.front().range.from_us, from);
    EXPECT_EQ(all.back().range.to_us, to);
    for (size_t i = 1; i < all.size(); ++i) {
      ASSERT_EQ(all[i - 1].range.to_us, all[i].range.from_us);
    }
    for (const Slice& slice : plan.days) {
      EXPECT_TRUE(slice.range.from_us % kDay == 0 && slice.range.to_us % kDay == 0);
    }
    for (const Slice& slice : plan.hours) {
      EXPECT_TRUE(slice.range.from_us % kHour == 0 && slice.range.to_us % kHour == 0);
    }
  }
}

}  // namespace
}  // namespace quotaplane::reports
