#include "libs/ledger/ledger_rows.h"

#include <array>
#include <utility>

#include "libs/base/json_string.h"

namespace quotaplane {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

using sql::Type;

}  // namespace

std::vector<sql::Column> EntryColumns() {
  return {{"charge_key", Type::kBytes},
          {"line"},
          {"org", Type::kText},
          {"kind", Type::kText},
          {"reservation_id", Type::kText},
          {"occurred_at_us"},
          {"recorded_at_us"},
          {"attempt"},
          {"model", Type::kText},
          {"subject_model", Type::kText},
          {"priced_as", Type::kText},
          {"service_tier", Type::kText},
          {"meter", Type::kText},
          {"quantity"},
          {"unit_price_nano_per_million"},
          {"cost_nano_usd"},
          {"price_version", Type::kText},
          {"team", Type::kText},
          {"project", Type::kText},
          {"user_name", Type::kText},
          {"api_key", Type::kText},
          {"labels", Type::kText},
          {"cost_center", Type::kText},
          {"held_nano_usd"},
          {"overrun_nano_usd"},
          {"late"},
          {"unreserved"},
          {"recorded"},
          {"unpriced"},
          {"spooled"}};
}

namespace {

int64_t BucketOf(int64_t time_us, int64_t width_us) {
  const int64_t past = time_us % width_us;
  return time_us - (past < 0 ? past + width_us : past);
}

}  // namespace

sql::Batch RollupBatch(std::string_view table) {
  return {table,
          {{"org", Type::kText},
           {"bucket_us"},
           {"cost_center", Type::kText},
           {"team", Type::kText},
           {"project", Type::kText},
           {"user_name", Type::kText},
           {"model", Type::kText},
           {"meter", Type::kText},
           {"quantity"},
           {"cost_nano_usd"},
           {"requests"},
           {"overrun_nano_usd"}},
          {}};
}

int64_t HourOf(int64_t time_us) { return BucketOf(time_us, kHourUs); }

int64_t DayOf(int64_t time_us) { return BucketOf(time_us, kDayUs); }

LedgerRows::LedgerRows(int64_t recorded_at_us)
    : recorded_at_us_(recorded_at_us),
      entries_{"ledger_entries", EntryColumns(), {}},
      rollup_hour_(RollupBatch("rollup_hour")),
      rollup_day_(RollupBatch("rollup_day")) {}

void LedgerRows::Add(const SettledCharge& charge, const Digest& key, std::string cost_center) {
  static const ChargeLine kNoUsage;
  const std::string_view kept_key = Keep(std::string(key.view()));
  const std::string_view center = Keep(std::move(cost_center));
  const std::string_view labels = Keep(LabelsJson(charge.charge.subject.labels));
  int index = 0;
  for (const ChargeLine& line : charge.charge.lines) {
    AddEntry(charge, kept_key, line, index++, center, labels);
  }
  if (index == 0) AddEntry(charge, kept_key, kNoUsage, 0, center, labels);
}

void LedgerRows::AddEntry(const SettledCharge& charge, std::string_view key, const ChargeLine& line,
                          int index, std::string_view cost_center, std::string_view labels) {
  const ChargeRecord& record = charge.charge;
  const Subject& subject = record.subject;
  const Settlement& settlement = charge.settlement;
  const bool first = index == 0;
  const std::array<sql::Value, 30> row = {
      sql::Bytes{key},
      index,
      subject.org,
      "usage",
      record.id,
      settlement.occurred_at_us,
      recorded_at_us_,
      line.attempt,
      line.model.empty() ? subject.model : line.model,
      subject.model,
      line.priced_as,
      TierName(line.tier),
      line.meter,
      line.quantity,
      line.unit_price,
      line.cost_nano_usd,
      record.price_version,
      subject.team,
      subject.project,
      subject.user,
      subject.api_key,
      labels,
      cost_center,
      first ? settlement.held_nano_usd : 0,
      first ? settlement.overrun_nano_usd : 0,
      int64_t{settlement.late},
      int64_t{settlement.unreserved},
      int64_t{record.recorded},
      int64_t{line.unpriced},
      int64_t{record.spooled_at_us != 0},
  };
  entries_.values.insert(entries_.values.end(), row.begin(), row.end());
  AddToRollup(&rollup_hour_, HourOf(settlement.occurred_at_us), charge, line, index, cost_center);
  AddToRollup(&rollup_day_, DayOf(settlement.occurred_at_us), charge, line, index, cost_center);
}

void LedgerRows::AddToRollup(sql::Batch* rollup, int64_t bucket_us, const SettledCharge& charge,
                             const ChargeLine& line, int index, std::string_view cost_center) {
  const Subject& subject = charge.charge.subject;
  const std::array<sql::Value, 12> row = {
      subject.org,
      bucket_us,
      cost_center,
      subject.team,
      subject.project,
      subject.user,
      line.model.empty() ? subject.model : line.model,
      line.meter,
      line.quantity,
      line.cost_nano_usd,
      index == 0 ? 1 : 0,
      index == 0 ? charge.settlement.overrun_nano_usd : 0,
  };
  rollup->values.insert(rollup->values.end(), row.begin(), row.end());
}

std::string_view LedgerRows::Keep(std::string text) { return kept_.emplace_back(std::move(text)); }

std::string_view TierName(ServiceTier tier) {
  switch (tier) {
    case ServiceTier::kStandard:
      return "standard";
    case ServiceTier::kBatch:
      return "batch";
    case ServiceTier::kPriority:
      return "priority";
    case ServiceTier::kFlex:
      return "flex";
  }
  return "";
}

std::string LabelsJson(const std::vector<std::pair<std::string, std::string>>& labels) {
  std::string json = "{";
  for (const auto& [key, value] : labels) {
    if (json.size() > 1) json.push_back(',');
    AppendJsonString(key, &json);
    json.push_back(':');
    AppendJsonString(value, &json);
  }
  json.push_back('}');
  return json;
}

}  // namespace quotaplane
