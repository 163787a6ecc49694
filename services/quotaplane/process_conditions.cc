#include "services/quotaplane/process_conditions.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/alert_sources/amount_words.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kWarnDays = 14;
constexpr int64_t kCriticalDays = 3;

// Errors of documents have a line for each problem.
std::string OneLine(const std::string& text) { return absl::StrReplaceAll(text, {{"\n", "; "}}); }

}  // namespace

std::vector<OperationsCondition> FileConditions(
    const std::map<std::string, std::string>& failures) {
  std::vector<OperationsCondition> conditions;
  std::string summary;
  for (const auto& [path, error] : failures) {
    absl::StrAppend(&summary, summary.empty() ? "" : "; ", path,
                    " is not in force, what was before it is: ", OneLine(error));
  }
  if (!summary.empty()) conditions.push_back({"file", "", Severity::kCritical, summary});
  return conditions;
}

std::vector<OperationsCondition> SpoolConditions(const SpoolStats& spool) {
  if (spool.records == 0) return {};
  return {{"degraded", "", Severity::kCritical,
           absl::StrCat("Degraded: ", spool.records,
                        " charges wait on this replica's disk for the counter store")}};
}

std::vector<OperationsCondition> BookConditions(const BookState& books) {
  std::vector<OperationsCondition> conditions;
  std::string summary;
  for (const auto& [unit, drift] : books.drift) {
    if (drift.counters == 0) continue;
    absl::StrAppend(&summary, summary.empty() ? "The books do not balance: " : "; ", drift.counters,
                    " counters differ from the ledger by ", AmountWords(drift.sum, unit));
  }
  if (!summary.empty()) conditions.push_back({"drift", "", Severity::kCritical, summary});
  return conditions;
}

std::vector<OperationsCondition> CertificateConditions(const std::string& use, int64_t expires_s,
                                                       int64_t now_s) {
  const int64_t left_s = expires_s - now_s;
  if (left_s >= kWarnDays * kDayS) return {};
  const std::string until = TimeWords(expires_s * 1'000'000);
  const Severity severity =
      left_s < kCriticalDays * kDayS ? Severity::kCritical : Severity::kWarning;
  return {{use == "server" ? "certificate" : "client-ca", "", severity,
           left_s <= 0 ? absl::StrCat("The certificate (", use, ") has ended: ", until)
                       : absl::StrCat("The certificate (", use, ") ends on ", until)}};
}

}  // namespace quotaplane
