#include "libs/ledger/forecast_round.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <tuple>

#include "absl/time/clock.h"
#include "libs/admission/thresholds.h"
#include "libs/admission/usage_forecasts.h"
#include "libs/base/await.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/orgs.h"

namespace quotaplane {
namespace {

// Until the ledger has what was charged up to the full hour.
constexpr int64_t kLedgerLagUs = int64_t{120} * 1'000'000;
// Counters of one org that are looked at, to find those of the largest share.
constexpr size_t kMostLookedAt = 50'000;
constexpr size_t kCountersAtOnce = 200;

SteadyTime SteadyOf(absl::Time deadline) {
  return std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(deadline - absl::Now());
}

int64_t FullHourBefore(int64_t now_us) {
  const int64_t settled_us = now_us - kLedgerLagUs;
  return settled_us - settled_us % kPaceHourUs;
}

// Those of the default policy count once, however many orgs are under it.
int64_t LimitsWithoutRates(const PolicySet& policies) {
  const auto of = [](const Policy& policy) {
    const std::vector<Limit>& limits = policy.document().limits;
    return std::count_if(limits.begin(), limits.end(),
                         [](const Limit& limit) { return HasForecast(limit) && !HasRates(limit); });
  };
  int64_t count = of(policies.default_policy());
  for (const std::string& org : policies.OrgsWithOwn()) count += of(*policies.For(org).policy);
  return count;
}

}  // namespace

struct ForecastRound::Org {
  struct Counter {
    Digest digest;
    const Subject* subject = nullptr;
    std::vector<AppliedLimit> limits;
    Pace pace;
    std::optional<Pace> sure;  // absent: too little is known to wake anybody
    CounterState state;        // as last read
  };
  // By which it was measured; its limits are pointed to.
  std::shared_ptr<const Policy> policy;
  int64_t until_us = 0;
  std::deque<Subject> subjects;
  std::vector<Counter> counters;
  int64_t too_short = 0;
  int64_t left_out = 0;

  int failures = 0;   // in a row, to read the ledger
  std::string error;  // the last one; empty: what is known is of the last full hour

  double ShareOf(const Counter& counter) const {
    double share = 0;
    for (const AppliedLimit& limit : counter.limits) {
      if (limit.amount <= 0) continue;
      share = std::max(
          share, static_cast<double>(counter.state.used()) / static_cast<double>(limit.amount));
    }
    return share;
  }
};

namespace {

bool IsOfAPerson(const Limit& limit) {
  return std::any_of(limit.per.begin(), limit.per.end(), [](const Dimension& dimension) {
    return dimension.kind == DimensionKind::kUser || dimension.kind == DimensionKind::kApiKey;
  });
}

}  // namespace

// A limit with its forecast, before anything is made of it: there may be many.
struct ForecastRound::Candidate {
  const std::string* org;
  const Org::Counter* counter;
  const AppliedLimit* limit;
  int64_t amount;
  BudgetForecast forecast;
  bool surely = false;  // it ends, of a calendar period, by the sure pace too

  double used_ratio() const {
    const int64_t used = forecast.used_at_reset.value_or(counter->state.used());
    return static_cast<double>(used) / static_cast<double>(amount);
  }
  // The most urgent first.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    const auto key = [](const Candidate& c) {
      const int64_t ends = c.forecast.exhausted_at_us;
      return std::tuple(ends == 0 ? std::numeric_limits<int64_t>::max() : ends, -c.used_ratio(),
                        *c.org, c.counter->digest.view(), c.limit->limit->id);
    };
    return key(a) < key(b);
  }

  LimitForecast Full() const {
    const Limit& of = *limit->limit;
    const Subject& subject = *counter->subject;
    LimitForecast full;
    full.org = *org;
    full.limit_id = of.id;
    full.scope = ScopeString(of, subject, subject.model);
    full.dimensions.emplace_back("org", *org);
    for (const Dimension& dimension : of.per) {
      full.dimensions.emplace_back(dimension.ToString(), dimension.ValueIn(subject, subject.model));
    }
    full.unit = of.unit.ToString();
    full.counter = counter->digest;
    full.amount = amount;
    full.used = counter->state.used();
    full.resets_at_us = counter->state.resets_at_us;
    full.forecast = forecast;
    return full;
  }
};

double LimitForecast::used_ratio() const {
  return static_cast<double>(forecast.used_at_reset.value_or(used)) / static_cast<double>(amount);
}

ForecastRound::ForecastRound(sql::Database* database, CounterStore* store, ForecastTable* table)
    : database_(database), store_(store), table_(table) {}

ForecastRound::~ForecastRound() = default;

absl::Status ForecastRound::ReadUsed(const std::string& org, absl::Time deadline, Org* measured) {
  std::vector<Org::Counter>& counters = measured->counters;
  for (size_t from = 0; from < counters.size(); from += kCountersAtOnce) {
    const size_t to = std::min(counters.size(), from + kCountersAtOnce);
    std::vector<CounterUse> uses(to - from);
    for (size_t i = from; i < to; ++i) {
      uses[i - from].counter = counters[i].digest;
      uses[i - from].window = &counters[i].limits.front().limit->window;
    }
    QP_ASSIGN_OR_RETURN(const ReadResult read,
                        Await<ReadResult>([&](StoreCallback<ReadResult> done) {
                          store_->Read(org, std::move(uses), SteadyOf(deadline), std::move(done));
                        }));
    for (size_t i = from; i < to; ++i) counters[i].state = read.counters[i - from];
  }
  return absl::OkStatus();
}

absl::Status ForecastRound::Measure(const std::string& org, const OrgPolicy& policy,
                                    int64_t until_us, absl::Time deadline, Org* measured) {
  if (absl::Now() > deadline) return absl::DeadlineExceededError("no time is left for this org");
  QP_ASSIGN_OR_RETURN(UsageRates rates, ReadUsageRates(*database_, org, *policy.policy, until_us,
                                                       kMostLookedAt, deadline));
  Org fresh;
  fresh.policy = policy.policy;
  fresh.until_us = until_us;
  fresh.left_out = rates.left_out;
  for (UsedCounter& counter : rates.counters) {
    const std::optional<Pace> pace = PaceOf(counter.recent);
    if (!pace.has_value()) {
      ++fresh.too_short;
      continue;
    }
    fresh.counters.push_back({counter.counter,
                              counter.subject,
                              std::move(counter.limits),
                              *pace,
                              SurePaceOf(counter.recent),
                              {}});
  }
  fresh.subjects = std::move(rates.subjects);
  if (fresh.counters.size() > kMostCountersOfOrg) {
    QP_RETURN_IF_ERROR(ReadUsed(org, deadline, &fresh));
    const auto last = fresh.counters.begin() + kMostCountersOfOrg;
    std::nth_element(fresh.counters.begin(), last, fresh.counters.end(),
                     [&](const Org::Counter& a, const Org::Counter& b) {
                       return fresh.ShareOf(a) > fresh.ShareOf(b);
                     });
    fresh.left_out += fresh.counters.end() - last;
    fresh.counters.erase(last, fresh.counters.end());
  }
  *measured = std::move(fresh);
  return absl::OkStatus();
}

void ForecastRound::TakeOrgs(const std::vector<std::string>& names) {
  std::map<std::string, Org> known;
  known.swap(orgs_);
  for (const std::string& name : names) {
    auto node = known.extract(name);
    if (node.empty()) {
      orgs_.try_emplace(name);
    } else {
      orgs_.insert(std::move(node));
    }
  }
}

void ForecastRound::MeasureAll(const PolicySet& policies, int64_t until_us, absl::Time deadline) {
  std::vector<std::pair<const std::string, Org>*> due;
  for (auto& entry : orgs_) {
    Org& org = entry.second;
    if (org.policy == policies.For(entry.first).policy && org.until_us == until_us) {
      org.error.clear();
    } else {
      due.push_back(&entry);
    }
  }
  std::stable_sort(due.begin(), due.end(), [](const auto* a, const auto* b) {
    return a->second.failures < b->second.failures;
  });
  for (size_t i = 0; i < due.size(); ++i) {
    auto& [name, org] = *due[i];
    const absl::Time now = absl::Now();
    const absl::Time until = i + 1 == due.size() ? deadline : now + (deadline - now) / 2;
    const absl::Status measured = Measure(name, policies.For(name), until_us, until, &org);
    if (measured.ok()) continue;
    const int failures = org.failures + 1;
    if (org.until_us < until_us - kOldestPaceUs) org = Org();
    org.failures = failures;
    org.error = measured.ToString();
  }
}

absl::StatusOr<ForecastResult> ForecastRound::Run(const PolicySet& policies, int64_t now_us,
                                                  absl::Time deadline) {
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListAllOrgs(*database_));
  TakeOrgs(names);
  ForecastResult result;
  result.limits_left_out = LimitsWithoutRates(policies);
  const int64_t until_us = FullHourBefore(now_us);
  // The rest is for the counters and the table.
  const absl::Time began = absl::Now();
  MeasureAll(policies, until_us, began + (deadline - began) / 2);
  std::vector<Candidate> candidates;
  std::vector<ForecastTable::Entry> entries;
  ForecastTable::Kept kept;
  kept.measured_since_us = until_us - kOldestPaceUs;
  for (auto& [org, measured] : orgs_) {
    const OrgPolicy& policy = policies.For(org);
    ++result.orgs;
    if (!measured.error.empty()) result.unread[org] = measured.error;
    if (measured.policy == nullptr) kept.orgs.push_back(org);
    // With the pace that it had.
    const absl::Status read = ReadUsed(org, deadline, &measured);
    if (!read.ok()) result.unread.try_emplace(org, read.ToString());
    result.too_short += measured.too_short;
    result.left_out += measured.left_out;
    for (const Org::Counter& counter : measured.counters) {
      if (entries.size() >= kMostCounters) {
        ++result.left_out;
        continue;
      }
      entries.push_back({org, counter.digest, counter.pace});
      if (!read.ok()) continue;
      for (const AppliedLimit& limit : counter.limits) {
        const int64_t amount = AmountAt(policy, limit, now_us);
        // What nobody may use has no end to come.
        if (amount <= 0) continue;
        const Budget budget = {amount, counter.state.used(), counter.state.resets_at_us};
        Candidate candidate = {&org, &counter, &limit, amount,
                               ForecastOf(budget, counter.pace, now_us)};
        candidate.surely = budget.resets_at_us != 0 && candidate.forecast.exhausted_at_us != 0 &&
                           counter.sure.has_value() &&
                           ForecastOf(budget, *counter.sure, now_us).exhausted_at_us != 0;
        candidates.push_back(candidate);
      }
    }
  }
  result.counters = static_cast<int64_t>(entries.size());
  std::sort(candidates.begin(), candidates.end());
  for (const Candidate& candidate : candidates) {
    if (result.urgent.size() < kMostUrgent && !IsOfAPerson(*candidate.limit->limit)) {
      result.urgent.push_back(candidate.Full());
    }
    if (!candidate.surely) continue;
    if (result.ending.size() < kMostEnding) {
      result.ending.push_back(candidate.Full());
    } else {
      ++result.ending_left_out;
    }
  }
  QP_RETURN_IF_ERROR(table_->Replace(entries, kept, SteadyOf(deadline)));
  return result;
}

}  // namespace quotaplane
