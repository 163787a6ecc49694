#include "libs/policy/cost_center.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "libs/base/hash.h"

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

// Equal for conditions that match the same by their text.
Digest DigestOf(const std::vector<Condition>& when) {
  FieldBuffer buffer;
  for (const Condition& condition : when) {
    std::vector<std::string_view> globs;
    for (const Glob& glob : condition.any_of) globs.push_back(glob.pattern());
    std::sort(globs.begin(), globs.end());
    globs.erase(std::unique(globs.begin(), globs.end()), globs.end());
    buffer.Add(condition.dimension.ToString()).Add(static_cast<int64_t>(globs.size()));
    for (const std::string_view glob : globs) buffer.Add(glob);
  }
  return buffer.digest();
}

class Checker {
 public:
  explicit Checker(Problems* problems) : problems_(*problems) {}

  void Check(const CostCenterRule& rule) {
    CheckTarget(rule);
    for (const Condition& condition : rule.when) CheckCondition(rule, condition);
    CheckReachable(rule);
  }

 private:
  void Add(const CostCenterRule& rule, std::string_view what) {
    problems_.Add(rule.source.empty() ? "a cost center rule" : rule.source, what);
  }

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

  void CheckCondition(const CostCenterRule& rule, const Condition& condition) {
    const std::string name = condition.dimension.ToString();
    if (!SaysWhoseCost(condition.dimension)) {
      Add(rule,
          absl::StrCat("`when` of a cost center takes team, project and labels.NAME, not ", name));
    }
    if (condition.any_of.empty()) {
      Add(rule, absl::StrCat("when.", name, " has no glob and would match nothing; give one"));
    }
    if (condition.any_of.size() > kMaxGlobs) {
      Add(rule, absl::StrCat("when.", name, " has ", condition.any_of.size(), " globs; at most ",
                             kMaxGlobs, " are allowed"));
    }
    for (const Glob& glob : condition.any_of) {
      const absl::Status status = CheckValue(glob.pattern());
      if (!status.ok()) Add(rule, absl::StrCat("when.", name, ": a glob ", status.message()));
    }
  }

  // Found are a rule behind one that takes everything, and one whose `when` an earlier rule has
  // too: what globs overlap otherwise is for the author to know.
  void CheckReachable(const CostCenterRule& rule) {
    if (catch_all_ != nullptr) {
      return Add(rule, absl::StrCat("is never reached: ", catch_all_->source,
                                    " takes every subject; put that one last"));
    }
    if (!rule.from.has_value() && rule.when.empty()) {
      catch_all_ = &rule;
      return;
    }
    const Digest when = DigestOf(rule.when);
    std::vector<const CostCenterRule*>& same = by_when_[when];
    for (const CostCenterRule* earlier : same) {
      if (!earlier->from.has_value() || earlier->from == rule.from) {
        return Add(rule, absl::StrCat("is never reached: ", earlier->source,
                                      " takes all that it matches; remove one"));
      }
    }
    same.push_back(&rule);
  }

  Problems& problems_;
  const CostCenterRule* catch_all_ = nullptr;
  absl::flat_hash_map<Digest, std::vector<const CostCenterRule*>> by_when_;
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
