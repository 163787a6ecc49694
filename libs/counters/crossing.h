// Where crossings wait to be told: counters that have come to a threshold (counter_store.h). The
// step that finds one puts it there; it stays until it is acknowledged, or until so many wait that
// the oldest are dropped, which is counted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/hash.h"

namespace quotaplane {

struct Crossing {
  Digest counter;
  int64_t threshold = 0;
  int64_t committed = 0;  // after the step that crossed it
  // Start of the calendar period, 0 of a lifetime; of a sliding window the time of the crossing.
  int64_t period_us = 0;
  int64_t at_us = 0;  // by the store's clock
  // Told since a request was refused: the threshold itself has not been reached.
  bool refused = false;
  std::string description;  // as the caller of the step described it

  // The same for the same crossing, for ever, however often it is handed out; of no other one.
  // Hexadecimal digits, '/' and decimal digits; at most 74 bytes.
  std::string Occurrence() const;
  friend bool operator==(const Crossing&, const Crossing&) = default;
};

// How many wait, and how many were dropped since the store was made.
struct CrossingDepth {
  int64_t waiting = 0;
  int64_t dropped = 0;
};

class CrossingSource {
 public:
  struct Message {
    int partition = 0;
    std::string id;  // within its partition, in the order of crossing
    Crossing crossing;
  };

  virtual ~CrossingSource() = default;

  // Up to about `most` messages, in order within a partition; at once, also where there are none.
  // A message is handed to one reader at a time: to another only when its reader has neither
  // acknowledged nor asked for a while, so a message may come twice. What this reader has not
  // acknowledged comes again after Reopen. Errors: the store is away.
  virtual absl::StatusOr<std::vector<Message>> Read(int most) = 0;
  // These are dealt with: they are forgotten here. Those of which that was said before count as
  // done.
  virtual absl::Status Acknowledge(std::span<const Message> messages) = 0;
  // Starts over with what this reader was handed and has not acknowledged.
  virtual void Reopen() = 0;
};

}  // namespace quotaplane
