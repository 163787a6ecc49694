// Reading and replaying at the same time: a thread of its own reads charges out of the database,
// while the caller's takes them.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/backtest/past_charge.h"
#include "libs/backtest/past_reader.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct PastBatch {
  std::vector<PastCharge> charges;
  int64_t entries = 0;
};

// `go_on` is asked at least this often.
inline constexpr absl::Duration kAskEvery = absl::Milliseconds(200);

// Hands the charges of StreamPast to `take`, in batches, on the calling thread; at most a few
// thousand wait in between. CANCELLED: `go_on` said false. An error of `take` ends it and is
// returned. `session` is used by the other thread until this returns.
absl::Status TakePast(sql::Session& session, const PastRange& range, const UsedDimensions& used,
                      absl::FunctionRef<absl::Status(const PastBatch&)> take,
                      absl::FunctionRef<bool()> go_on);

}  // namespace quotaplane
