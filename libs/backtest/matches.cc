#include "libs/backtest/matches.h"

#include <string>

#include "libs/base/absl_view.h"

namespace quotaplane {

RememberedMatch& Matches::Of(const Subject& subject, std::string_view model) {
  used_->KeyOf(subject, model, &key_);
  const auto known = known_.find(AbslView(key_.view()));
  if (known != known_.end()) return known->second;
  RememberedMatch match;
  match.refusing = policy_->RefusingRule(subject, model);
  applied_.clear();
  policy_->Match(subject, model, &applied_);
  for (const AppliedLimit& one : applied_) {
    if (one.limit->unit.kind != UnitKind::kConcurrency) match.limits.push_back({one});
  }
  return known_.emplace(std::string(key_.view()), std::move(match)).first->second;
}

}  // namespace quotaplane
