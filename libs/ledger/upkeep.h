// What the ledger needs done from time to time, whoever is connected: corrections that have not
// reached the live counters (a process was killed, or the store was away), and retention.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/ledger/pending_moves.h"
#include "libs/ledger/retention.h"
#include "libs/policy/policy_set.h"

namespace quotaplane {

struct UpkeepOptions {
  absl::Duration moves_every = absl::Seconds(5);
  absl::Duration retention_every = absl::Hours(1);
  std::function<std::shared_ptr<const PolicySet>()> policies;  // those in force
  std::function<int64_t()> now_us;                             // the local clock
};

class Upkeep {
 public:
  struct Stats {
    int64_t moves = 0;       // applied
    int64_t pending = 0;     // moves, when it last looked
    int64_t retentions = 0;  // runs that were completed
    int64_t failures = 0;    // of either: what is left is done the next time
  };

  // Starts one thread. Both must outlive it. Any number may run over one ledger.
  Upkeep(sql::Database* database, CounterStore* store, UpkeepOptions options);
  // Stops after the step under way.
  ~Upkeep();

  // Thread-safe.
  Stats stats() const;

 private:
  void Run();
  absl::Status ApplyMoves();
  absl::Status RunRetention();
  void Note(const char* what, const absl::Status& status);

  PendingMoves moves_;
  Retention retention_;
  const UpkeepOptions options_;
  std::string last_error_;
  std::atomic<int64_t> applied_ = 0, pending_ = 0, retentions_ = 0, failures_ = 0;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
