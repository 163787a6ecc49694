#include "libs/backtest/plan.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/admission/demand.h"
#include "libs/backtest/changed_limits.h"
#include "libs/backtest/matches.h"
#include "libs/backtest/past_stream.h"
#include "libs/backtest/window_start.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_reader.h"
#include "libs/ledger/retention.h"

namespace quotaplane {
namespace {

constexpr uint32_t kUnchanged = RememberedLimit::kUnset - 1;

bool LookedAt(const Limit& limit) {
  return limit.unit.kind != UnitKind::kConcurrency &&
         (limit.window.kind != WindowKind::kSliding ||
          limit.window.length_us > kLongestUnplannedWindowUs);
}

bool Hard(const Limit& limit) {
  return limit.on_exceed == OnExceed::kDeny || limit.on_exceed == OnExceed::kDowngrade;
}

bool ListedBefore(const PlannedScope& a, const PlannedScope& b) {
  if (a.over_at_once != b.over_at_once) return a.over_at_once;
  // used / amount, without dividing: an amount may be 0.
  const auto a_share = static_cast<__int128>(a.used) * b.amount_after;
  const auto b_share = static_cast<__int128>(b.used) * a.amount_after;
  if (a_share != b_share) return a_share > b_share;
  return std::tie(a.limit_id, a.scope) < std::tie(b.limit_id, b.scope);
}

// Sums of the present windows, by limit and scope.
class Planner {
 public:
  // `lifetime_us`: since when lifetimes count.
  Planner(const PlanArgs& args, int64_t lifetime_us)
      : args_(args), limits_(args.after->document().limits), matches_(args.after, &used_) {
    used_.Add(*args.after);
    used_.Add(*args.before);
    const std::vector<bool> changed =
        ChangedLimits(args.before->document(), args.after->document());
    for (size_t i = 0; i < limits_.size(); ++i) {
      starts_us_.push_back(changed[i] && LookedAt(limits_[i])
                               ? WindowStartUs(limits_[i].window, args.now_us, lifetime_us)
                               : INT64_MAX);
    }
  }

  const UsedDimensions& used() const { return used_; }
  // From when on charges are to be added; INT64_MAX: none.
  int64_t start_us() const {
    return starts_us_.empty() ? INT64_MAX : *std::min_element(starts_us_.begin(), starts_us_.end());
  }
  std::vector<std::string> StartedBefore(int64_t time_us) const {
    std::vector<std::string> ids;
    for (size_t i = 0; i < limits_.size(); ++i) {
      if (starts_us_[i] < time_us) ids.push_back(limits_[i].id);
    }
    return ids;
  }

  absl::Status AddCharge(const PastCharge& charge) {
    static const PastAttempt kNothing;
    Begin();
    for (const PastAttempt& attempt : charge.attempts) {
      QP_RETURN_IF_ERROR(Add(charge, attempt.model, attempt, 1));
    }
    return charge.attempts.empty() ? Add(charge, charge.subject.model, kNothing, 1)
                                   : absl::OkStatus();
  }
  // What it adds may be less than nothing; its time is that of what it corrects. It is no request.
  absl::Status AddCorrection(const SettledCharge& correction) {
    PastCharge past;
    past.at_us = correction.settlement.occurred_at_us;
    past.subject = correction.charge.subject;
    Begin();
    for (const ChargeLine& line : correction.charge.lines) {
      const PastAttempt one = {line.model, line.cost_nano_usd, {{line.meter, line.quantity}}};
      QP_RETURN_IF_ERROR(Add(past, one.model, one, 0));
    }
    return absl::OkStatus();
  }

  PolicyPlan Result() const;

 private:
  struct Line {
    const Limit* limit = nullptr;
    PlannedScope planned;
  };

  void Begin() {
    matches_.Trim();
    asked_.clear();
  }
  absl::Status Add(const PastCharge& charge, std::string_view model, const PastAttempt& attempt,
                   int64_t requests);
  // Sets where the limit's scope is summed, or that its amount stays.
  absl::Status Place(const PastCharge& charge, std::string_view model, RememberedLimit* limit);

  const PlanArgs& args_;
  const std::vector<Limit>& limits_;
  UsedDimensions used_;
  Matches matches_;
  std::vector<int64_t> starts_us_;  // by limit; INT64_MAX: it is not looked at
  std::vector<Line> lines_;
  absl::flat_hash_map<std::pair<const Limit*, Digest>, uint32_t> places_;
  // Lines that have the request of this charge already.
  std::vector<uint32_t> asked_;
};

absl::Status Planner::Place(const PastCharge& charge, std::string_view model,
                            RememberedLimit* limit) {
  const AppliedLimit& after = limit->applied;
  const auto known = places_.find({after.limit, after.counter});
  if (known != places_.end()) {
    limit->place = known->second;
    return absl::OkStatus();
  }
  std::vector<AppliedLimit> applied;
  args_.before->Match(charge.subject, model, &applied);
  auto before = std::find_if(applied.begin(), applied.end(), [&](const AppliedLimit& one) {
    return CountTheSame(*one.limit, *after.limit);
  });
  if (before == applied.end()) {
    before = std::find_if(applied.begin(), applied.end(),
                          [&](const AppliedLimit& one) { return one.counter == after.counter; });
  }
  const bool had_limit = before != applied.end();
  if (had_limit && before->amount == after.amount) {
    limit->place = kUnchanged;
    return absl::OkStatus();
  }
  if (lines_.size() >= kMaxPlannedScopesKept) {
    return absl::ResourceExhaustedError(
        "the plan has more than 1000000 scopes: a limit counts by something that has too many "
        "values");
  }
  limit->place = static_cast<uint32_t>(lines_.size());
  places_[{after.limit, after.counter}] = limit->place;
  Line& line = lines_.emplace_back();
  line.limit = after.limit;
  line.planned.limit_id = after.limit->id;
  line.planned.scope = ScopeString(*after.limit, charge.subject, model);
  line.planned.unit = after.limit->unit.ToString();
  line.planned.window = after.limit->window.ToString();
  line.planned.amount_before = had_limit ? before->amount : 0;
  line.planned.had_limit = had_limit;
  line.planned.amount_after = after.amount;
  return absl::OkStatus();
}

absl::Status Planner::Add(const PastCharge& charge, std::string_view model,
                          const PastAttempt& attempt, int64_t requests) {
  Quantities quantities;
  quantities.requests = requests;
  quantities.cost_nano_usd = attempt.cost_nano_usd;
  quantities.usage = &attempt.usage;
  for (RememberedLimit& limit : matches_.Of(charge.subject, model).limits) {
    const auto position = static_cast<size_t>(limit.applied.limit - limits_.data());
    if (charge.at_us < starts_us_[position]) continue;
    if (limit.place == RememberedLimit::kUnset) {
      QP_RETURN_IF_ERROR(Place(charge, model, &limit));
    }
    if (limit.place == kUnchanged) continue;
    const Unit& unit = limit.applied.limit->unit;
    if (unit.kind == UnitKind::kRequests) {
      if (std::find(asked_.begin(), asked_.end(), limit.place) != asked_.end()) continue;
      asked_.push_back(limit.place);
    }
    int64_t& used = lines_[limit.place].planned.used;
    used = SaturatingAdd(used, quantities.Of(unit));
  }
  return absl::OkStatus();
}

PolicyPlan Planner::Result() const {
  PolicyPlan plan;
  plan.as_of_us = args_.now_us;
  std::vector<PlannedScope> found;
  for (const Line& line : lines_) {
    if (line.planned.used <= 0) continue;
    found.push_back(line.planned);
    found.back().over_at_once = Hard(*line.limit) && line.planned.used > line.planned.amount_after;
    if (found.back().over_at_once) ++plan.over_at_once;
  }
  const size_t listed = std::min(found.size(), kMaxPlannedScopes);
  std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(listed), found.end(),
                    ListedBefore);
  plan.unlisted_scopes = static_cast<int64_t>(found.size() - listed);
  found.resize(listed);
  plan.scopes = std::move(found);
  return plan;
}

}  // namespace

absl::StatusOr<PolicyPlan> PlanPolicy(sql::Database& database, const PlanArgs& args,
                                      absl::FunctionRef<bool()> go_on) {
  QP_ASSIGN_OR_RETURN(
      const std::unique_ptr<sql::Transaction> snapshot,
      database.Begin({.isolation = sql::Isolation::kRepeatableRead, .read_only = true}));
  QP_ASSIGN_OR_RETURN(const Kept kept, ReadKept(*snapshot));
  const bool dropped = kept.entries_from_us != INT64_MIN;
  Planner planner(args, dropped ? INT64_MIN : 0);
  const int64_t from_us = std::max(planner.start_us(), kept.entries_from_us);
  if (from_us <= args.now_us) {
    const auto add = [&](const PastBatch& batch) -> absl::Status {
      for (const PastCharge& charge : batch.charges) QP_RETURN_IF_ERROR(planner.AddCharge(charge));
      return absl::OkStatus();
    };
    QP_RETURN_IF_ERROR(
        TakePast(*snapshot, {args.org, from_us, args.now_us + 1}, planner.used(), add, go_on));
    QP_RETURN_IF_ERROR(StreamCorrections(
        *snapshot, {args.org, from_us, args.now_us},
        [&](const SettledCharge& one, int64_t) { return planner.AddCorrection(one); }));
  }
  PolicyPlan plan = planner.Result();
  plan.limits_undercounted = planner.StartedBefore(kept.entries_from_us);
  return plan;
}

}  // namespace quotaplane
