#include "libs/reports/statement_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "libs/reports/text_format.h"

namespace quotaplane::reports {
namespace {

using Json = nlohmann::json;  // an object's keys are sorted

constexpr char kFormat[] = "quotaplane-statement-1";

absl::Status Damaged(std::string_view what) {
  return ReasonedError(absl::StatusCode::kDataLoss, "STATEMENT_DAMAGED", what);
}

Json Number(int64_t value) { return absl::StrCat(value); }
std::string Text(std::string_view view) { return std::string(view); }

constexpr LineKind kKinds[] = {LineKind::kUsage, LineKind::kLate, LineKind::kCorrection};
constexpr Allocation kAllocations[] = {Allocation::kEven, Allocation::kByUsage,
                                       Allocation::kByWeight};

Json DaysJson(const DayCosts& days) {
  Json list = Json::array();
  for (const auto& [key, cost] : days) {
    list.push_back({{"day", key.first}, {"name", key.second}, {"cost_nano_usd", Number(cost)}});
  }
  return list;
}

Json LinesJson(const Lines& lines) {
  Json list = Json::array();
  for (const auto& [key, amounts] : lines) {
    list.push_back({{"kind", Text(NameOf(key.kind))},
                    {"month", key.month},
                    {"corrects_month", key.corrects_month},
                    {"team", key.team},
                    {"project", key.project},
                    {"model", key.model},
                    {"meter", key.meter},
                    {"quantity", Number(amounts.quantity)},
                    {"cost_nano_usd", Number(amounts.cost_nano_usd)},
                    {"requests", Number(amounts.requests)},
                    {"overrun_nano_usd", Number(amounts.overrun_nano_usd)}});
  }
  return list;
}

Json CurrencyJson(const Currency& currency) {
  return {{"code", currency.code},
          {"decimals", Number(currency.decimals)},
          {"nano_per_usd", Number(currency.nano_per_usd)}};
}

Json CentersJson(const ByCostCenter& centers) {
  Json map = Json::object();
  for (const auto& [center, number] : centers) map[center] = Number(number);
  return map;
}

// What is not there, or is something else, is remembered, and reads as nothing.
class Reader {
 public:
  explicit Reader(std::string_view text)
      : json_(Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false)) {}

  const Json& root() const { return json_; }
  std::string String(const Json& from, const char* key) {
    const Json* const value = Find(from, key);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    broken_ = true;
    return "";
  }
  int64_t Int(const Json& from, const char* key) { return ToInt(String(from, key)); }
  bool Bool(const Json& from, const char* key) {
    const Json* const value = Find(from, key);
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
    broken_ = true;
    return false;
  }
  const Json& Object(const Json& from, const char* key) {
    static const Json kNothing = Json::object();
    const Json* const value = Find(from, key);
    if (value != nullptr && value->is_object()) return *value;
    broken_ = true;
    return kNothing;
  }
  const Json& List(const Json& from, const char* key) {
    static const Json kNothing = Json::array();
    const Json* const value = Find(from, key);
    if (value != nullptr && value->is_array()) return *value;
    broken_ = true;
    return kNothing;
  }
  ByCostCenter Centers(const Json& from, const char* key) {
    ByCostCenter centers;
    for (const auto& [center, number] : Object(from, key).items()) {
      if (!number.is_string()) broken_ = true;
      centers[center] = number.is_string() ? ToInt(number.get<std::string>()) : 0;
    }
    return centers;
  }
  // 0 for an empty text.
  int64_t Time(const Json& from, const char* key) {
    const std::string text = String(from, key);
    absl::Time time;
    if (text.empty()) return 0;
    if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) broken_ = true;
    return absl::ToUnixMicros(time);
  }
  template <typename Enum, size_t n>
  Enum Choice(const Json& from, const char* key, const Enum (&choices)[n]) {
    const std::string text = String(from, key);
    for (const Enum choice : choices) {
      if (NameOf(choice) == text) return choice;
    }
    broken_ = true;
    return choices[0];
  }
  absl::Status status() const {
    return broken_ ? Damaged("a stored statement is not what one is") : absl::OkStatus();
  }

 private:
  static const Json* Find(const Json& from, const char* key) {
    const auto found = from.find(key);
    return found == from.end() ? nullptr : &*found;
  }
  int64_t ToInt(const std::string& text) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value)) broken_ = true;
    return value;
  }

  const Json json_;
  bool broken_ = false;
};

DayCosts ReadDays(const Json& list, Reader* reader) {
  DayCosts days;
  for (const Json& each : list) {
    days[{reader->String(each, "day"), reader->String(each, "name")}] =
        reader->Int(each, "cost_nano_usd");
  }
  return days;
}

Lines ReadLines(const Json& list, Reader* reader) {
  Lines lines;
  for (const Json& each : list) {
    const LineKey key = {reader->Choice(each, "kind", kKinds),   reader->String(each, "month"),
                         reader->String(each, "corrects_month"), reader->String(each, "team"),
                         reader->String(each, "project"),        reader->String(each, "model"),
                         reader->String(each, "meter")};
    lines[key] = {reader->Int(each, "quantity"), reader->Int(each, "cost_nano_usd"),
                  reader->Int(each, "requests"), reader->Int(each, "overrun_nano_usd")};
  }
  return lines;
}

Currency ReadCurrency(const Json& from, Reader* reader) {
  return {reader->String(from, "code"), reader->Int(from, "nano_per_usd"),
          static_cast<int>(reader->Int(from, "decimals"))};
}

Totals ReadTotals(const Json& from, Reader* reader) {
  Totals totals;
  totals.usage_nano_usd = reader->Int(from, "usage_nano_usd");
  totals.late_nano_usd = reader->Int(from, "late_nano_usd");
  totals.corrections_nano_usd = reader->Int(from, "corrections_nano_usd");
  totals.markup_nano_usd = reader->Int(from, "markup_nano_usd");
  totals.seat_fees_nano_usd = reader->Int(from, "seat_fees_nano_usd");
  totals.shared_costs_nano_usd = reader->Int(from, "shared_costs_nano_usd");
  totals.total_nano_usd = reader->Int(from, "total_nano_usd");
  totals.due_nano = reader->Int(from, "due_nano");
  return totals;
}

Json TotalsJson(const Totals& totals) {
  return {{"usage_nano_usd", Number(totals.usage_nano_usd)},
          {"late_nano_usd", Number(totals.late_nano_usd)},
          {"corrections_nano_usd", Number(totals.corrections_nano_usd)},
          {"markup_nano_usd", Number(totals.markup_nano_usd)},
          {"seat_fees_nano_usd", Number(totals.seat_fees_nano_usd)},
          {"shared_costs_nano_usd", Number(totals.shared_costs_nano_usd)},
          {"total_nano_usd", Number(totals.total_nano_usd)},
          {"due_nano", Number(totals.due_nano)}};
}

void ReadHead(const Json& from, Reader* reader, MonthHead* head) {
  head->org = reader->String(from, "org");
  head->month = reader->String(from, "month");
  head->time_zone = reader->String(from, "time_zone");
  head->range = {reader->Time(from, "from_time"), reader->Time(from, "to_time")};
  head->closed_at_us = reader->Time(from, "closed_time");
}

void ReadFees(const Json& from, Reader* reader, Statement* statement) {
  for (const Json& each : reader->List(from, "seat_fees")) {
    statement->seat_fees.push_back({reader->String(each, "name"), reader->Int(each, "seats"),
                                    reader->Int(each, "nano_usd_per_seat"),
                                    reader->Int(each, "amount_nano_usd")});
  }
  for (const Json& each : reader->List(from, "shared_costs")) {
    statement->shared_costs.push_back(
        {reader->String(each, "name"), reader->Choice(each, "allocation", kAllocations),
         reader->Int(each, "of_nano_usd"), reader->Int(each, "amount_nano_usd")});
  }
}

}  // namespace

std::string_view NameOf(LineKind kind) {
  switch (kind) {
    case LineKind::kUsage:
      return "usage";
    case LineKind::kLate:
      return "late";
    case LineKind::kCorrection:
      break;
  }
  return "correction";
}

std::string_view NameOf(Allocation allocation) {
  switch (allocation) {
    case Allocation::kEven:
      return "even";
    case Allocation::kByUsage:
      return "by_usage";
    case Allocation::kByWeight:
      break;
  }
  return "by_weight";
}

std::string StatementJson(const Statement& statement) {
  const MonthHead& head = statement.head;
  Json seat_fees = Json::array(), shared_costs = Json::array();
  for (const SeatCharge& fee : statement.seat_fees) {
    seat_fees.push_back({{"name", fee.name},
                         {"seats", Number(fee.seats)},
                         {"nano_usd_per_seat", Number(fee.nano_usd_per_seat)},
                         {"amount_nano_usd", Number(fee.amount_nano_usd)}});
  }
  for (const SharedCharge& cost : statement.shared_costs) {
    shared_costs.push_back({{"name", cost.name},
                            {"allocation", Text(NameOf(cost.allocation))},
                            {"of_nano_usd", Number(cost.of_nano_usd)},
                            {"amount_nano_usd", Number(cost.amount_nano_usd)}});
  }
  const Json json = {
      {"format", kFormat},
      {"org", head.org},
      {"month", head.month},
      {"time_zone", head.time_zone},
      {"from_time", FormatUtcMicros(head.range.from_us)},
      {"to_time", FormatUtcMicros(head.range.to_us)},
      {"preview", head.preview()},
      {"closed_time", head.preview() ? "" : FormatUtcMicros(head.closed_at_us)},
      {"number", Number(statement.number)},
      {"cost_center", statement.cost_center},
      {"active_users", Number(statement.usage.active_users)},
      {"lines", LinesJson(statement.usage.lines)},
      {"days_by_team", DaysJson(statement.usage.by_team)},
      {"days_by_model", DaysJson(statement.usage.by_model)},
      {"markup_millionths", Number(statement.markup_millionths)},
      {"seat_fees", std::move(seat_fees)},
      {"shared_costs", std::move(shared_costs)},
      {"currency", CurrencyJson(statement.currency)},
      {"totals", TotalsJson(statement.totals)},
  };
  return json.dump();
}

absl::StatusOr<Statement> ParseStatement(std::string_view json) {
  Reader reader(json);
  const Json& root = reader.root();
  Statement statement;
  if (reader.String(root, "format") != kFormat) {
    return Damaged("a stored statement has a format that this version does not know");
  }
  ReadHead(root, &reader, &statement.head);
  statement.number = reader.Int(root, "number");
  statement.cost_center = reader.String(root, "cost_center");
  statement.usage.active_users = reader.Int(root, "active_users");
  statement.usage.lines = ReadLines(reader.List(root, "lines"), &reader);
  statement.usage.by_team = ReadDays(reader.List(root, "days_by_team"), &reader);
  statement.usage.by_model = ReadDays(reader.List(root, "days_by_model"), &reader);
  statement.markup_millionths = reader.Int(root, "markup_millionths");
  ReadFees(root, &reader, &statement);
  statement.currency = ReadCurrency(reader.Object(root, "currency"), &reader);
  statement.totals = ReadTotals(reader.Object(root, "totals"), &reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return statement;
}

std::string RulesJson(const ChargebackRules& rules) {
  Json seat_fees = Json::array(), shared_costs = Json::array();
  for (const SeatFee& fee : rules.seat_fees) {
    seat_fees.push_back({{"name", fee.name},
                         {"nano_usd_per_seat", Number(fee.nano_usd_per_seat)},
                         {"per_active_user", fee.per_active_user},
                         {"seats", CentersJson(fee.seats)}});
  }
  for (const SharedCost& cost : rules.shared_costs) {
    shared_costs.push_back({{"name", cost.name},
                            {"amount_nano_usd", Number(cost.amount_nano_usd)},
                            {"allocation", Text(NameOf(cost.allocation))},
                            {"weights", CentersJson(cost.weights)}});
  }
  const Json json = {{"seat_fees", std::move(seat_fees)},
                     {"shared_costs", std::move(shared_costs)},
                     {"markup_millionths", Number(rules.markup_millionths)},
                     {"markup_by_cost_center", CentersJson(rules.markup_by_cost_center)},
                     {"currency", CurrencyJson(rules.currency)}};
  return json.dump();
}

absl::StatusOr<ChargebackRules> ParseRules(std::string_view json) {
  Reader reader(json);
  const Json& root = reader.root();
  ChargebackRules rules;
  for (const Json& each : reader.List(root, "seat_fees")) {
    rules.seat_fees.push_back({reader.String(each, "name"), reader.Int(each, "nano_usd_per_seat"),
                               reader.Centers(each, "seats"),
                               reader.Bool(each, "per_active_user")});
  }
  for (const Json& each : reader.List(root, "shared_costs")) {
    rules.shared_costs.push_back({reader.String(each, "name"), reader.Int(each, "amount_nano_usd"),
                                  reader.Choice(each, "allocation", kAllocations),
                                  reader.Centers(each, "weights")});
  }
  rules.markup_millionths = reader.Int(root, "markup_millionths");
  rules.markup_by_cost_center = reader.Centers(root, "markup_by_cost_center");
  rules.currency = ReadCurrency(reader.Object(root, "currency"), &reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return rules;
}

}  // namespace quotaplane::reports
