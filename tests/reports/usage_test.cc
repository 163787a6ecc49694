// Reports against a naive reading of every entry, from both databases.
#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "libs/reports/reports.h"
#include "tests/reports/reports_fixture.h"

namespace quotaplane::reports {
namespace {

using UsageTest = ReportsTest;
QP_OVER_BOTH_DATABASES(UsageTest);

const std::vector<Dimension> kDimensions = {
    {Field::kTeam, ""},   {Field::kProject, ""},    {Field::kUser, ""},
    {Field::kModel, ""},  {Field::kMeter, ""},      {Field::kCostCenter, ""},
    {Field::kApiKey, ""}, {Field::kLabel, "agent"}, {Field::kLabel, "session"},
};

Range RandomRange(std::mt19937_64& random, absl::TimeZone zone) {
  int64_t from = TrickyInstant(random), to = TrickyInstant(random);
  if (random() % 2 == 0) {  // as people ask: whole days of their zone
    const auto midnight = [&](int64_t us) {
      return absl::ToUnixMicros(
          absl::FromCivil(absl::ToCivilDay(absl::FromUnixMicros(us), zone), zone));
    };
    from = midnight(from);
    to = midnight(to);
  }
  if (from > to) std::swap(from, to);
  return {from, from == to ? to + 1 : to};
}

Filter RandomFilter(std::mt19937_64& random, const std::vector<Line>& lines) {
  Filter filter;
  filter.dimension = kDimensions[random() % kDimensions.size()];
  const auto value = [&] { return lines[random() % lines.size()].Value(filter.dimension); };
  for (uint64_t i = random() % 3; i > 0; --i) filter.values.push_back(value());
  static const char* const kGlobs[] = {"*",   "s*",   "?1",  "p_1",   "p%*",
                                       "*ï*", "u[1]", "*\\", "S?arch"};
  for (uint64_t i = random() % 2; i > 0; --i) {
    filter.globs.emplace_back(kGlobs[random() % std::size(kGlobs)]);
  }
  return filter;
}

UsageQuery RandomQuery(std::mt19937_64& random, const std::vector<Line>& lines) {
  UsageQuery query;
  query.zone = ZoneOf(kZones[random() % std::size(kZones)]);
  query.selection.org = "acme";
  query.selection.range = RandomRange(random, query.zone);
  query.granularity = static_cast<Granularity>(random() % 5);
  for (const Dimension& dimension : kDimensions) {
    if (random() % 5 == 0) query.group_by.push_back(dimension);
  }
  for (uint64_t i = random() % 3; i > 1; --i) {
    query.selection.filters.push_back(RandomFilter(random, lines));
  }
  query.order = {static_cast<Order::By>(random() % 7), "output", random() % 2 == 0};
  query.top = random() % 2 == 0 ? 0 : static_cast<int>(1 + random() % 4);
  return query;
}

std::string Describe(const UsageQuery& query) {
  std::string text = query.zone.name() + " granularity " +
                     std::to_string(static_cast<int>(query.granularity)) + " top " +
                     std::to_string(query.top) + " by";
  for (const Dimension& dimension : query.group_by) text += " " + ToString(dimension);
  for (const Filter& filter : query.selection.filters) {
    text += " filter " + ToString(filter.dimension);
    for (const std::string& value : filter.values) text += " =" + value;
    for (const std::string& glob : filter.globs) text += " ~" + glob;
  }
  return text + " range " + std::to_string(query.selection.range.from_us) + " " +
         std::to_string(query.selection.range.to_us);
}

// Whether the two rows say the same; `naive` has an instant for its period.
bool Same(const UsageRow& row, const UsageRow& naive) {
  return row.period.from_us <= naive.period.from_us && naive.period.from_us < row.period.to_us &&
         row.group == naive.group && row.others == naive.others && row.measures == naive.measures;
}

TEST_P(UsageTest, EveryReportIsWhatTheEntriesSay) {
  constexpr uint64_t kSeed = 20'260'331;
  ledger_.Fill(1'200, kSeed);
  std::mt19937_64 random(kSeed);
  size_t rows = 0;
  for (int round = 0; round < 400; ++round) {
    const UsageQuery query = RandomQuery(random, lines());
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round) + ": " +
                 Describe(query));
    const auto report = QueryUsage(*db_, query);
    if (query.granularity == Granularity::kHour && absl::IsInvalidArgument(report.status())) {
      continue;  // more hours than there may be
    }
    ASSERT_TRUE(report.ok()) << report.status();
    const UsageReport naive = NaiveReport(lines(), query);
    EXPECT_EQ(report->total, naive.total);
    ASSERT_EQ(report->rows.size(), naive.rows.size());
    for (size_t i = 0; i < naive.rows.size(); ++i) {
      ASSERT_TRUE(Same(report->rows[i], naive.rows[i])) << "row " << i;
    }
    rows += naive.rows.size();
  }
  EXPECT_GT(rows, 10'000u);  // the seed asks something
}

TEST_P(UsageTest, ComparisonsAreTheDifferenceOfTwoReports) {
  ledger_.Fill(400, 7);
  std::mt19937_64 random(8);
  for (int round = 0; round < 30; ++round) {
    UsageQuery query = RandomQuery(random, lines());
    query.granularity = Granularity::kNone;
    query.top = 0;
    const Range base = RandomRange(random, query.zone);
    const auto report = ComparePeriods(*db_, query.selection, base, query.group_by, 3);
    ASSERT_TRUE(report.ok()) << report.status();
    const Measures current = NaiveReport(lines(), query).total;
    query.selection.range = base;
    const Measures before = NaiveReport(lines(), query).total;
    EXPECT_EQ(report->total.base, before);
    EXPECT_EQ(report->total.current, current);
    EXPECT_EQ(report->total.cost_change_nano_usd, current.cost_nano_usd - before.cost_nano_usd);
    EXPECT_EQ(report->total.denied_change, current.denied - before.denied);
    Measures sum;
    for (const Comparison& row : report->rows) ASSERT_TRUE(sum.Add(row.current).ok());
    EXPECT_EQ(sum, current);
    EXPECT_LE(report->rows.size(), 4u);
  }
}

TEST_P(UsageTest, ASumThatDoesNotFitIsAnError) {
  std::mt19937_64 random(1);
  std::vector<SettledCharge> charges;
  for (int id = 0; id < 2; ++id) {
    charges.push_back(RandomCharge(id, random));
    ChargeRecord& record = charges.back().charge;
    record.lines = {{0, "big", ServiceTier::kStandard, "input", 1, 1, INT64_MAX - 5, false, ""}};
    record.subject.user = "u" + std::to_string(id);
    charges.back().settlement.occurred_at_us = 1'775'001'599'500'000;
  }
  ledger_.Write(charges);
  UsageQuery query;
  query.selection = {"acme", {1'775'001'599'000'000, 1'775'001'600'000'000}, {}};
  EXPECT_TRUE(absl::IsOutOfRange(QueryUsage(*db_, query).status()))
      << QueryUsage(*db_, query).status();
  query.group_by = {{Field::kUser, ""}};  // each fits, the total does not
  EXPECT_TRUE(absl::IsOutOfRange(QueryUsage(*db_, query).status()));
  query.selection.filters = {{{Field::kUser, ""}, {"u0"}, {}}};
  EXPECT_EQ(QueryUsage(*db_, query)->total.cost_nano_usd, INT64_MAX - 5);
}

TEST_P(UsageTest, AReportOfTooManyRowsIsRefused) {
  const auto added = db_->Execute(
      {"users",
       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) "
       "INSERT INTO rollup_day SELECT 'acme', 1775001600000000, '', '', '', "
       "'u' || CAST(n.i AS TEXT), 'big', 'input', 1, 1, 1, 0, 0 FROM n"});
  ASSERT_TRUE(added.ok()) << added.status();
  UsageQuery query;
  query.selection = {"acme", {1'775'001'600'000'000, 1'775'088'000'000'000}, {}};
  EXPECT_EQ(QueryUsage(*db_, query)->total.requests, 100'001);
  query.group_by = {{Field::kUser, ""}};
  const absl::Status refused = QueryUsage(*db_, query).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(ReasonOf(refused), "REPORT_TOO_LARGE");
  query.selection.filters = {{{Field::kUser, ""}, {}, {"u9*"}}};
  EXPECT_EQ(QueryUsage(*db_, query)->rows.size(), 11'111u);
}

TEST_P(UsageTest, OtherOrgsAreNotSeen) {
  ledger_.Fill(50, 3);
  UsageQuery query;
  query.selection = {"initech", {0, 4'000'000'000'000'000}, {}};
  EXPECT_EQ(QueryUsage(*db_, query)->total.requests, 20);
  query.selection.org = "nobody";
  EXPECT_TRUE(QueryUsage(*db_, query)->rows.empty());
}

}  // namespace
}  // namespace quotaplane::reports
