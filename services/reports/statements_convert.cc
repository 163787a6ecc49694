#include "services/reports/statements_convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/reports/page_token.h"
#include "services/reports/request_fields.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

using google::protobuf::Map;
using reports::MonthQuery;

void CheckRange(int64_t value, int64_t min, int64_t max, const std::string& field,
                FieldChecks* checks) {
  if (value >= min && value <= max) return;
  checks->Violation(field, absl::StrCat("is ", value, "; it must be from ", min, " to ", max));
}

ByCostCenter CentersOf(const Map<std::string, int64_t>& map, int64_t min, int64_t max,
                       const std::string& field, FieldChecks* checks) {
  if (map.size() > kMaxNamedCostCenters) {
    checks->Violation(field, absl::StrCat("has ", map.size(), " cost centers; at most ",
                                          kMaxNamedCostCenters, " are allowed"));
    return {};
  }
  const ByCostCenter centers(map.begin(), map.end());
  for (const auto& [center, value] : centers) {
    const std::string key = absl::StrCat(field, "[", Quoted(center), "]");
    checks->Text(center, key, false);
    CheckRange(value, min, max, key, checks);
  }
  return centers;
}

SeatFee FeeOf(const v1::SeatFee& from, const std::string& field, FieldChecks* checks) {
  checks->Text(from.name(), field + ".name", true);
  CheckRange(from.nano_usd_per_seat(), 0, kMaxFeeNanoUsd, field + ".nano_usd_per_seat", checks);
  if (from.per_active_user() != from.seats().empty()) {
    checks->Violation(field + ".seats", from.per_active_user()
                                            ? "are given, and per_active_user too: give one"
                                            : "are missing: give them, or per_active_user");
  }
  return {from.name(), from.nano_usd_per_seat(),
          CentersOf(from.seats(), 0, kMaxSeats, field + ".seats", checks), from.per_active_user()};
}

Allocation AllocationOf(v1::Allocation allocation, const std::string& field, FieldChecks* checks) {
  switch (allocation) {
    case v1::ALLOCATION_EVEN:
      return Allocation::kEven;
    case v1::ALLOCATION_BY_USAGE:
      return Allocation::kByUsage;
    case v1::ALLOCATION_BY_WEIGHT:
      return Allocation::kByWeight;
    default:
      break;
  }
  checks->Violation(field, "must be EVEN, BY_USAGE or BY_WEIGHT");
  return Allocation::kEven;
}

SharedCost SharedOf(const v1::SharedCost& from, const std::string& field, FieldChecks* checks) {
  checks->Text(from.name(), field + ".name", true);
  CheckRange(from.amount_nano_usd(), 0, kMaxFeeNanoUsd, field + ".amount_nano_usd", checks);
  SharedCost cost = {from.name(), from.amount_nano_usd(),
                     AllocationOf(from.allocation(), field + ".allocation", checks),
                     CentersOf(from.weights(), 0, kMaxWeight, field + ".weights", checks)};
  const bool any = std::any_of(cost.weights.begin(), cost.weights.end(),
                               [](const auto& weight) { return weight.second > 0; });
  if (from.allocation() == v1::ALLOCATION_BY_WEIGHT && !any) {
    checks->Violation(field + ".weights", "have none above 0");
  } else if (from.allocation() != v1::ALLOCATION_BY_WEIGHT && !from.weights().empty()) {
    checks->Violation(field + ".weights", "are for BY_WEIGHT only");
  }
  return cost;
}

Currency CurrencyOf(const v1::StatementCurrency& from, FieldChecks* checks) {
  const std::string field = "rules.currency";
  const bool fit =
      from.code().size() == 3 && std::all_of(from.code().begin(), from.code().end(), [](char c) {
        return absl::ascii_isupper(static_cast<unsigned char>(c));
      });
  if (!fit) {
    checks->Violation(field + ".code",
                      absl::StrCat(Quoted(from.code()), " is no ISO 4217 code; write it as EUR"));
  }
  CheckRange(from.nano_per_usd(), 1, kMaxNanoPerUsd, field + ".nano_per_usd", checks);
  const int decimals = from.has_decimals() ? from.decimals() : Currency().decimals;
  CheckRange(decimals, 0, kMaxCurrencyDecimals, field + ".decimals", checks);
  return {from.code(), from.nano_per_usd(), decimals};
}

template <typename From, typename To, typename Convert>
void AddAll(const google::protobuf::RepeatedPtrField<From>& from, const char* field,
            Convert convert, std::vector<To>* to, FieldChecks* checks) {
  if (static_cast<size_t>(from.size()) > kMaxFees) {
    checks->Violation(
        field, absl::StrCat("has ", from.size(), " entries; at most ", kMaxFees, " are allowed"));
    return;
  }
  for (int i = 0; i < from.size(); ++i) {
    to->push_back(convert(from[i], absl::StrCat(field, "[", i, "]"), checks));
  }
}

ChargebackRules RulesOf(const v1::ChargebackRules& from, FieldChecks* checks) {
  ChargebackRules rules;
  AddAll(from.seat_fees(), "rules.seat_fees", FeeOf, &rules.seat_fees, checks);
  AddAll(from.shared_costs(), "rules.shared_costs", SharedOf, &rules.shared_costs, checks);
  rules.markup_millionths = from.markup_millionths();
  CheckRange(rules.markup_millionths, kMinMarkupMillionths, kMaxMarkupMillionths,
             "rules.markup_millionths", checks);
  rules.markup_by_cost_center =
      CentersOf(from.markup_millionths_by_cost_center(), kMinMarkupMillionths, kMaxMarkupMillionths,
                "rules.markup_millionths_by_cost_center", checks);
  if (from.has_currency()) rules.currency = CurrencyOf(from.currency(), checks);
  return rules;
}

absl::CivilMonth MonthOf(const std::string& text, const std::string& field, FieldChecks* checks) {
  const std::optional<absl::CivilMonth> month = reports::ParseMonthName(text);
  if (month.has_value()) return *month;
  checks->Violation(field, absl::StrCat(Quoted(text),
                                        " is no month from 2000-01 to 2199-12; write it as "
                                        "2026-10"));
  return absl::CivilMonth(2000, 1);
}

// `prefix` is "" or "month.".
template <typename Request>
MonthQuery QueryOf(const Request& request, const std::string& prefix, FieldChecks* checks) {
  checks->Text(request.org(), prefix + "org", true);
  return {request.org(), MonthOf(request.month(), prefix + "month", checks),
          ZoneOf(request.time_zone(), prefix + "time_zone", checks),
          RulesOf(request.rules(), checks)};
}

void CheckFormat(v1::StatementFormat format, FieldChecks* checks) {
  if (format != v1::STATEMENT_FORMAT_JSON && format != v1::STATEMENT_FORMAT_CSV &&
      format != v1::STATEMENT_FORMAT_HTML) {
    checks->Violation("format", "must be JSON, CSV or HTML");
  }
}

}  // namespace

absl::StatusOr<CloseArgs> FromProto(const v1::CloseMonthRequest& request) {
  FieldChecks checks;
  CloseArgs args = {QueryOf(request, "", &checks), request.request_id()};
  checks.Text(request.request_id(), "request_id", true);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<MonthQuery> FromProto(const v1::PreviewMonthRequest& request) {
  FieldChecks checks;
  MonthQuery query = QueryOf(request, "", &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return query;
}

absl::StatusOr<StatementsPage> FromProto(const v1::ListStatementsRequest& request) {
  FieldChecks checks;
  StatementsPage page;
  checks.Text(request.org(), "org", true);
  page.filter.org = request.org();
  if (!request.month().empty()) {
    MonthOf(request.month(), "month", &checks);
    page.filter.month = request.month();
  }
  if (request.has_cost_center()) {
    checks.Text(request.cost_center(), "cost_center", false);
    page.filter.cost_center = request.cost_center();
  }
  page.size = static_cast<size_t>(CountOf(request.page_size(), kMaxStatementsPage,
                                          kDefaultStatementsPage, "page_size", &checks));
  v1::ListStatementsRequest base = request;
  base.clear_page_size();
  base.clear_page_token();
  page.token_base = base.SerializeAsString();
  if (!request.page_token().empty()) {
    const absl::StatusOr<size_t> after = ReadPageToken(page.token_base, request.page_token());
    if (!after.ok()) checks.Violation("page_token", std::string(after.status().message()));
    page.after = static_cast<int64_t>(after.value_or(0));
  }
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return page;
}

absl::StatusOr<StatementArgs> FromProto(const v1::GetStatementRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  if (request.number() < 1) {
    checks.Violation("number", absl::StrCat("is ", request.number(), "; it must be at least 1"));
  }
  CheckFormat(request.format(), &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return StatementArgs{request.org(), request.number(), request.format()};
}

absl::StatusOr<PreviewArgs> FromProto(const v1::PreviewStatementRequest& request) {
  FieldChecks checks;
  PreviewArgs args = {QueryOf(request.month(), "month.", &checks), request.cost_center(),
                      request.format()};
  checks.Text(request.cost_center(), "cost_center", false);
  CheckFormat(request.format(), &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

void ToProto(const reports::StatementSummary& summary, v1::StatementSummary* proto) {
  const reports::Totals& totals = summary.totals;
  proto->set_number(summary.number);
  proto->set_month(summary.month);
  proto->set_cost_center(summary.cost_center);
  proto->set_active_users(summary.active_users);
  proto->set_usage_nano_usd(totals.usage_nano_usd);
  proto->set_late_nano_usd(totals.late_nano_usd);
  proto->set_corrections_nano_usd(totals.corrections_nano_usd);
  proto->set_markup_nano_usd(totals.markup_nano_usd);
  proto->set_seat_fees_nano_usd(totals.seat_fees_nano_usd);
  proto->set_shared_costs_nano_usd(totals.shared_costs_nano_usd);
  proto->set_total_nano_usd(totals.total_nano_usd);
  proto->set_currency(summary.currency);
  proto->set_due_nano(totals.due_nano);
}

void ToProto(const reports::CloseResult& result, v1::CloseMonthResponse* response) {
  SetTime(result.closed_at_us, response->mutable_closed_time());
  for (const auto& summary : result.statements) ToProto(summary, response->add_statements());
}

void ToProto(const std::vector<reports::StatementSummary>& found, const StatementsPage& page,
             v1::ListStatementsResponse* response) {
  const size_t count = std::min(found.size(), page.size);
  for (size_t i = 0; i < count; ++i) ToProto(found[i], response->add_statements());
  if (count < found.size()) {
    response->set_next_page_token(
        MakePageToken(page.token_base, static_cast<size_t>(found[count - 1].number)));
  }
}

}  // namespace quotaplane
