#include "libs/ledger/usage_minutes.h"

#include <gtest/gtest.h>

#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kFromUs = kMonthEndUs / kMinuteUs * kMinuteUs;

class UsageMinutesTest : public LedgerTest {
 protected:
  std::vector<UsageRow> Read(std::string_view org, int64_t from_us, int64_t to_us) {
    const absl::StatusOr<std::vector<UsageRow>> rows = ReadUsage(*db_, org, from_us, to_us);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.value_or(std::vector<UsageRow>());
  }
};

QP_OVER_BOTH_DATABASES(UsageMinutesTest);

TEST_P(UsageMinutesTest, AddsUpByWhoAndModelWithinTheMinute) {
  const std::vector<SettledCharge> charges = {SettledOf(7, kFromUs), SettledOf(14, kFromUs + 1),
                                              SettledOf(21, kFromUs + kMinuteUs)};
  ASSERT_TRUE(writer_.Write(charges, kFromUs + 1).ok());
  // 7 and 14 are of user u0; the third is of the next minute.
  const std::vector<UsageRow> expected = {
      {kFromUs, "search", "p1", "u0", "big", "s1", 321 + 342, 107 + 114, 2, 0},
      {kFromUs, "search", "p1", "u0", "small", "s1", 70, 30, 0, 0}};
  EXPECT_EQ(Read("acme", kFromUs, kFromUs + kMinuteUs), expected);
  const std::vector<UsageRow> both = Read("acme", kFromUs, kFromUs + 2 * kMinuteUs);
  ASSERT_EQ(both.size(), 4);
  EXPECT_EQ(both[1].minute_us, kFromUs);
  EXPECT_EQ(both[2].minute_us, kFromUs + kMinuteUs);
  EXPECT_EQ(Read("acme", kFromUs - kMinuteUs, kFromUs).size(), 0);
  EXPECT_EQ(Read("other", kFromUs, kFromUs + kMinuteUs).size(), 0);
}

TEST_P(UsageMinutesTest, RefusalsStandBesideWhatWasCharged) {
  const Subject subject = {"acme", "search", "p1", "u0", "k1", "big", {{"session", "s1"}}};
  Subject nobody = subject;
  nobody.labels = {};
  const std::vector<RefusalBatch> batches = {
      {"r/1", "acme", {{subject, kFromUs, 3}, {nobody, kFromUs, 4}}}};
  ASSERT_TRUE(writer_.Write(batches, kFromUs + 1).ok());
  const std::vector<SettledCharge> charges = {SettledOf(7, kFromUs)};
  ASSERT_TRUE(writer_.Write(charges, kFromUs + 1).ok());
  const std::vector<UsageRow> rows = Read("acme", kFromUs, kFromUs + kMinuteUs);
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[0].session, "");
  EXPECT_EQ(rows[0].refusals, 4);
  EXPECT_EQ(rows[1].session, "s1");
  EXPECT_EQ(rows[1].refusals, 3);
  EXPECT_EQ(rows[1].cost_nano_usd, 321);
}

}  // namespace
}  // namespace quotaplane
