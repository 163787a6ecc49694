#include "libs/backtest/replay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

bool Hard(const Limit& limit) {
  return limit.on_exceed == OnExceed::kDeny || limit.on_exceed == OnExceed::kDowngrade;
}

// What all attempts used together.
Usage TotalUsage(const PastCharge& charge) {
  Usage total;
  for (const PastAttempt& attempt : charge.attempts) {
    for (const auto& [meter, quantity] : attempt.usage) {
      const auto known = std::find_if(total.begin(), total.end(),
                                      [&](const auto& entry) { return entry.first == meter; });
      if (known == total.end()) {
        total.emplace_back(meter, quantity);
      } else {
        known->second = SaturatingAdd(known->second, quantity);
      }
    }
  }
  return total;
}

// As demand.h says. What `hold: none` needs is not known beforehand: a meter that was not used
// might have been.
bool Binds(const Limit& limit, std::string_view model, int64_t need, const Quantities& asked) {
  if (limit.on_exceed == OnExceed::kDowngrade && limit.downgrade_model == model) return false;
  if (limit.hold == HoldMode::kEstimate) return need > 0;
  return limit.unit.kind != UnitKind::kUsd || !asked.free;
}

// Who asked for which model.
std::string ScopeOfRule(const Subject& subject) {
  std::string scope = absl::StrCat("{org=", subject.org);
  if (!subject.team.empty()) absl::StrAppend(&scope, ", team=", subject.team);
  if (!subject.user.empty()) absl::StrAppend(&scope, ", user=", subject.user);
  return absl::StrCat(scope, ", model=", subject.model, "}");
}

UsedDimensions UsedBy(const Policy& policy) {
  UsedDimensions used;
  used.Add(policy);
  return used;
}

}  // namespace

Replay::Replay(const Policy* policy)
    : policy_(policy),
      used_(UsedBy(*policy)),
      matches_(policy, &used_),
      limits_(policy->document().limits.size()),
      rules_(policy->document().model_rules.size()) {}

absl::Status Replay::Prepare(int64_t at_us) {
  bool moved = false;
  QP_RETURN_IF_ERROR(counters_.Tidy(at_us, &moved));
  if (moved) matches_.Clear();
  matches_.Trim();
  return absl::OkStatus();
}

uint32_t Replay::PlaceOf(RememberedLimit& limit) {
  if (limit.place == RememberedLimit::kUnset) {
    limit.place = counters_.PlaceOf(limit.applied.counter, limit.applied.limit->window);
  }
  return limit.place;
}

absl::Status Replay::Count(const PastCharge& charge) {
  QP_RETURN_IF_ERROR(Prepare(charge.at_us));
  Charge(charge);
  return absl::OkStatus();
}

absl::StatusOr<bool> Replay::Judge(const PastCharge& charge) {
  QP_RETURN_IF_ERROR(Prepare(charge.at_us));
  ++sums_.charges;
  sums_.cost_nano_usd += charge.cost_nano_usd;
  RememberedMatch& match = matches_.Of(charge.subject, charge.subject.model);
  if (!RefusedByRule(charge, match) && !RefusedByLimit(charge, match)) {
    Charge(charge);
    return false;
  }
  ++sums_.refused;
  sums_.refused_cost_nano_usd += charge.cost_nano_usd;
  CountUser(charge.subject.user);
  return true;
}

bool Replay::RefusedByRule(const PastCharge& charge, const RememberedMatch& match) {
  if (match.refusing == nullptr) return false;
  const auto position = match.refusing - policy_->document().model_rules.data();
  const std::string scope = ScopeOfRule(charge.subject);
  rules_[static_cast<size_t>(position)].Refused(HashOf(scope), charge.at_us, charge.cost_nano_usd,
                                                &room_, [&] { return scope; });
  return true;
}

bool Replay::RefusedByLimit(const PastCharge& charge, RememberedMatch& match) {
  const bool one = charge.attempts.size() == 1;
  const Usage total = one ? Usage() : TotalUsage(charge);
  Quantities asked;
  asked.requests = 1;
  asked.cost_nano_usd = charge.cost_nano_usd;
  asked.free = !charge.attempts.empty() && charge.cost_nano_usd == 0;
  asked.usage = one ? &charge.attempts[0].usage : &total;
  bool refused = false;
  for (RememberedLimit& remembered : match.limits) {
    const AppliedLimit& applied = remembered.applied;
    const Limit& limit = *applied.limit;
    const int64_t need = asked.Of(limit.unit);
    if (!Binds(limit, charge.subject.model, need, asked)) continue;
    const int64_t max_used = applied.amount - (limit.hold == HoldMode::kEstimate ? need : 1);
    if (counters_.Used(PlaceOf(remembered), charge.at_us) <= max_used) continue;
    RefusalTally& tally = limits_[static_cast<size_t>(&limit - policy_->document().limits.data())];
    if (!Hard(limit)) {
      tally.Exceeded(charge.at_us);
      continue;
    }
    refused = true;
    tally.Refused(applied.counter, charge.at_us, charge.cost_nano_usd, &room_,
                  [&] { return ScopeString(limit, charge.subject, charge.subject.model); });
  }
  return refused;
}

void Replay::Charge(const PastCharge& charge) {
  static const Usage kNothing;
  uses_.clear();
  for (const PastAttempt& attempt : charge.attempts) {
    ChargeAttempt(charge, attempt.model, attempt.cost_nano_usd, attempt.usage);
  }
  if (charge.attempts.empty()) ChargeAttempt(charge, charge.subject.model, 0, kNothing);
  for (const Use& use : uses_) {
    if (use.amount > 0) counters_.Add(use.place, charge.at_us, use.amount);
  }
}

void Replay::ChargeAttempt(const PastCharge& charge, std::string_view model, int64_t cost_nano_usd,
                           const Usage& usage) {
  Quantities quantities;
  quantities.requests = 1;
  quantities.cost_nano_usd = cost_nano_usd;
  quantities.usage = &usage;
  // Several limits may share a counter; it is charged once for each attempt.
  charged_.clear();
  for (RememberedLimit& remembered : matches_.Of(charge.subject, model).limits) {
    const uint32_t place = PlaceOf(remembered);
    if (std::find(charged_.begin(), charged_.end(), place) != charged_.end()) continue;
    charged_.push_back(place);
    const Unit& unit = remembered.applied.limit->unit;
    const int64_t amount = quantities.Of(unit);
    const auto known = std::find_if(uses_.begin(), uses_.end(),
                                    [&](const Use& use) { return use.place == place; });
    if (known == uses_.end()) {
      uses_.push_back({place, amount});
    } else if (unit.kind != UnitKind::kRequests) {
      known->amount = SaturatingAdd(known->amount, amount);
    }
  }
}

void Replay::CountUser(const std::string& user) {
  if (user.empty() || users_.contains(user)) return;
  if (users_.size() >= kMaxTalliedUsers) {
    users_incomplete_ = true;
  } else {
    users_.insert(user);
  }
}

BacktestResult Replay::Result() const {
  BacktestResult result = sums_;
  result.users_refused = static_cast<int64_t>(users_.size());
  result.scopes_incomplete = users_incomplete_;
  const PolicyDocument& document = policy_->document();
  for (size_t i = 0; i < limits_.size(); ++i) {
    result.scopes_incomplete |= limits_[i].incomplete();
    if (document.limits[i].unit.kind == UnitKind::kConcurrency) {
      result.limits_not_replayed.push_back(document.limits[i].id);
    }
    if (limits_[i].empty()) continue;
    result.limits.push_back(limits_[i].Report());
    result.limits.back().limit_id = document.limits[i].id;
    result.limits.back().unit = document.limits[i].unit.ToString();
  }
  for (size_t i = 0; i < rules_.size(); ++i) {
    result.scopes_incomplete |= rules_[i].incomplete();
    if (rules_[i].empty()) continue;
    result.model_rules.push_back(rules_[i].Report());
    result.model_rules.back().limit_id = document.model_rules[i].id;
  }
  return result;
}

}  // namespace quotaplane
