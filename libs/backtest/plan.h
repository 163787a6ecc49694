// What a new policy means on the day it comes into force: which scopes get another amount, and who
// would be over it at once.
//
// A scope is looked at where the ledger has usage of it in the limit's present window, and its
// limit is new or gives it another amount than before. "Before" is the limit of the same id that
// counts the same (per, unit, window), else any limit that counts in the same counter. What a scope
// has used is what its counter will say: the charges of the window, with their corrections.
//
// Not looked at: concurrency, and sliding windows of an hour or less, which forget by themselves.
// Exceptions (raises.h) are not considered: amounts are the policies'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr size_t kMaxPlannedScopes = 1'000;          // listed
inline constexpr size_t kMaxPlannedScopesKept = 1'000'000;  // looked at
inline constexpr int64_t kLongestUnplannedWindowUs = int64_t{3'600} * 1'000'000;

struct PlannedScope {
  std::string limit_id;
  std::string scope;
  std::string unit;
  std::string window;
  int64_t amount_before = 0;  // 0 where there was no such limit
  bool had_limit = false;
  int64_t amount_after = 0;
  int64_t used = 0;  // in the present window, by the ledger
  // used > amount_after, and the limit refuses (deny, downgrade): from the first request on. Never
  // of soft and shadow limits.
  bool over_at_once = false;
};

struct PolicyPlan {
  // Those over at once first, then by how much of the amount is used; then by limit and scope. At
  // most kMaxPlannedScopes.
  std::vector<PlannedScope> scopes;
  int64_t unlisted_scopes = 0;
  int64_t over_at_once = 0;  // of all, listed or not
  int64_t as_of_us = 0;
  // Ids of limits whose windows began before there is data (retention): `used` is too little.
  std::vector<std::string> limits_undercounted;
};

struct PlanArgs {
  std::string org;
  const Policy* before = nullptr;  // in force; both must outlive the call
  const Policy* after = nullptr;   // proposed
  int64_t now_us = 0;              // by the counter store's clock
};

// Reads the org's entries of the longest window concerned, once; nothing where no limit gives more
// or less. `go_on` is asked several times a second, on the caller's thread; false: CANCELLED.
// RESOURCE_EXHAUSTED: more than kMaxPlannedScopesKept scopes. DATA_LOSS, and the database's, as
// RunBacktest. Blocks; thread-safe.
absl::StatusOr<PolicyPlan> PlanPolicy(sql::Database& database, const PlanArgs& args,
                                      absl::FunctionRef<bool()> go_on);

}  // namespace quotaplane
