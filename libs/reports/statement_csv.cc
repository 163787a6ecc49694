#include "libs/reports/statement_csv.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/money/money.h"
#include "libs/reports/statement_json.h"
#include "libs/reports/text_format.h"

namespace quotaplane::reports {
namespace {

void AddLine(const std::vector<std::string>& fields, std::string* csv) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) csv->push_back(',');
    AppendCsv(fields[i], csv);
  }
  csv->append("\r\n");
}

}  // namespace

std::string StatementCsv(const Statement& statement) {
  std::string csv;
  AddLine({"number", "month", "cost_center", "kind", "item", "usage_month", "corrects_month",
           "team", "project", "model", "meter", "quantity", "requests", "amount_usd"},
          &csv);
  const std::string number = absl::StrCat(statement.number);
  const auto add = [&](std::string_view kind, const std::string& item, const LineKey& key,
                       const std::string& quantity, const std::string& requests, int64_t nano) {
    AddLine({number, statement.head.month, statement.cost_center, std::string(kind), item,
             key.month, key.corrects_month, key.team, key.project, key.model, key.meter, quantity,
             requests, FormatUsd(nano)},
            &csv);
  };
  for (const auto& [key, amounts] : statement.usage.lines) {
    add(NameOf(key.kind), "", key, absl::StrCat(amounts.quantity), absl::StrCat(amounts.requests),
        amounts.cost_nano_usd);
  }
  if (statement.totals.markup_nano_usd != 0) {
    add("markup", "", {}, "", "", statement.totals.markup_nano_usd);
  }
  for (const SeatCharge& fee : statement.seat_fees) {
    add("seat_fee", fee.name, {}, absl::StrCat(fee.seats), "", fee.amount_nano_usd);
  }
  for (const SharedCharge& cost : statement.shared_costs) {
    add("shared_cost", cost.name, {}, "", "", cost.amount_nano_usd);
  }
  return csv;
}

}  // namespace quotaplane::reports
