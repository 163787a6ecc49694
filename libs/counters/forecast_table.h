// The present pace of counters, for replicas: they have no ledger to work it out from. Whoever has
// one writes the whole table once a minute; GetUsage reads a few entries beside the counters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/hash.h"
#include "libs/counters/counter_store.h"
#include "libs/forecast/pace.h"

namespace quotaplane {

// Thread-safe. A table that nobody has written for some 15 minutes is empty.
class ForecastTable {
 public:
  virtual ~ForecastTable() = default;

  struct Entry {
    std::string_view org;  // places the counter
    Digest counter;
    Pace pace;
  };

  // One for each of `counters` (at most kMaxCountersPerCall), in their order; absent where the
  // table has none, or none that this version can read. Errors and callbacks as CounterStore's.
  virtual void Read(std::string_view org, const std::vector<Digest>& counters, SteadyTime deadline,
                    StoreCallback<std::vector<std::optional<Pace>>> done) const = 0;

  // Those of whom the writer knows nothing: what the table has of them stays, where that was
  // measured (Pace::from_us) at `measured_since_us` or later.
  struct Kept {
    std::vector<std::string> orgs;
    int64_t measured_since_us = 0;
  };

  // Puts `entries` in place of all that the table has, org by org of a partition at once; the first
  // error, and then some partitions are new and some as they were. The table does not say whose an
  // entry is: what stays for one of `kept` stays for all orgs of its partition that have no newer
  // entry. Blocks; one writer at a time.
  virtual absl::Status Replace(const std::vector<Entry>& entries, const Kept& kept,
                               SteadyTime deadline) = 0;
};

}  // namespace quotaplane
