// Where all budgets lead: the paces from the ledger, what is used from the live counters, and the
// table from which every replica's GetUsage says the same.
//
// A pace changes with every full hour (libs/forecast/pace.h), so the ledger is read once an hour
// for each org, two minutes after it: then it has what was charged until then. Every round reads
// the live counters and writes the table.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/counters/counter_store.h"
#include "libs/counters/forecast_table.h"
#include "libs/forecast/budget_forecast.h"
#include "libs/ledger/usage_rates.h"
#include "libs/policy/policy_set.h"
#include "libs/sql/database.h"

namespace quotaplane {

// One limit and scope.
struct LimitForecast {
  std::string org;
  std::string limit_id;
  std::string scope;  // "{org=acme, user=alice}"
  // org and those of the limit's `per`, by name.
  std::vector<std::pair<std::string, std::string>> dimensions;
  std::string unit;
  Digest counter;
  int64_t amount = 0;  // > 0; with an exception, if one is in force
  int64_t used = 0;
  int64_t resets_at_us = 0;  // 0: a lifetime
  BudgetForecast forecast;

  // How long before its period the budget ends, where it does.
  int64_t margin_us() const { return resets_at_us - forecast.exhausted_at_us; }
  // What will be used when the period ends, as a share of the amount; of a lifetime, what is.
  double used_ratio() const;
};

struct ForecastResult {
  // Of calendar periods: budgets that end before their period does, by the pace and by the sure
  // pace both. The soonest first; at most kMostEnding.
  std::vector<LimitForecast> ending;
  // For metrics, which name no person: of limits that are not per user or key, those that end, the
  // soonest first, and then those of which the largest share will be used. At most kMostUrgent.
  std::vector<LimitForecast> urgent;

  int64_t counters = 0;         // with a pace
  int64_t too_short = 0;        // used, with too little history
  int64_t left_out = 0;         // more than fit: those of the smallest share of their amount
  int64_t limits_left_out = 0;  // of all policies: by api_key or labels (HasRates)
  int64_t ending_left_out = 0;  // beyond kMostEnding
  int64_t orgs = 0;
  // Orgs whose ledger or counters could not be read in time, and why.
  std::map<std::string, std::string> unread;
};

class ForecastRound {
 public:
  static constexpr size_t kMostCountersOfOrg = 10'000;
  static constexpr size_t kMostCounters = 100'000;
  static constexpr size_t kMostEnding = 10'000;
  static constexpr size_t kMostUrgent = 200;
  // What is known of an org of which nothing can be read goes on for so long.
  static constexpr int64_t kOldestPaceUs = 6 * kPaceHourUs;

  // All must outlive it.
  ForecastRound(sql::Database* database, CounterStore* store, ForecastTable* table);
  ~ForecastRound();

  // One round over all orgs of the ledger; `now_us` is the counter store's clock. An org that could
  // not be read holds up no other: it is named, and goes on with the paces that it had, this
  // process's or else the table's, for kOldestPaceUs. An error, of the database (which orgs there
  // are) or of the table (then the forecasts are lost with it): try again with the next round.
  // Half of the time until `deadline` is for reading the ledger: what one org has of two weeks has
  // to be read within that. While others wait, an org has half of what is left of it; those that
  // took longer come last the next time. Blocks; one thread at a time, which calls it about once a
  // minute.
  absl::StatusOr<ForecastResult> Run(const PolicySet& policies, int64_t now_us,
                                     absl::Time deadline);

 private:
  struct Org;
  struct Candidate;

  // Orgs that are not in the ledger any more are forgotten.
  void TakeOrgs(const std::vector<std::string>& names);
  void MeasureAll(const PolicySet& policies, int64_t until_us, absl::Time deadline);
  absl::Status Measure(const std::string& org, const OrgPolicy& policy, int64_t until_us,
                       absl::Time deadline, Org* measured);
  absl::Status ReadUsed(const std::string& org, absl::Time deadline, Org* measured);

  sql::Database* const database_;
  CounterStore* const store_;
  ForecastTable* const table_;
  std::map<std::string, Org> orgs_;
};

}  // namespace quotaplane
