#include "libs/backtest/refusal_tally.h"

#include <algorithm>
#include <tuple>

namespace quotaplane {

void RefusalTally::Met(int64_t at_us) {
  if (empty()) first_us_ = at_us;
}

void RefusalTally::Refused(const Digest& scope, int64_t at_us, int64_t cost_nano_usd, size_t* room,
                           absl::FunctionRef<std::string()> name) {
  Met(at_us);
  ++refused_;
  refused_cost_nano_usd_ += cost_nano_usd;
  auto known = scopes_.find(scope);
  if (known == scopes_.end()) {
    if (*room == 0) {
      incomplete_ = true;
      return;
    }
    --*room;
    known = scopes_.emplace(scope, BacktestScope{name(), 0, 0, at_us}).first;
  }
  ++known->second.refused;
  known->second.refused_cost_nano_usd += cost_nano_usd;
}

void RefusalTally::Exceeded(int64_t at_us) {
  Met(at_us);
  ++exceeded_;
}

BacktestLimit RefusalTally::Report() const {
  BacktestLimit report;
  report.refused = refused_;
  report.refused_cost_nano_usd = refused_cost_nano_usd_;
  report.exceeded = exceeded_;
  report.first_us = first_us_;
  report.scopes_refused = static_cast<int64_t>(scopes_.size());
  std::vector<const BacktestScope*> scopes;
  scopes.reserve(scopes_.size());
  for (const auto& [digest, scope] : scopes_) scopes.push_back(&scope);
  const size_t listed = std::min(scopes.size(), kMaxBacktestScopes);
  std::partial_sort(scopes.begin(), scopes.begin() + static_cast<ptrdiff_t>(listed), scopes.end(),
                    [](const BacktestScope* a, const BacktestScope* b) {
                      return std::tie(b->refused, b->refused_cost_nano_usd, a->scope) <
                             std::tie(a->refused, a->refused_cost_nano_usd, b->scope);
                    });
  for (size_t i = 0; i < listed; ++i) report.scopes.push_back(*scopes[i]);
  return report;
}

}  // namespace quotaplane
