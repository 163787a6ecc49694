// The thread that owns the end of the queue: batches appends into one write and one flush, writes
// the cursor, removes segments that are done with.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "libs/spool/segment.h"
#include "libs/spool/state.h"

namespace quotaplane::spool {

class Writer {
 public:
  // `next`: the position of the first append. The thread starts.
  Writer(State& state, uint64_t next);
  // Writes what is queued, then the cursor; ends the thread.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  using Batch = std::deque<PendingAppend>;

  void Loop();
  Batch TakeBatch();  // with the mutex held
  void Write(Batch batch);
  size_t WriteSome(const Batch& batch, size_t from, absl::Status& status);
  absl::Status Append(const std::string& frames);
  void Publish(uint64_t last, int64_t records, int64_t bytes);
  void Tidy();
  void RemoveAcknowledged(uint64_t acknowledged);
  std::optional<uint64_t> OldestDoneWith(uint64_t acknowledged) const;

  State& state_;
  uint64_t next_;
  uint64_t written_cursor_;
  // So that a broken disk is logged once, not at every attempt.
  bool appends_fail_ = false;
  bool cursor_fails_ = false;
  std::chrono::steady_clock::time_point tidied_{};
  std::unique_ptr<SegmentWriter> tail_;
  std::thread thread_;
};

}  // namespace quotaplane::spool
