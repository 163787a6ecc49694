#include "libs/alert_sources/condition.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/alert_sources/rule_signal.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

constexpr int64_t kHoldOffUs = int64_t{3'600} * 1'000'000;

// [a-z-]{1,40}
bool IsConditionName(std::string_view name) {
  return !name.empty() && name.size() <= 40 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

Signal SignalOfCondition(const OperationsCondition& condition) {
  Signal signal;
  signal.kind = AlertKind::kOperations;
  signal.rule_id = absl::StrCat("operations/", condition.name);
  signal.severity = condition.severity;
  signal.scope = condition.where.empty() ? "{}" : absl::StrCat("{replica=", condition.where, "}");
  signal.scope = FitText(signal.scope, kMaxScopeBytes);
  signal.dimensions.emplace_back("condition", condition.name);
  if (!condition.where.empty()) {
    signal.dimensions.emplace_back("replica", FitText(condition.where, kMaxDimensionValueBytes));
  }
  signal.key = absl::StrCat("operations/", condition.name, "/", DigestName({condition.where}));
  signal.summary = FitText(condition.summary, kMaxSummaryBytes);
  signal.hold_off_us = kHoldOffUs;
  if (condition.count.has_value()) {
    signal.unit = "times";
    signal.actual = condition.count;
  }
  return signal;
}

}  // namespace

std::string EncodeConditions(const std::vector<OperationsCondition>& conditions, size_t bytes) {
  std::string text;
  for (const OperationsCondition& condition : conditions) {
    const std::string line =
        absl::StrCat(condition.name, "\t", AbslView(SeverityName(condition.severity)), "\t",
                     FitText(condition.summary, kMaxSummaryBytes), "\n");
    if (text.size() + line.size() <= bytes) text += line;
  }
  return text;
}

std::vector<OperationsCondition> DecodeConditions(std::string_view text, const std::string& where) {
  std::vector<OperationsCondition> conditions;
  for (const absl::string_view line : absl::StrSplit(AbslView(text), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits('\t', 2));
    if (parts.size() != 3 || !IsConditionName(parts[0])) continue;
    const std::optional<Severity> severity = ParseSeverity(parts[1]);
    if (!severity.has_value()) continue;
    conditions.push_back({parts[0], where, *severity, FitText(parts[2], kMaxSummaryBytes)});
  }
  return conditions;
}

Signal ConditionBegins(const OperationsCondition& condition, int64_t since_us) {
  Signal signal = SignalOfCondition(condition);
  signal.occurrence = absl::StrCat("since/", since_us);
  signal.at_us = since_us;
  return signal;
}

Signal ConditionEnds(const OperationsCondition& condition, int64_t since_us, int64_t now_us) {
  Signal signal = SignalOfCondition(condition);
  signal.occurrence = absl::StrCat("until/", since_us);
  signal.over = true;
  signal.at_us = now_us;
  return signal;
}

}  // namespace quotaplane
