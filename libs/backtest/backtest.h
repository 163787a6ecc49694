// A proposed policy replayed over what the ledger has: what it would have refused, whom, and how
// much that would have saved.
//
// How a charge is judged (replay.h has the rules): as the request that it was would have been, had
// its estimate been exactly what it used, at the moment at which it was charged. What the policy
// refuses is not counted, as if it had never been spent; all the rest is, as a commit counts it.
// Cost is what was charged then, by the prices of then.
//
// What a replay cannot know, and leaves out:
// - Concurrency: the ledger does not say when a request began. Those limits are listed.
// - Estimates: a limit that holds estimates would have refused a little earlier wherever estimates
//   were higher than the usage.
// - What people do when they are refused: they may ask again, or another model.
// - Models without a price, exceptions (raises.h), and corrections: a charge counts as it was made.
// - Requests that were refused then: they have no charge.
//
// Windows that are under way at `from_us` have a past. Charges from before are counted without
// being judged, back to the start of the longest window; that of a lifetime is the first entry.
// Where retention has dropped a part of that, the limits concerned are listed: they count too
// little.
//
// Cost: 10 million entries in under 60 s (docs/control.md has figures). Memory is bounded by the
// bounds of replay.h, whatever the ledger's size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Scopes listed for each limit.
inline constexpr size_t kMaxBacktestScopes = 20;

struct BacktestScope {
  std::string scope;  // "{org=acme, user=alice}"; of a model rule, the model is part of it
  int64_t refused = 0;
  int64_t refused_cost_nano_usd = 0;
  int64_t first_us = 0;
};

// Of a limit, or of a model rule (which has no unit).
struct BacktestLimit {
  std::string limit_id;
  std::string unit;
  // Charges that it would have refused, alone or with others, and what these cost.
  int64_t refused = 0;
  int64_t refused_cost_nano_usd = 0;
  // Of soft and shadow limits: charges that would have exceeded it.
  int64_t exceeded = 0;
  int64_t first_us = 0;  // the first that was refused, or exceeded it
  // Those refused most first, at most kMaxBacktestScopes.
  std::vector<BacktestScope> scopes;
  int64_t scopes_refused = 0;
};

struct BacktestResult {
  // What was judged: from `from_us` to before `to_us`. Later than asked for where retention has
  // dropped what was before.
  int64_t from_us = 0;
  int64_t to_us = 0;
  // From when on charges were counted; at most from_us.
  int64_t counted_from_us = 0;
  int64_t charges = 0;  // judged
  int64_t cost_nano_usd = 0;
  // By any hard limit or model rule.
  int64_t refused = 0;
  int64_t refused_cost_nano_usd = 0;
  int64_t users_refused = 0;  // with a name
  // In policy order; those that refused or were exceeded.
  std::vector<BacktestLimit> limits;
  std::vector<BacktestLimit> model_rules;
  int64_t entries = 0;  // read, with those before from_us

  // Ids of limits that were left out: concurrency.
  std::vector<std::string> limits_not_replayed;
  // Ids of limits whose windows began before there is data, so that they count too little.
  std::vector<std::string> limits_undercounted;
  // There were more scopes or users than are kept track of (replay.h): `scopes`, `scopes_refused`
  // and `users_refused` are of those met first. Sums are complete all the same.
  bool scopes_incomplete = false;
};

struct BacktestProgress {
  double progress = 0;  // 0 to 1, never falling; by time
  int64_t entries = 0;  // read so far
};
// Called on the caller's thread, several times a second, whether there is progress or not. False:
// stop.
using BacktestCallback = absl::FunctionRef<bool(const BacktestProgress&)>;

struct BacktestArgs {
  std::string org;
  const Policy* policy = nullptr;  // must outlive the call
  int64_t from_us = 0;             // included
  int64_t to_us = 0;               // excluded
};

// Blocks, in one snapshot of the ledger; uses one connection and one more thread. Thread-safe.
// CANCELLED: the callback said so. RESOURCE_EXHAUSTED: the policy needs more counters at once than
// kMaxReplayCounters. DATA_LOSS: an entry that nobody here wrote. Others are the database's.
absl::StatusOr<BacktestResult> RunBacktest(sql::Database& database, const BacktestArgs& args,
                                           BacktestCallback callback);

}  // namespace quotaplane
