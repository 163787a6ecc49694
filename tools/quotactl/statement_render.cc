#include "tools/quotactl/statement_render.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/money/decimal.h"
#include "libs/money/money.h"
#include "libs/reports/text_format.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::FormatMoney;
using terminal::Table;
using terminal::Tone;
using Json = nlohmann::json;

constexpr char kUnassigned[] = "(unassigned)";

v1::Allocation ToProto(Allocation allocation) {
  switch (allocation) {
    case Allocation::kEven:
      return v1::ALLOCATION_EVEN;
    case Allocation::kByUsage:
      return v1::ALLOCATION_BY_USAGE;
    case Allocation::kByWeight:
      return v1::ALLOCATION_BY_WEIGHT;
  }
  return v1::ALLOCATION_UNSPECIFIED;
}

// The parts of a total, in the order in which they are shown.
struct Part {
  const char* title;
  const char* column;
  int64_t (v1::StatementSummary::*amount)() const;
};
constexpr Part kParts[] = {
    {"USAGE", "usage_usd", &v1::StatementSummary::usage_nano_usd},
    {"LATE", "late_usd", &v1::StatementSummary::late_nano_usd},
    {"CORRECTIONS", "corrections_usd", &v1::StatementSummary::corrections_nano_usd},
    {"MARKUP", "markup_usd", &v1::StatementSummary::markup_nano_usd},
    {"SEAT FEES", "seat_fees_usd", &v1::StatementSummary::seat_fees_nano_usd},
    {"SHARED", "shared_costs_usd", &v1::StatementSummary::shared_costs_nano_usd},
    {"TOTAL", "total_usd", &v1::StatementSummary::total_nano_usd}};

std::string NameOf(const v1::StatementSummary& statement) {
  return statement.number() == 0
             ? std::string("preview")
             : absl::StrFormat("%s-%04d", statement.month(), statement.number());
}

std::string Due(const std::string& currency, int64_t nano) {
  return absl::StrCat(currency, " ", FormatMoney(nano).replace(nano < 0 ? 1 : 0, 1, ""));
}

// Sums are those of the server, which has checked that they fit each by itself; all together they
// may not, and are shown then as they come.
int64_t Saturated(__int128 sum) {
  constexpr __int128 kMost = INT64_MAX, kLeast = INT64_MIN;
  return static_cast<int64_t>(sum > kMost ? kMost : sum < kLeast ? kLeast : sum);
}

int64_t IntOf(const Json& from, const char* key) {
  int64_t value = 0;
  const std::string text = from.value(key, "");
  return absl::SimpleAtoi(text, &value) ? value : 0;
}

void AddTotals(const Json& document, Table* table) {
  const Json totals = document.value("totals", Json::object());
  const auto add = [&](const char* what, const char* key, Tone tone = Tone::kPlain) {
    const int64_t nano = IntOf(totals, key);
    if (nano != 0 || tone == Tone::kBold) {
      table->AddRow({Cell(what, tone), Cell(FormatMoney(nano), tone)});
    }
  };
  add("usage", "usage_nano_usd");
  add("late usage", "late_nano_usd");
  add("corrections", "corrections_nano_usd");
  add("markup", "markup_nano_usd");
  for (const Json& fee : document.value("seat_fees", Json::array())) {
    table->AddRow({absl::StrCat(fee.value("name", ""), ", ", fee.value("seats", ""), " seats"),
                   FormatMoney(IntOf(fee, "amount_nano_usd"))});
  }
  for (const Json& cost : document.value("shared_costs", Json::array())) {
    table->AddRow({absl::StrCat(cost.value("name", ""), ", shared"),
                   FormatMoney(IntOf(cost, "amount_nano_usd"))});
  }
  add("TOTAL", "total_nano_usd", Tone::kBold);
  const std::string currency = document.value("currency", Json::object()).value("code", "");
  table->AddRow({Cell("AMOUNT DUE", Tone::kBold),
                 Cell(Due(currency, IntOf(totals, "due_nano")), Tone::kBold)});
}

// By kind, month, team and model.
std::string LinesTable(const Json& document, const terminal::Style& style) {
  struct Sum {
    __int128 requests = 0, cost = 0;
  };
  std::map<std::vector<std::string>, Sum> sums;
  const auto rank = [](const std::string& kind) {
    return kind == "usage" ? "0" : kind == "late" ? "1" : "2";
  };
  for (const Json& line : document.value("lines", Json::array())) {
    const std::string kind = line.value("kind", "");
    Sum& sum = sums[{rank(kind), kind, line.value("month", ""), line.value("corrects_month", ""),
                     line.value("team", ""), line.value("model", "")}];
    sum.requests += IntOf(line, "requests");
    sum.cost += IntOf(line, "cost_nano_usd");
  }
  if (sums.empty()) return "";
  Table table({{"KIND"},
               {"MONTH"},
               {"CORRECTS"},
               {"TEAM"},
               {"MODEL"},
               {"REQUESTS", Align::kRight},
               {"COST", Align::kRight}});
  for (const auto& [key, sum] : sums) {
    const auto named = [](const std::string& name) {
      return name.empty() ? Cell("(none)", Tone::kFaint) : Cell(name);
    };
    table.AddRow({key[1], key[2], key[3], named(key[4]), named(key[5]),
                  FormatCount(Saturated(sum.requests)), FormatMoney(Saturated(sum.cost))});
  }
  return absl::StrCat("\n", table.Render(style));
}

}  // namespace

v1::ChargebackRules RulesToProto(const ChargebackRules& rules) {
  v1::ChargebackRules proto;
  for (const SeatFee& fee : rules.seat_fees) {
    v1::SeatFee* const to = proto.add_seat_fees();
    to->set_name(fee.name);
    to->set_nano_usd_per_seat(fee.nano_usd_per_seat);
    to->mutable_seats()->insert(fee.seats.begin(), fee.seats.end());
    to->set_per_active_user(fee.per_active_user);
  }
  for (const SharedCost& cost : rules.shared_costs) {
    v1::SharedCost* const to = proto.add_shared_costs();
    to->set_name(cost.name);
    to->set_amount_nano_usd(cost.amount_nano_usd);
    to->set_allocation(ToProto(cost.allocation));
    to->mutable_weights()->insert(cost.weights.begin(), cost.weights.end());
  }
  proto.set_markup_millionths(rules.markup_millionths);
  proto.mutable_markup_millionths_by_cost_center()->insert(rules.markup_by_cost_center.begin(),
                                                           rules.markup_by_cost_center.end());
  proto.mutable_currency()->set_code(rules.currency.code);
  proto.mutable_currency()->set_nano_per_usd(rules.currency.nano_per_usd);
  proto.mutable_currency()->set_decimals(rules.currency.decimals);
  return proto;
}

std::string SummariesAsTable(const Summaries& statements, const terminal::Style& style) {
  if (statements.empty()) return "No statements.\n";
  std::vector<const Part*> parts;
  std::vector<terminal::Column> columns = {
      {"STATEMENT"}, {"COST CENTER"}, {"USERS", Align::kRight}};
  for (const Part& part : kParts) {
    const bool any = std::any_of(statements.begin(), statements.end(),
                                 [&](const auto& each) { return (each.*part.amount)() != 0; });
    const bool always = &part == std::begin(kParts) || &part == std::end(kParts) - 1;
    if (!any && !always) continue;
    parts.push_back(&part);
    columns.push_back({part.title, Align::kRight});
  }
  columns.push_back({"DUE", Align::kRight});
  Table table(std::move(columns));
  std::vector<__int128> sums(parts.size());
  for (const v1::StatementSummary& each : statements) {
    std::vector<Cell> cells = {
        NameOf(each),
        each.cost_center().empty() ? Cell(kUnassigned, Tone::kFaint) : Cell(each.cost_center()),
        FormatCount(each.active_users())};
    for (size_t i = 0; i < parts.size(); ++i) {
      const int64_t nano = (each.*parts[i]->amount)();
      sums[i] += nano;
      cells.emplace_back(FormatMoney(nano));
    }
    cells.emplace_back(Due(each.currency(), each.due_nano()));
    table.AddRow(std::move(cells));
  }
  std::vector<Cell> total = {"TOTAL", "", ""};
  for (const __int128 sum : sums) total.emplace_back(FormatMoney(Saturated(sum)));
  for (Cell& cell : total) cell.tone = Tone::kBold;
  table.AddRow(std::move(total));
  return table.Render(style);
}

std::string SummariesAsCsv(const Summaries& statements) {
  std::string csv = "number,month,cost_center,active_users";
  for (const Part& part : kParts) absl::StrAppend(&csv, ",", part.column);
  csv += ",currency,due\r\n";
  for (const v1::StatementSummary& each : statements) {
    absl::StrAppend(&csv, each.number(), ",", each.month(), ",");
    reports::AppendCsv(each.cost_center(), &csv);
    absl::StrAppend(&csv, ",", each.active_users());
    for (const Part& part : kParts) absl::StrAppend(&csv, ",", FormatUsd((each.*part.amount)()));
    absl::StrAppend(&csv, ",", each.currency(), ",", FormatUsd(each.due_nano()), "\r\n");
  }
  return csv;
}

absl::StatusOr<std::string> StatementAsTable(const std::string& document,
                                             const terminal::Style& style) {
  const Json json = Json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::DataLossError("the server sent no statement");
  const bool preview = json.value("preview", false);
  const std::string center = json.value("cost_center", "");
  const std::string name =
      preview
          ? absl::StrCat("preview of ", json.value("month", ""), ", which may change")
          : absl::StrFormat("statement %s-%04d", json.value("month", ""), IntOf(json, "number"));
  Table totals({{""}, {"", Align::kRight}});
  AddTotals(json, &totals);
  return absl::StrCat(style.Paint(Tone::kBold, center.empty() ? kUnassigned : center), "  ", name,
                      "\n", totals.Render(style), LinesTable(json, style));
}

}  // namespace quotaplane::quotactl
