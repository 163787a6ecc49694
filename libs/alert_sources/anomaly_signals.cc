#include "libs/alert_sources/anomaly_signals.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/alert_sources/amount_words.h"
#include "libs/alert_sources/rule_signal.h"
#include "libs/base/absl_view.h"
#include "libs/policy/alert_match.h"

namespace quotaplane {
namespace {

using anomaly::Finding;
using anomaly::FindingKind;
using anomaly::Metric;
using anomaly::ScopeKind;

std::string DimensionName(ScopeKind scope) {
  if (scope == ScopeKind::kSession) return "labels.session";
  return std::string(anomaly::ScopeKindName(scope));
}

UsageSignal SignalKind(Metric metric) {
  switch (metric) {
    case Metric::kCost:
      return UsageSignal::kCost;
    case Metric::kTokens:
      return UsageSignal::kTokens;
    case Metric::kRequests:
      return UsageSignal::kRequests;
    case Metric::kRefusals:
      return UsageSignal::kRefusals;
  }
  return UsageSignal::kCost;
}

std::string UnitOf(Metric metric) {
  switch (metric) {
    case Metric::kCost:
      return "usd";
    case Metric::kTokens:
      return "total_tokens";
    case Metric::kRequests:
      return "requests";
    case Metric::kRefusals:
      return "refusals";
  }
  return "";
}

std::string_view KindWords(FindingKind kind) {
  switch (kind) {
    case FindingKind::kSpike:
      return "Spike";
    case FindingKind::kShift:
      return "Sustained rise";
    case FindingKind::kDrop:
      return "Drop";
    case FindingKind::kUnusualHours:
      return "Work at unusual hours";
    case FindingKind::kNewSpender:
      return "New spender";
    case FindingKind::kRunawaySession:
      return "Runaway session";
  }
  return "";
}

std::string MinutesWords(int64_t us) {
  constexpr int64_t kMinuteUs = 60'000'000;
  const int64_t minutes = std::max<int64_t>(1, us / kMinuteUs);
  return minutes == 1 ? "a minute" : absl::StrCat(minutes, " minutes");
}

std::string SummaryOf(const Finding& finding, const std::string& scope) {
  const std::string unit = UnitOf(finding.metric);
  std::string text = absl::StrCat(
      AbslView(KindWords(finding.kind)), ": ", AmountWords(finding.actual, unit), " in ",
      MinutesWords(finding.window_us), " by ", scope, ", where ",
      AmountWords(finding.expected, unit),
      finding.kind == FindingKind::kRunawaySession ? " are the most of its kind" : " are expected");
  if (!finding.contributors.empty()) {
    const anomaly::Contributor& first = finding.contributors.front();
    absl::StrAppend(&text, "; most by ", AbslView(anomaly::ScopeKindName(first.dimension)), " ",
                    first.value);
  }
  return text;
}

// Why it ended stays readable, however long the summary is.
std::string WithEnd(std::string_view summary, std::string_view why) {
  const std::string end = absl::StrCat("; over: ", AbslView(why));
  return absl::StrCat(FitText(summary, kMaxSummaryBytes - end.size()), end);
}

bool IsAboutUsage(const AlertRule& rule) {
  return rule.on == AlertOn::kAnomaly || rule.on == AlertOn::kRunaway;
}

bool IsRunaway(const Finding& finding) { return finding.kind == FindingKind::kRunawaySession; }

}  // namespace

std::optional<Signal> AnomalySignal(const Finding& finding, const Policy& policy) {
  std::vector<std::pair<std::string, std::string>> dimensions = {{"org", finding.org}};
  const std::string name = DimensionName(finding.scope);
  if (finding.scope != ScopeKind::kOrg) {
    dimensions.emplace_back(name, FitText(finding.value, kMaxDimensionValueBytes));
  }
  Signal signal;
  if (!finding.over) {
    AlertFacts facts;
    facts.on = IsRunaway(finding) ? AlertOn::kRunaway : AlertOn::kAnomaly;
    facts.scope = SubjectOf(dimensions);
    facts.signal = SignalKind(finding.metric);
    if (finding.scope != ScopeKind::kOrg) facts.per = {*ParseDimension(name)};
    facts.at_stake_nano_usd = finding.difference_nano_usd;
    const AlertRule* const rule = RuleFor(AlertRulesOf(policy.document()), facts);
    if (rule == nullptr) return std::nullopt;
    signal = SignalOf(*rule);
  }
  signal.kind = IsRunaway(finding) ? AlertKind::kRunaway : AlertKind::kAnomaly;
  if (finding.over) signal.rule_id = "over";
  signal.org = finding.org;
  signal.scope = FitText(ScopeWords(dimensions), kMaxScopeBytes);
  signal.summary = FitText(SummaryOf(finding, signal.scope), kMaxSummaryBytes);
  if (finding.over) signal.summary = WithEnd(signal.summary, EndWords(finding.end));
  signal.dimensions = std::move(dimensions);
  signal.dimensions.emplace_back("signal", anomaly::MetricName(finding.metric));
  signal.dimensions.emplace_back("pattern", anomaly::FindingKindName(finding.kind));
  signal.key = FindingKey(finding);
  signal.occurrence = finding.over ? "over" : "begin";
  signal.over = finding.over;
  signal.unit = UnitOf(finding.metric);
  signal.expected = finding.expected;
  signal.actual = finding.actual;
  for (const anomaly::Contributor& contributor : finding.contributors) {
    if (signal.contributors.size() >= kMaxSignalContributors) break;
    signal.contributors.push_back({DimensionName(contributor.dimension),
                                   FitText(contributor.value, kMaxDimensionValueBytes),
                                   contributor.expected, contributor.actual});
  }
  signal.at_us = finding.at_us;
  return signal;
}

std::string FindingKey(const Finding& finding) {
  const std::string start = absl::StrCat(finding.start_us);
  return absl::StrCat(
      "finding/", finding.id, "/",
      DigestName({anomaly::FindingKindName(finding.kind), anomaly::MetricName(finding.metric),
                  finding.org, anomaly::ScopeKindName(finding.scope), finding.value, start}));
}

Signal AnomalyEnd(const Alert& alert, std::string_view why, int64_t now_us) {
  Signal signal = alert.signal;
  signal.occurrence = "over";
  signal.over = true;
  signal.action = std::nullopt;
  signal.at_us = std::max(now_us, alert.signal.at_us);
  signal.summary = WithEnd(alert.signal.summary, why);
  return signal;
}

std::string_view EndWords(anomaly::FindingEnd end) {
  switch (end) {
    case anomaly::FindingEnd::kNone:
      return "";
    case anomaly::FindingEnd::kBack:
      return "the values are back";
    case anomaly::FindingEnd::kAccepted:
      return "the values have become the new normal";
    case anomaly::FindingEnd::kExpected:
      return "somebody said that this is expected";
    case anomaly::FindingEnd::kTooLong:
      return "it has been on for a day";
    case anomaly::FindingEnd::kEvicted:
      return "the scope has been idle for longest, and made room for others";
  }
  return "";
}

std::optional<uint64_t> FindingOfKey(std::string_view key) {
  const std::vector<absl::string_view> parts = absl::StrSplit(AbslView(key), '/');
  uint64_t id = 0;
  if (parts.size() != 3 || parts[0] != "finding" || !absl::SimpleAtoi(parts[1], &id)) {
    return std::nullopt;
  }
  return id;
}

bool HasUsageRule(const Policy& policy, std::string_view rule_id) {
  const auto& rules = AlertRulesOf(policy.document());
  return std::any_of(rules.begin(), rules.end(), [&](const AlertRule& rule) {
    return IsAboutUsage(rule) && rule.id == rule_id;
  });
}

std::optional<int64_t> LowestFloor(const Policy& policy) {
  std::optional<int64_t> lowest;
  for (const AlertRule& rule : AlertRulesOf(policy.document())) {
    if (!IsAboutUsage(rule)) continue;
    lowest = std::min(lowest.value_or(rule.floor_nano_usd), rule.floor_nano_usd);
  }
  return lowest;
}

}  // namespace quotaplane
