// Whether the books balance (P5): for every scope and period, the ledger's sum against the counter.
//
// A counter's committed part at the time T of the store's clock is the sum of what was charged to
// it in its period up to T, and of the corrections of these charges that reached it up to T. The
// ledger has the same charges with the same times, once the outbox has been emptied past T; and the
// same corrections with the times at which they reached the counters, once what was pending at T
// has been asked for (pending_moves.h). So the comparison is exact while charges and corrections go
// on: no time has to be quiet.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/counters/counter_store.h"
#include "libs/ledger/outbox.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

// One counter that some limit of the policy counts, and that was charged in its present period. The
// windows compared are calendar periods and lifetimes: a sliding window's slots forget.
struct BookLine {
  std::string limit_id;  // the first of the policy that counts it
  std::string scope;
  std::string unit;
  std::string window;
  int64_t period_start_us = 0;  // 0: a lifetime
  int64_t ledger = 0;
  int64_t counter = 0;
  int64_t at_us = 0;  // T
  Digest digest;
  const WindowSpec* spec = nullptr;  // of the policy that was given

  int64_t drift() const { return counter - ledger; }
};

class Books {
 public:
  // All must outlive it.
  Books(sql::Database* database, CounterStore* store, OutboxState* outbox);

  // Every line of the org whose period's entries are all there: retention may have dropped some of
  // a lifetime or a year, which cannot be compared then. `policy` says what is counted, and must
  // outlive the lines. Applies corrections that are pending, by this policy.
  // DEADLINE_EXCEEDED, reason LEDGER_BEHIND: the outbox was not emptied within `patience`: the
  // ledger is behind. Other errors are the store's or the database's. Blocks; thread-safe as its
  // parts are.
  absl::StatusOr<std::vector<BookLine>> Compare(const std::string& org, const Policy& policy,
                                                absl::Duration patience);

  // Moves the counters of the lines that differ by as much as they do, so that they say what the
  // ledger says, whatever was charged since. For lines of a Compare that nobody has repaired yet: a
  // second time would move them again. Returns how many it moved.
  absl::StatusOr<int> Repair(const std::string& org, const std::vector<BookLine>& lines);

  // After the ledger has replaced the name `user` by `pseudonym`: what the counters of present
  // calendar periods and lifetimes have under the name goes to the pseudonym's, so that both say
  // what the ledger says. Again, it moves nothing. Returns how many counters it moved. Errors are
  // those of Compare.
  absl::StatusOr<int> Rename(const std::string& org, const std::string& user,
                             const std::string& pseudonym, const Policy& policy,
                             absl::Duration patience);

  // Ends the comparisons under way, and those that come, with CANCELLED: for an owner that goes.
  void Stop() { stopped_ = true; }

 private:
  struct Renamed {
    const std::string& user;
    const std::string& pseudonym;
  };
  // With `renamed`, only the lines that either name has.
  absl::StatusOr<std::vector<BookLine>> CompareLines(const std::string& org, const Policy& policy,
                                                     absl::Time deadline, const Renamed* renamed);

  sql::Database* const database_;
  CounterStore* const store_;
  OutboxState* const outbox_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace quotaplane
