// What a killed process left behind is done by whoever runs.
#include "libs/ledger/upkeep.h"

#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

class UpkeepTest : public BooksFixture {
 protected:
  UpkeepOptions Options(const std::string& policy, int64_t now_us = kMonthEndUs) {
    UpkeepOptions options;
    options.moves_every = absl::Milliseconds(5);
    const auto parsed = std::make_shared<const PolicySet>(*ParsePolicy(policy, "policy.yaml"));
    options.policies = [parsed] { return parsed; };
    options.now_us = [now_us] { return now_us; };
    return options;
  }
};
QP_OVER_BOTH_DATABASES(UpkeepTest);

TEST_P(UpkeepTest, AppliesWhatIsPendingAlsoAfterTheStoreWasAway) {
  {
    const auto worker = Worker();
    Charge(ChargeOf(1));
    EXPECT_TRUE(Reaches(1));
  }
  ASSERT_TRUE(TakeBack("a1", "r1", 303).ok());
  redis_.Pause();
  const Upkeep upkeep(db_.get(), &store_.store(), Options(kBooksPolicy));
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return upkeep.stats().failures > 0; }));
  EXPECT_EQ(upkeep.stats().moves, 0);
  redis_.Resume();
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] { return upkeep.stats().moves == 1; }));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_moves WHERE applied_at_us IS NULL"), 0);
  ExpectBalance();
  EXPECT_EQ(CounterOf("team-month", "{org=acme, team=search}"), 35);
}

TEST_P(UpkeepTest, DropsByThePolicy) {
  ASSERT_TRUE(writer_.Write(std::vector{SettledOf(1)}, 1).ok());
  const int64_t later_us = kMonthEndUs + 100 * 24 * int64_t{3'600'000'000};
  const std::string policy = std::string(kBooksPolicy) + "retention: {entries: 90d}\n";
  const Upkeep upkeep(db_.get(), &store_.store(), Options(policy, later_us));
  EXPECT_TRUE(
      fixtures::PollUntil(absl::Seconds(30), [&] { return upkeep.stats().retentions > 0; }));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM rollup_day"), 3);
}

}  // namespace
}  // namespace quotaplane
