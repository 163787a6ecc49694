// Hands what RefusalCounts has counted to the outbox, every second or so.
//
// A batch has an id of its own, and the ledger takes each id once: so one whose arrival is not
// known is simply sent again. While the outbox is away, what was taken waits to be sent, and
// everything after it stays in the counts, which are bounded. A replica that is killed loses what
// it had not sent: the last second, or the outage.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/admission/admission.h"
#include "libs/admission/refusal_counts.h"

namespace quotaplane {

// Appends to the outbox of an org. Any error: it may or may not be there.
class RefusalOutbox {
 public:
  virtual ~RefusalOutbox() = default;
  virtual absl::Status Append(const std::string& org, const std::string& record) = 0;
};

struct RefusalSenderOptions {
  // No two replicas, and no two lives of one, share it.
  std::string instance;
  absl::Duration interval = absl::Seconds(1);
  // Of one message: a worker has a few thousand messages in memory at once.
  size_t most_lines = 100;
};

class RefusalSender {
 public:
  struct Stats {
    int64_t refusals = 0;  // sent
    int64_t failures = 0;  // attempts that the outbox broke off
    int64_t lost = 0;      // past the bound of the counts
  };

  // Starts one thread. All must outlive it.
  RefusalSender(RefusalCounts* counts, RefusalOutbox* outbox, const ChargeCodec* codec,
                RefusalSenderOptions options);
  // Sends what there is, if the outbox takes it at once.
  ~RefusalSender();

  // Thread-safe.
  Stats stats() const { return {refusals_, failures_, lost_}; }

 private:
  struct Message {
    std::string org;
    std::string record;
    int64_t refusals = 0;
  };

  void Run();
  // Sends what waits; then, if that went well, what was counted meanwhile.
  void Flush();
  absl::Status SendWaiting();
  void TakeCounts();

  RefusalCounts* const counts_;
  RefusalOutbox* const outbox_;
  const ChargeCodec* const codec_;
  const RefusalSenderOptions options_;
  int64_t next_number_ = 1;
  bool away_ = false;
  std::deque<Message> waiting_;  // of one Take
  std::atomic<int64_t> refusals_ = 0, failures_ = 0, lost_ = 0;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
