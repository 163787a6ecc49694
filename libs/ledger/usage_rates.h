// What each counter of an org was charged in the last two weeks, hour by hour, from the ledger's
// sums by hour.
//
// The sums know org, team, project, user and model, and not keys or labels: limits that count or
// ask by these have no rates. A charge of several models counts as one request of its first. A
// correction counts when it was made. So rates are good for forecasts, and not for books.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/forecast/pace.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct UsedCounter {
  Digest counter;
  const Subject* subject = nullptr;  // one that was charged to it, with its model; of UsageRates
  std::vector<AppliedLimit> limits;  // that count here: at least one
  RecentUse recent;
};

struct UsageRates {
  std::deque<Subject> subjects;
  std::vector<UsedCounter> counters;
  // Counters beyond `most_counters`, once for each subject and model that has them.
  int64_t left_out = 0;
};

// Whether the sums by hour tell what the limit counts: of a calendar period or a lifetime, not of
// concurrency, and without api_key and labels.
bool HasRates(const Limit& limit);

// Those that were used in the two weeks before `until_us`, a full hour. `policy` must outlive the
// result. Reads one row for each hour, subject, model and meter, in bounded memory.
// DEADLINE_EXCEEDED at `deadline`; others are the database's.
absl::StatusOr<UsageRates> ReadUsageRates(sql::Session& session, std::string_view org,
                                          const Policy& policy, int64_t until_us,
                                          size_t most_counters, absl::Time deadline);

}  // namespace quotaplane
