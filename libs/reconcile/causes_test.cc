// Each rule: where it fits, and right beside.
#include "libs/reconcile/causes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/reconcile/test_rows.h"

namespace quotaplane::reconcile {
namespace {

using ::testing::HasSubstr;

// The only difference there is.
Difference Only(const Outcome& outcome) {
  EXPECT_EQ(outcome.differences.size(), 1u);
  return outcome.differences.empty() ? Difference() : outcome.differences[0];
}

TEST(Causes, MissingInLedger) {
  const Difference whole = Only(Compare({Used(1, "m", "input", 10)}, {}));
  EXPECT_EQ(whole.cause, Cause::kMissingInLedger);
  EXPECT_THAT(whole.evidence, HasSubstr("nothing of this model on this day"));
  const Difference part =
      Only(Compare({Used(1, "m", "input", 10), Used(1, "m", "output", 5)},
                   {Charged(1, "m", "input", 7, 0), Charged(1, "m", "output", 5, 0)}));
  EXPECT_EQ(part.cause, Cause::kMissingInLedger);
  EXPECT_THAT(part.evidence, HasSubstr("the provider has more input by 3"));
}

TEST(Causes, MissingAtProvider) {
  const Difference whole =
      Only(Compare({Used(1, "m", "input", 10)},
                   {Charged(1, "m", "input", 10, 0), Charged(3, "m", "input", 4, 0)}));
  EXPECT_EQ(whole.cause, Cause::kMissingAtProvider);
  EXPECT_EQ(whole.of.day, absl::CivilDay(2026, 11, 3));
  const Difference part =
      Only(Compare({Used(1, "m", "input", 10)}, {Charged(1, "m", "input", 12, 0)}));
  EXPECT_EQ(part.cause, Cause::kMissingAtProvider);
  EXPECT_THAT(part.evidence, HasSubstr("the ledger has more input by 2"));
}

TEST(Causes, MetersThatDifferBothWaysAreUnexplained) {
  const Difference both =
      Only(Compare({Used(1, "m", "input", 10), Used(1, "m", "output", 5)},
                   {Charged(1, "m", "input", 7, 0), Charged(1, "m", "output", 6, 0)}));
  EXPECT_EQ(both.cause, Cause::kUnexplained);
}

TEST(Causes, DayEdge) {
  // 3 of the second day's are the first's at the provider, and 2 of the third's the second's.
  const Outcome moved = Compare({Used(1, "m", "input", 13), Used(2, "m", "input", 9),
                                 Used(3, "m", "input", 8), Used(4, "m", "input", 1)},
                                {Charged(1, "m", "input", 10, 0), Charged(2, "m", "input", 10, 0),
                                 Charged(3, "m", "input", 10, 0), Charged(4, "m", "input", 1, 0)});
  ASSERT_EQ(moved.differences.size(), 3u);
  for (const Difference& each : moved.differences) {
    EXPECT_EQ(each.cause, Cause::kDayEdge);
    EXPECT_THAT(each.evidence, HasSubstr("2026-11-01 to 2026-11-03 together are equal"));
  }
  // What is not made up for is no matter of midnight; nor is what a week later is.
  for (const auto& [day, tokens] : {std::pair(2, 8), {3, 7}}) {
    const Outcome lost =
        Compare({Used(1, "m", "input", 13), Used(day, "m", "input", tokens)},
                {Charged(1, "m", "input", 10, 0), Charged(day, "m", "input", 10, 0)});
    ASSERT_EQ(lost.differences.size(), 2u);
    EXPECT_EQ(lost.differences[0].cause, Cause::kMissingInLedger);
    EXPECT_EQ(lost.differences[1].cause, Cause::kMissingAtProvider);
  }
}

TEST(Causes, DayEdgeOfCostsAlone) {
  const Outcome moved =
      Compare({Cost(1, "m", "", 2 * kUsd), Cost(2, "m", "", 5 * kUsd)},
              {Charged(1, "m", "input", 1, 3 * kUsd), Charged(2, "m", "input", 1, 4 * kUsd)});
  ASSERT_EQ(moved.differences.size(), 2u);
  EXPECT_EQ(moved.differences[0].cause, Cause::kDayEdge);
}

TEST(Causes, CachedTwice) {
  const Difference ledger = Only(Compare(
      {Used(1, "m", "input", 200), Used(1, "m", "cache_read", 800), Used(1, "m", "output", 5)},
      {Charged(1, "m", "input", 1000, 0), Charged(1, "m", "cache_read", 800, 0),
       Charged(1, "m", "output", 5, 0)}));
  EXPECT_EQ(ledger.cause, Cause::kCachedTwice);
  EXPECT_THAT(ledger.evidence,
              HasSubstr("input is 800 higher in the ledger, exactly the cache_read"));
  const Difference exported =
      Only(Compare({Used(1, "m", "input", 1100), Used(1, "m", "cache_read", 800),
                    Used(1, "m", "cache_write_5m", 100)},
                   {Charged(1, "m", "input", 200, 0), Charged(1, "m", "cache_read", 800, 0),
                    Charged(1, "m", "cache_write_5m", 100, 0)}));
  EXPECT_EQ(exported.cause, Cause::kCachedTwice);
  EXPECT_THAT(exported.evidence, HasSubstr("input_with_cached"));
  const Difference beside =
      Only(Compare({Used(1, "m", "input", 200), Used(1, "m", "cache_read", 800)},
                   {Charged(1, "m", "input", 1001, 0), Charged(1, "m", "cache_read", 800, 0)}));
  EXPECT_EQ(beside.cause, Cause::kMissingAtProvider);
}

TEST(Causes, PriceByMeter) {
  const Difference price =
      Only(Compare({Used(1, "m", "input", 2'000'000), Used(1, "m", "output", 1'000'000),
                    Cost(1, "m", "input", 6 * kUsd), Cost(1, "m", "output", 15 * kUsd)},
                   {Charged(1, "m", "input", 2'000'000, 5 * kUsd),
                    Charged(1, "m", "output", 1'000'000, 15 * kUsd)}));
  EXPECT_EQ(price.cause, Cause::kPrice);
  EXPECT_THAT(price.evidence, HasSubstr("input 3.00 against 2.50"));
  EXPECT_THAT(price.evidence, ::testing::Not(HasSubstr("output")));
}

TEST(Causes, PriceOverall) {
  const Difference price =
      Only(Compare({Used(1, "m", "input", 2'000'000), Cost(1, "m", "", 6 * kUsd)},
                   {Charged(1, "m", "input", 2'000'000, 5 * kUsd)}));
  EXPECT_EQ(price.cause, Cause::kPrice);
  EXPECT_THAT(price.evidence, HasSubstr("all tokens 3.00 against 2.50"));
}

TEST(Causes, CostsAloneDoNotTellUsageFromPrice) {
  const Difference cost =
      Only(Compare({Cost(1, "m", "", 6 * kUsd)}, {Charged(1, "m", "input", 1, 5 * kUsd)}));
  EXPECT_EQ(cost.cause, Cause::kUnexplained);
  EXPECT_THAT(cost.evidence, HasSubstr("add the export of usage"));
}

TEST(Causes, ServiceTier) {
  const Difference batch =
      Only(Compare({Used(1, "m", "input", 80, "batch"), Used(1, "m", "input", 20, "standard"),
                    Cost(1, "m", "", 6 * kUsd)},
                   {Charged(1, "m", "input", 100, 10 * kUsd)}));
  EXPECT_EQ(batch.cause, Cause::kServiceTier);
  EXPECT_THAT(batch.evidence,
              HasSubstr("80.0% is batch; the provider's cost is 60.0% of the ledger's"));
  const Difference half = Only(Compare({Used(1, "m", "input", 100), Cost(1, "m", "", 5 * kUsd)},
                                       {Charged(1, "m", "input", 100, 10 * kUsd)}));
  EXPECT_EQ(half.cause, Cause::kServiceTier);
  EXPECT_THAT(half.evidence, HasSubstr("50.0%"));
  const Difference beside =
      Only(Compare({Used(1, "m", "input", 100), Cost(1, "m", "", 5 * kUsd + 1)},
                   {Charged(1, "m", "input", 100, 10 * kUsd)}));
  EXPECT_EQ(beside.cause, Cause::kPrice);
}

TEST(Causes, Rounding) {
  const auto with = [](int64_t ledger) {
    return Only(Compare({Used(1, "m", "input", 100), Cost(1, "m", "", kUsd, 10'000'000)},
                        {Charged(1, "m", "input", 100, ledger, 500)}));
  };
  EXPECT_EQ(with(kUsd + 10'000'500).cause, Cause::kRounding);
  EXPECT_EQ(with(kUsd - 10'000'500).cause, Cause::kRounding);
  EXPECT_EQ(with(kUsd + 10'000'501).cause, Cause::kPrice);
}

TEST(Causes, RoundingThatCancelsOutOverDaysIsNoDayEdge) {
  const Outcome wobble =
      Compare({Cost(1, "m", "", kUsd, 100), Cost(2, "m", "", kUsd, 100)},
              {Charged(1, "m", "input", 1, kUsd + 50), Charged(2, "m", "input", 1, kUsd - 50)});
  ASSERT_EQ(wobble.differences.size(), 2u);
  EXPECT_EQ(wobble.differences[0].cause, Cause::kRounding);
  EXPECT_EQ(wobble.differences[1].cause, Cause::kRounding);
}

TEST(Causes, NoModel) {
  const Difference search =
      Only(Compare({Cost(1, "m", "", kUsd), Cost(1, "", "web_search", kUsd / 2)},
                   {Charged(1, "m", "input", 1, kUsd)}));
  EXPECT_EQ(search.cause, Cause::kNoModel);
  EXPECT_THAT(search.evidence, HasSubstr("charged 0.50 USD for web_search"));
}

TEST(Causes, EachHasAName) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Cause::kUnexplained); ++i) {
    names.insert(NameOf(static_cast<Cause>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Cause::kUnexplained) + 1);
}

}  // namespace
}  // namespace quotaplane::reconcile
