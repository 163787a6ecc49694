// A statement as a document, and back. The document is canonical: the same statement gives the same
// bytes, whoever writes it and whenever. Keys are sorted, there are no blanks, integers are strings
// (no reader rounds them), times are UTC with microseconds.
//
//   {"active_users":"3","closed_time":"2026-11-02T08:00:00.000000Z","cost_center":"R-100",
//    "currency":{"code":"EUR","decimals":"2","nano_per_usd":"920000000"},
//    "days_by_model":[{"cost_nano_usd":"…","day":"2026-10-01","name":"…"},…],"days_by_team":[…],
//    "format":"quotaplane-statement-1","from_time":"…",
//    "lines":[{"corrects_month":"","cost_nano_usd":"…","kind":"usage","meter":"input",
//              "model":"…","month":"2026-10","overrun_nano_usd":"0","project":"…","quantity":"…",
//              "requests":"…","team":"…"},…],
//    "markup_millionths":"0","month":"2026-10","number":"17","org":"acme","preview":false,
//    "seat_fees":[{"amount_nano_usd":"…","name":"…","nano_usd_per_seat":"…","seats":"…"},…],
//    "shared_costs":[{"allocation":"even","amount_nano_usd":"…","name":"…","of_nano_usd":"…"},…],
//    "time_zone":"Europe/Berlin","to_time":"…",
//    "totals":{"corrections_nano_usd":"…","due_nano":"…","late_nano_usd":"…","markup_nano_usd":"…",
//              "seat_fees_nano_usd":"…","shared_costs_nano_usd":"…","total_nano_usd":"…",
//              "usage_nano_usd":"…"}}
//
// A preview has number "0", preview true and an empty closed_time. The format's number changes when
// the document does; what has been stored stays as it is.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/chargeback/rules.h"
#include "libs/reports/statement.h"

namespace quotaplane::reports {

std::string StatementJson(const Statement& statement);
// DATA_LOSS, reason STATEMENT_DAMAGED: it is not what StatementJson writes.
absl::StatusOr<Statement> ParseStatement(std::string_view json);

// The rules of a close, as canonical as statements.
std::string RulesJson(const ChargebackRules& rules);
absl::StatusOr<ChargebackRules> ParseRules(std::string_view json);

// "usage", "late", "correction", and "even", "by_usage", "by_weight".
std::string_view NameOf(LineKind kind);
std::string_view NameOf(Allocation allocation);

}  // namespace quotaplane::reports
