#include "libs/alert_sources/crossing_signals.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/admission/thresholds.h"
#include "libs/alert_sources/amount_words.h"
#include "libs/alert_sources/rule_signal.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/policy/alert_match.h"

namespace quotaplane {
namespace {

std::string SummaryOf(const Crossing& crossing, const ThresholdLimit& limit) {
  if (crossing.refused) {
    return absl::StrCat("Limit ", limit.limit_id,
                        " refuses: ", AmountWords(crossing.committed, limit.unit), " of ",
                        AmountWords(limit.amount, limit.unit), " are used by ", limit.scope);
  }
  return absl::StrCat(ShareWords(limit.permille), " of limit ", limit.limit_id, ": ",
                      AmountWords(crossing.committed, limit.unit), " of ",
                      AmountWords(limit.amount, limit.unit), " are used by ", limit.scope);
}

std::string HexOf(const Digest& digest) {
  const std::string_view bytes = digest.view();
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

}  // namespace

absl::StatusOr<std::vector<Signal>> CrossingSignals(const Crossing& crossing,
                                                    const PolicySet& policies) {
  QP_ASSIGN_OR_RETURN(const std::vector<ThresholdLimit> limits,
                      DecodeThresholdLimits(crossing.description));
  std::vector<Signal> signals;
  for (const ThresholdLimit& limit : limits) {
    AlertFacts facts;
    facts.on = AlertOn::kThreshold;
    facts.scope = SubjectOf(limit.dimensions);
    facts.limit_id = limit.limit_id;
    facts.share_permille = limit.permille;
    if (facts.scope.org.empty()) return absl::DataLossError("a crossing of nobody");
    const PolicyDocument& document = policies.For(facts.scope.org).policy->document();
    const AlertRule* const rule = RuleFor(AlertRulesOf(document), facts);
    if (rule == nullptr) continue;
    Signal signal = SignalOf(*rule);
    signal.org = facts.scope.org;
    signal.scope = FitText(limit.scope, kMaxScopeBytes);
    signal.dimensions = limit.dimensions;
    signal.dimensions.emplace_back("limit", limit.limit_id);
    signal.key = ThresholdKeyText(
        {HexOf(crossing.counter), crossing.threshold, crossing.refused, limit.limit_id});
    signal.occurrence = crossing.Occurrence();
    signal.summary = FitText(SummaryOf(crossing, limit), kMaxSummaryBytes);
    signal.unit = limit.unit;
    signal.actual = crossing.committed;
    signal.amount = limit.amount;
    signal.at_us = crossing.at_us;
    signals.push_back(std::move(signal));
  }
  return signals;
}

std::string ThresholdKeyText(const ThresholdKey& key) {
  return absl::StrCat("threshold/", key.counter, "/", key.threshold,
                      key.refused ? "/refused/" : "/reached/", key.limit_id);
}

std::optional<ThresholdKey> ParseThresholdKey(std::string_view key) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(AbslView(key), absl::MaxSplits('/', 4));
  ThresholdKey parsed;
  if (parts.size() != 5 || parts[0] != "threshold" || parts[1].size() != 32 ||
      !absl::SimpleAtoi(parts[2], &parsed.threshold) ||
      (parts[3] != "refused" && parts[3] != "reached")) {
    return std::nullopt;
  }
  parsed.counter = std::string(parts[1]);
  parsed.refused = parts[3] == "refused";
  parsed.limit_id = std::string(parts[4]);
  return parsed;
}

}  // namespace quotaplane
