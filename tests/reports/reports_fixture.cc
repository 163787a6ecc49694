#include "tests/reports/reports_fixture.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "libs/ledger/ledger_rows.h"
#include "libs/policy/policy.h"
#include "libs/sql/migrate.h"
#include "libs/sql/month_partitions.h"

namespace quotaplane::reports {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

template <typename T>
const T& PickOf(const std::vector<T>& values, std::mt19937_64& random) {
  return values[random() % values.size()];
}

bool Passes(const Line& line, const Selection& selection) {
  if (line.at_us < selection.range.from_us || line.at_us >= selection.range.to_us) return false;
  return std::all_of(selection.filters.begin(), selection.filters.end(), [&](const Filter& filter) {
    const std::string& value = line.Value(filter.dimension);
    const auto& values = filter.values;
    if (std::find(values.begin(), values.end(), value) != values.end()) return true;
    return !value.empty() &&
           std::any_of(filter.globs.begin(), filter.globs.end(),
                       [&](const std::string& glob) { return Glob(glob).Matches(value); });
  });
}

// What a person would call the period that holds the instant.
std::string PeriodName(int64_t us, Granularity granularity, absl::TimeZone zone) {
  const absl::Time at = absl::FromUnixMicros(us);
  const absl::CivilDay day = absl::ToCivilDay(at, zone);
  switch (granularity) {
    case Granularity::kNone:
      return "";
    case Granularity::kHour:
      return absl::FormatTime("%Y-%m-%d %H %z", at, zone);
    case Granularity::kDay:
      return absl::FormatCivilTime(day);
    case Granularity::kWeek:
      return absl::FormatCivilTime(absl::PrevWeekday(day + 1, absl::Weekday::monday));
    case Granularity::kMonth:
      return absl::FormatCivilTime(absl::CivilMonth(day));
  }
  return "";
}

int64_t KeyOf(const Measures& measures, const Order& order) {
  switch (order.by) {
    case Order::By::kCost:
      return measures.cost_nano_usd;
    case Order::By::kRequests:
      return measures.requests;
    case Order::By::kDenied:
      return measures.denied;
    case Order::By::kOverrun:
      return measures.overrun_nano_usd;
    case Order::By::kTokens:
      return *measures.Tokens();
    case Order::By::kQuantity:
      return measures.Quantity(order.meter);
    case Order::By::kGroup:
      break;
  }
  return 0;
}

void AddLine(const Line& line, Measures* sum) {
  sum->cost_nano_usd += line.cost_nano_usd;
  sum->requests += line.first && !line.correction ? 1 : 0;
  sum->denied += line.denied;
  sum->overrun_nano_usd += line.overrun_nano_usd;
  if (!line.meter.empty()) sum->quantities[line.meter] += line.quantity;
}

}  // namespace

const std::string& Line::Value(const Dimension& dimension) const {
  static const std::string kNone;
  switch (dimension.field) {
    case Field::kTeam:
      return team;
    case Field::kProject:
      return project;
    case Field::kUser:
      return user;
    case Field::kModel:
      return model;
    case Field::kMeter:
      return meter;
    case Field::kCostCenter:
      return cost_center;
    case Field::kApiKey:
      return api_key;
    case Field::kLabel:
      break;
  }
  const auto found = labels.find(dimension.label);
  return found == labels.end() ? kNone : found->second;
}

absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

int64_t TrickyInstant(std::mt19937_64& random) {
  static const int64_t kFirst =
      absl::ToUnixMicros(absl::FromCivil(absl::CivilDay(2026, 2, 1), absl::UTCTimeZone()));
  if (random() % 3 == 0) return kFirst + static_cast<int64_t>(random() % (300 * kDayUs));
  static const std::vector<absl::CivilDay> kDays = {
      absl::CivilDay(2026, 2, 28), absl::CivilDay(2026, 3, 1),  absl::CivilDay(2026, 3, 8),
      absl::CivilDay(2026, 3, 29), absl::CivilDay(2026, 3, 31), absl::CivilDay(2026, 4, 5),
      absl::CivilDay(2026, 10, 4), absl::CivilDay(2026, 11, 1), absl::CivilDay(2026, 11, 2)};
  const absl::TimeZone zone = ZoneOf(kZones[random() % std::size(kZones)]);
  const absl::CivilHour hour =
      absl::CivilHour(PickOf(kDays, random)) + static_cast<int>(random() % 27);
  return absl::ToUnixMicros(absl::FromCivil(hour, zone)) + static_cast<int64_t>(random() % 3) - 1;
}

SettledCharge RandomCharge(int id, std::mt19937_64& random) {
  SettledCharge charge;
  ChargeRecord& record = charge.charge;
  record.id = "r" + std::to_string(id);
  record.subject = {"acme",
                    PickOf<std::string>({"search", "growth", "Search", ""}, random),
                    PickOf<std::string>({"p%1", "p_1", "px1", ""}, random),
                    "u" + std::to_string(random() % 9),
                    PickOf<std::string>({"k1", "k2", ""}, random),
                    "big",
                    {}};
  if (random() % 2 == 0) record.subject.labels.emplace_back("agent", "say \"hi\", zoë\\");
  if (random() % 3 != 0) {
    record.subject.labels.emplace_back("session", "s" + std::to_string(random() % 3));
  }
  record.price_version = "2026-03-01";
  for (uint64_t i = 0, count = random() % 4; i < count; ++i) {
    const auto quantity = static_cast<int64_t>(1 + random() % 100'000);
    record.lines.push_back(
        {static_cast<int>(i), PickOf<std::string>({"big", "small", "ünïcode-model"}, random),
         random() % 4 == 0 ? ServiceTier::kBatch : ServiceTier::kStandard,
         PickOf<std::string>({"input", "output", "cache_read", "web_searches"}, random), quantity,
         3'000'000'000, quantity * 3'000, false, ""});
    record.cost_nano_usd += record.lines.back().cost_nano_usd;
  }
  charge.settlement = {TrickyInstant(random), 1'000, static_cast<int64_t>(random() % 500),
                       random() % 9 == 0, false};
  return charge;
}

UsageReport NaiveReport(const std::vector<Line>& lines, const UsageQuery& query) {
  using Group = std::vector<std::string>;
  UsageReport report;
  std::map<Group, Measures> totals;
  const auto group_of = [&](const Line& line) {
    Group group;
    for (const Dimension& dimension : query.group_by) group.push_back(line.Value(dimension));
    return group;
  };
  for (const Line& line : lines) {
    if (!Passes(line, query.selection)) continue;
    AddLine(line, &report.total);
    AddLine(line, &totals[group_of(line)]);
  }
  const Order& order = query.order;
  const auto before = [&](const Measures& a, const Group& a_group, const Measures& b,
                          const Group& b_group) {
    if (order.by == Order::By::kGroup) {
      return order.descending ? b_group < a_group : a_group < b_group;
    }
    const int64_t a_key = KeyOf(a, order), b_key = KeyOf(b, order);
    if (a_key != b_key) return order.descending ? b_key < a_key : a_key < b_key;
    return a_group < b_group;
  };
  std::vector<std::pair<Group, Measures>> ranked(totals.begin(), totals.end());
  std::sort(ranked.begin(), ranked.end(), [&](const auto& a, const auto& b) {
    return before(a.second, a.first, b.second, b.first);
  });
  std::set<Group> first;
  for (const auto& [group, total] : ranked) {
    if (query.top == 0 || first.size() < static_cast<size_t>(query.top)) first.insert(group);
  }
  // Period, others, group.
  std::map<std::tuple<std::string, bool, Group>, std::pair<int64_t, Measures>> sums;
  for (const Line& line : lines) {
    if (!Passes(line, query.selection)) continue;
    const Group group = group_of(line);
    const bool others = !first.contains(group);
    auto& [at_us, sum] = sums[{PeriodName(line.at_us, query.granularity, query.zone), others,
                               others ? Group() : group}];
    at_us = line.at_us;
    AddLine(line, &sum);
  }
  // The period's bounds are left open: an instant in it stands for it.
  for (const auto& [key, value] : sums) {
    report.rows.push_back(
        {{value.first, value.first}, std::get<2>(key), std::get<1>(key), value.second});
  }
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [&](const UsageRow& a, const UsageRow& b) {
                     const auto name = [&](const UsageRow& row) {
                       return PeriodName(row.period.from_us, query.granularity, query.zone);
                     };
                     if (name(a) != name(b)) return a.period.from_us < b.period.from_us;
                     if (a.others != b.others) return b.others;
                     return before(a.measures, a.group, b.measures, b.group);
                   });
  return report;
}

SeededLedger::SeededLedger(sql::Database* database)
    : db_(database), writer_(database, [](const Subject& subject) {
        return subject.team.empty() ? "" : "cc-" + subject.team;
      }) {
  EXPECT_TRUE(sql::Migrate(*db_).ok());
}

void SeededLedger::Write(const std::vector<SettledCharge>& charges) {
  const auto written = writer_.Write(charges, 1);
  ASSERT_TRUE(written.ok()) << written.status();
  for (const SettledCharge& charge : charges) {
    const Subject& subject = charge.charge.subject;
    if (subject.org != "acme") continue;
    Line line;
    line.at_us = charge.settlement.occurred_at_us;
    line.team = subject.team;
    line.project = subject.project;
    line.user = subject.user;
    line.cost_center = subject.team.empty() ? "" : "cc-" + subject.team;
    line.api_key = subject.api_key;
    line.labels.insert(subject.labels.begin(), subject.labels.end());
    line.model = subject.model;
    line.first = true;
    line.overrun_nano_usd = charge.settlement.overrun_nano_usd;
    if (charge.charge.lines.empty()) lines_.push_back(line);
    for (const ChargeLine& from : charge.charge.lines) {
      line.model = from.model;
      line.meter = from.meter;
      line.quantity = from.quantity;
      line.cost_nano_usd = from.cost_nano_usd;
      lines_.push_back(line);
      line.first = false;
      line.overrun_nano_usd = 0;
    }
  }
}

void SeededLedger::Write(const std::vector<RefusalBatch>& batches) {
  const auto written = writer_.Write(batches, 1);
  ASSERT_TRUE(written.ok()) << written.status();
  for (const RefusalBatch& batch : batches) {
    if (batch.org != "acme") continue;
    for (const RefusalLine& from : batch.lines) {
      const Subject& subject = from.subject;
      Line line;
      line.at_us = from.minute_us;
      line.team = subject.team;
      line.project = subject.project;
      line.user = subject.user;
      line.cost_center = subject.team.empty() ? "" : "cc-" + subject.team;
      line.api_key = subject.api_key;
      line.labels.insert(subject.labels.begin(), subject.labels.end());
      line.model = subject.model;
      line.denied = from.count;
      lines_.push_back(line);
    }
  }
}

void SeededLedger::Correct(const SettledCharge& charge, int64_t at_us, int64_t cost,
                           const std::string& reason) {
  const Subject& subject = charge.charge.subject;
  ASSERT_FALSE(charge.charge.lines.empty());
  const ChargeLine& line = charge.charge.lines[0];
  const std::string id = "correction-of-" + charge.charge.id;
  const Digest key = ChargeKey(subject.org, id),
               corrected = ChargeKey(subject.org, charge.charge.id);
  const std::string center = subject.team.empty() ? "" : "cc-" + subject.team;
  ASSERT_TRUE(sql::EnsureMonthPartitions(*db_, at_us, at_us).ok());
  const auto entry = db_->Execute(
      {"entry",
       "INSERT INTO ledger_entries VALUES ($1, 0, 'acme', 'correction', $2, $3, $3, 0, $4, $5, '', "
       "'standard', $6, 0, 0, $7, 'v', $8, $9, $10, $11, '{}', $12, 0, 0, 0, 0, 0, 0, 0, $13, "
       "$14, $15, 'adjustment', $1)"},
      {sql::Bytes{key.view()}, id, at_us, line.model, subject.model, line.meter, cost, subject.team,
       subject.project, subject.user, subject.api_key, center, sql::Bytes{corrected.view()}, reason,
       charge.settlement.occurred_at_us});
  ASSERT_TRUE(entry.ok()) << entry.status();
  for (const auto& [table, width] : {std::pair("rollup_hour", kHourUs), {"rollup_day", kDayUs}}) {
    sql::Batch rollup = RollupBatch(table);
    rollup.values = {"acme",
                     at_us - at_us % width,
                     center,
                     subject.team,
                     subject.project,
                     subject.user,
                     line.model,
                     line.meter,
                     0,
                     cost,
                     0,
                     0};
    const auto begun = db_->Begin();
    ASSERT_TRUE(begun.ok()) << begun.status();
    ASSERT_TRUE((*begun)->AddMany(rollup, kRollupKeyColumns).ok());
    ASSERT_TRUE((*begun)->Commit().ok());
  }
  Line corrected_line;
  corrected_line.at_us = at_us;
  corrected_line.team = subject.team;
  corrected_line.project = subject.project;
  corrected_line.user = subject.user;
  corrected_line.cost_center = center;
  corrected_line.api_key = subject.api_key;
  corrected_line.model = line.model;
  corrected_line.meter = line.meter;
  corrected_line.cost_nano_usd = cost;
  corrected_line.first = true;
  corrected_line.correction = true;
  lines_.push_back(corrected_line);
}

void SeededLedger::Fill(int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<SettledCharge> charges;
  for (int id = 0; id < count; ++id) charges.push_back(RandomCharge(id, random));
  for (int id = 0; id < 20; ++id) {
    charges.push_back(RandomCharge(id, random));
    charges.back().charge.subject.org = "initech";
  }
  Write(charges);
  // Two lines of each batch are of one minute, as a rule.
  std::vector<RefusalBatch> batches;
  for (int id = 0; id < count / 5; ++id) {
    RefusalBatch batch{"replica/" + std::to_string(id), id % 9 == 0 ? "initech" : "acme", {}};
    const int64_t at_us = TrickyInstant(random);
    for (uint64_t i = 1 + random() % 4; i > 0; --i) {
      Subject subject = RandomCharge(0, random).charge.subject;
      subject.org = batch.org;
      const int64_t minute_us = at_us - at_us % 60'000'000 + (i == 4 ? kHourUs : 0);
      batch.lines.push_back({subject, minute_us, static_cast<int64_t>(1 + random() % 50)});
    }
    batches.push_back(std::move(batch));
  }
  Write(batches);
  for (int id = 0; id < count; id += 40) {
    if (charges[id].charge.lines.empty()) continue;
    const auto cost = -static_cast<int64_t>(random() % charges[id].charge.cost_nano_usd);
    Correct(charges[id], TrickyInstant(random), cost, "wrong price");
  }
}

}  // namespace quotaplane::reports
