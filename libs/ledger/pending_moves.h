// Corrections reach the live counters: each once, whatever is killed in between.
//
// SQL and the counter store cannot commit together. So whoever writes corrections writes a row into
// ledger_moves in the same transaction; then the store moves its counters under the row's key,
// which it remembers with the time at which it moved them; then the row is marked with that time.
// Killed before the mark, the next one to come calls the store again, which moves nothing and
// answers with the time it has. So a row without a mark has been applied or not, and asking finds
// out.
//
// A correction moves the counters of the period in which the charge was that it corrects, where
// that is the present one: calendar periods and lifetimes exactly; a sliding window, if the charge
// is still in it, as of now and by what its present slot has. Requests are not moved: there was
// one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/counters/counter_store.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Thread-safe as its parts are; several may run at once, in one process or in many. Blocks.
class PendingMoves {
 public:
  // Both must outlive it.
  PendingMoves(sql::Database* database, CounterStore* store) : database_(database), store_(store) {}

  // Applies what the org has pending, oldest first, by `policy`; returns how many moves it applied.
  // Errors are the store's or the database's: what is left stays pending. Call it after an
  // adjustment, a re-rating or at intervals.
  absl::StatusOr<int64_t> Apply(const std::string& org, const Policy& policy);

  // The orgs that have some, in order, after `after`, at most `most`.
  absl::StatusOr<std::vector<std::string>> Orgs(const std::string& after, int most);

  // How many are pending, of all orgs: for a metric.
  absl::StatusOr<int64_t> Count();

 private:
  sql::Database* const database_;
  CounterStore* const store_;
};

}  // namespace quotaplane
