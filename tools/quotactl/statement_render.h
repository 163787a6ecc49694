// Statements as tables for people and as CSV for spreadsheets, and the rules of a close for the
// public API.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/chargeback/rules.h"
#include "quotaplane/v1/statements.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

v1::ChargebackRules RulesToProto(const ChargebackRules& rules);

using Summaries = google::protobuf::RepeatedPtrField<v1::StatementSummary>;
// A line for each, and their sum; columns in which all are zero are left out.
std::string SummariesAsTable(const Summaries& statements, const terminal::Style& style);
std::string SummariesAsCsv(const Summaries& statements);

// A statement's JSON document: what it is made of, and its usage by team and model. DATA_LOSS: it
// is none.
absl::StatusOr<std::string> StatementAsTable(const std::string& document,
                                             const terminal::Style& style);

}  // namespace quotaplane::quotactl
