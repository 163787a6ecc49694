// What replicas are to know, item by item, on its way from the database to them.
//
// An item is a name and a body (proto/quotaplane/v1/control.proto). The database has the last body
// of each, with the number of the change that wrote it: numbers rise with every change, so of two
// bodies of an item that with the higher number is the later one, whoever brings it, in whatever
// order.
//
// Between database and replicas stands a board, in the counter store. A publisher puts items on it;
// the board gives each put a position of its own, 1, 2, 3 …, and a replica asks for what came after
// the position it has. Positions are the board's, numbers the database's: so a publisher may put
// items in any order, twice, or late, and no replica misses one. A board that was lost (its epoch
// is another) is filled anew from the database; replicas keep what they have until it is complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

struct ControlItem {
  std::string name;
  int64_t number = 0;
  std::string body;  // empty: taken away
};

// What a replica that stands at a position gets.
struct BoardNews {
  std::string epoch;      // of the board; empty: nobody has filled it yet
  bool complete = false;  // everything that the database had when the board was begun is on it
  int64_t position = 0;   // after `items`: ask for what comes after it
  int64_t last = 0;       // the board's last position
  std::vector<ControlItem> items;
};

struct ReplicaReport {
  std::string replica;
  std::string epoch;
  int64_t position = 0;
  int64_t seen_us = 0;  // by the counter store's clock
  int64_t keys = 0;
  int64_t orgs = 0;
};

// Thread-safe. Blocks, until `deadline` at most. UNAVAILABLE, DEADLINE_EXCEEDED: the store is away.
class ItemBoard {
 public:
  virtual ~ItemBoard() = default;

  // `epoch`: ABORTED if the board has another (or none), and nothing is put. Items whose number is
  // not higher than what the board has are left out. At most kMaxPut bytes of bodies in one call.
  virtual absl::Status Put(const std::string& epoch, const std::vector<ControlItem>& items,
                           absl::Time deadline) = 0;
  // Begins a new epoch on an empty or foreign board, which is incomplete until Complete. Returns
  // the epoch in force afterwards: of two at once, both get the same.
  virtual absl::StatusOr<std::string> Begin(absl::Time deadline) = 0;
  virtual absl::Status Complete(const std::string& epoch, absl::Time deadline) = 0;
  // What came after `position` of `epoch`; of another epoch, everything from its beginning. At most
  // about 1,000 items or 4 MiB, more if one alone is larger: call again until position == last.
  virtual absl::StatusOr<BoardNews> Read(const std::string& epoch, int64_t position,
                                         absl::Time deadline) = 0;

  virtual absl::Status Report(const ReplicaReport& report, absl::Time deadline) = 0;
  // Those that reported within the last minute.
  virtual absl::StatusOr<std::vector<ReplicaReport>> Reports(absl::Time deadline) = 0;
};

}  // namespace quotaplane
