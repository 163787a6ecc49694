#include "libs/policy/cost_center.h"

#include "libs/policy/first_match.h"

namespace quotaplane {
namespace {

ConditionIndex IndexOf(const std::vector<CostCenterRule>& rules) {
  std::vector<const std::vector<Condition>*> lists;
  for (const CostCenterRule& rule : rules) lists.push_back(&rule.when);
  return ConditionIndex(lists);
}

// The model and the user change from call to call; the key and the org say nothing that team and
// project do not.
bool SaysWhoseCost(const Dimension& dimension) {
  return dimension.kind == DimensionKind::kTeam || dimension.kind == DimensionKind::kProject ||
         dimension.kind == DimensionKind::kLabel;
}

constexpr FirstMatchCheck::Shape kShape = {"cost center", "team, project and labels.NAME",
                                           SaysWhoseCost};

class Checker {
 public:
  explicit Checker(Problems* problems) : problems_(*problems), first_match_(kShape, problems) {}

  void Check(const CostCenterRule& rule) {
    CheckTarget(rule);
    first_match_.Check(Where(rule), rule.when, rule.from.has_value() ? rule.from->ToString() : "");
  }

 private:
  static std::string Where(const CostCenterRule& rule) {
    return rule.source.empty() ? "a cost center rule" : rule.source;
  }
  void Add(const CostCenterRule& rule, std::string_view what) { problems_.Add(Where(rule), what); }

  void CheckTarget(const CostCenterRule& rule) {
    if (rule.from.has_value() != rule.cost_center.empty()) {
      return Add(rule, rule.from.has_value() ? "has both `cost_center` and `from`; keep one"
                                             : "has neither `cost_center` nor `from`; give one");
    }
    if (rule.from.has_value()) {
      if (!SaysWhoseCost(*rule.from)) {
        Add(rule, absl::StrCat("`from` takes team, project and labels.NAME, not ",
                               rule.from->ToString()));
      }
    } else if (const absl::Status status = CheckValue(rule.cost_center); !status.ok()) {
      Add(rule, absl::StrCat("`cost_center` ", status.message()));
    }
  }

  Problems& problems_;
  FirstMatchCheck first_match_;
};

}  // namespace

CostCenterRules::CostCenterRules(const std::vector<CostCenterRule>& rules)
    : rules_(rules), index_(IndexOf(rules)) {}

std::string_view CostCenterRules::CostCenterOf(const Subject& subject) const {
  for (const uint32_t i : index_.Find(subject, subject.model)) {
    const CostCenterRule& rule = rules_[i];
    if (!MatchesAll(rule.when, subject, subject.model)) continue;
    if (!rule.from.has_value()) return rule.cost_center;
    const std::string_view own = rule.from->ValueIn(subject, subject.model);
    if (!own.empty()) return own;
  }
  return {};
}

void CheckCostCenters(const std::vector<CostCenterRule>& rules, Problems* problems) {
  if (rules.size() > kMaxCostCenterRules) {
    problems->Add("policy", absl::StrCat("has ", rules.size(), " cost center rules; at most ",
                                         kMaxCostCenterRules, " are allowed"));
    return;
  }
  Checker checker(problems);
  for (const CostCenterRule& rule : rules) checker.Check(rule);
}

}  // namespace quotaplane
