// The thread's view that takes records out: reads segments in order, steps over damage, keeps
// account of what is acknowledged.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/spool/frame.h"
#include "libs/spool/quarantine.h"
#include "libs/spool/spool.h"
#include "libs/spool/state.h"

namespace quotaplane::spool {

// Used by one thread at a time.
class Reader {
 public:
  Reader(State& state, Quarantine quarantine);

  std::optional<Spool::Entry> Next(absl::Duration timeout);
  void Acknowledge(uint64_t position);
  void Rewind();

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  bool WaitForSegment(Deadline deadline, Segment& segment);
  absl::Status Load(const Segment& segment);
  std::optional<Spool::Entry> TakeRecord();
  void StepOverDamage(const SegmentScanner::Item& item);

  State& state_;
  Quarantine quarantine_;
  uint64_t read_last_;     // Next returns what comes after
  uint64_t highest_read_;  // before any Rewind
  struct Unacknowledged {
    uint64_t position;
    int64_t bytes;
  };
  std::deque<Unacknowledged> unacknowledged_;  // read and not acknowledged; bounded by max_bytes

  // What is loaded: bytes of the segment `loaded_`, from `loaded_offset_` on.
  std::optional<uint64_t> loaded_;
  int64_t loaded_offset_ = 0;
  std::string bytes_;
  std::optional<SegmentScanner> scanner_;
  int64_t next_offset_ = 0;     // within the file, after what the scanner has given
  uint64_t next_position_ = 0;  // of the frame there
};

}  // namespace quotaplane::spool
