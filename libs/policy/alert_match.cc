#include "libs/policy/alert_match.h"

#include <algorithm>

namespace quotaplane {
namespace {

bool Has(const std::vector<Dimension>& per, const Dimension& dimension) {
  return std::find(per.begin(), per.end(), dimension) != per.end();
}

bool IsOrg(const Dimension& dimension) { return dimension.kind == DimensionKind::kOrg; }

bool FitsPer(const std::vector<Dimension>& wanted, const std::vector<Dimension>& per) {
  if (wanted.empty()) return true;
  if (std::all_of(per.begin(), per.end(), IsOrg)) {
    return std::any_of(wanted.begin(), wanted.end(), IsOrg);
  }
  return std::all_of(per.begin(), per.end(),
                     [&](const Dimension& each) { return IsOrg(each) || Has(wanted, each); });
}

bool FitsLimit(const std::vector<Glob>& globs, std::string_view limit_id) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                      [&](const Glob& glob) { return glob.Matches(limit_id); });
}

bool FitsSignal(const std::vector<UsageSignal>& signals, UsageSignal signal) {
  return signals.empty() || std::find(signals.begin(), signals.end(), signal) != signals.end();
}

bool Fits(const AlertRule& rule, const AlertFacts& facts) {
  if (rule.on != facts.on || !MatchesAll(rule.when, facts.scope, facts.scope.model)) return false;
  switch (rule.on) {
    case AlertOn::kThreshold:
      return facts.share_permille >= rule.at_permille && FitsLimit(rule.limits, facts.limit_id);
    case AlertOn::kForecast:
      return facts.margin_us >= rule.margin_us && FitsLimit(rule.limits, facts.limit_id);
    case AlertOn::kAnomaly:
      return facts.at_stake_nano_usd >= rule.floor_nano_usd &&
             FitsSignal(rule.signals, facts.signal) && FitsPer(rule.per, facts.per);
    case AlertOn::kRunaway:
      return facts.at_stake_nano_usd >= rule.floor_nano_usd;
  }
  return false;
}

}  // namespace

const AlertRule* RuleFor(const std::vector<AlertRule>& rules, const AlertFacts& facts) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const AlertRule& rule) { return Fits(rule, facts); });
  return found == rules.end() ? nullptr : &*found;
}

const std::vector<AlertRule>& AlertRulesOf(const PolicyDocument& document) {
  return document.alerts.has_value() ? *document.alerts : DefaultAlertRules();
}

}  // namespace quotaplane
