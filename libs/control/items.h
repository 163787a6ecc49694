// What replicas are to know, item by item, on its way from the database to them.
//
// An item is a name and a body (proto/quotaplane/v1/control.proto). The database has the last body
// of each, with the number of the change that wrote it: numbers rise with every change, so of two
// bodies of an item that with the higher number is the later one, whoever brings it, in whatever
// order.
//
// Between database and replicas stands a board, in the counter store. Nothing is sent that could be
// lost: publishers keep the board like the database, and replicas keep themselves like the board,
// by looking at its head, a few numbers, several times a second. What makes each of them notice
// that it is behind, for whatever reason:
//
//   published  The number up to which the board has everything. A publisher asks the database for
//              what came after it, so puts may come twice, late, in any order and from several
//              publishers. A board that went back (a failover to a Redis replica that lacked the
//              last writes) went back with this number, and gets again what it lost.
//   position   Each put item gets the board's next position, 1, 2, 3 …; an item that is put again
//              moves to its new one. A reader asks for what came after the position it has, and
//              takes it when `published` says that no part of a change is among it: changes are
//              seen whole or not at all.
//   sum        Over names and numbers of all items (ItemCheck), so of what the board has, however
//              it came to that. A reader that stands at the last position and has another sum has
//              missed something (the board went back and filled these positions with other items):
//              it reads everything again. A board that does not agree with its own sum was damaged:
//              whoever reads it whole has it filled anew.
//   epoch      Another one: the board was lost and is filled anew, or its database is that of a
//              backup. Readers keep what they have until it is complete, and then take it whole.
//
// Why not a channel of messages: a subscriber still needs all of this for the messages it missed,
// and then the messages add nothing but another way to fail. Looking costs the store some 10 µs of
// its processor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

struct ControlItem {
  std::string name;
  int64_t number = 0;  // 1 to 2^53
  std::string body;    // empty: taken away

  friend bool operator==(const ControlItem&, const ControlItem&) = default;
};

// An item's part in a board's sum, which is taken modulo 2^48. Nobody can construct two items that
// have the same.
inline constexpr uint64_t kItemSumModulus = uint64_t{1} << 48;
uint64_t ItemCheck(std::string_view name, int64_t number);

struct BoardHead {
  std::string epoch;      // empty: nobody has begun a board
  bool complete = false;  // everything that the database had when the board was begun is on it
  int64_t last = 0;       // the last position given
  int64_t published = 0;
  uint64_t sum = 0;

  friend bool operator==(const BoardHead&, const BoardHead&) = default;
};

// Items after some position, in the order of theirs.
struct BoardPage {
  std::vector<ControlItem> items;
  int64_t position = 0;  // of the last of them; that which was asked for: it was the last
};

// How far a replica is, by its own word.
struct ReplicaReport {
  std::string replica;
  std::string epoch;
  int64_t position = 0;
  int64_t number = 0;    // it has every change up to this one
  int64_t seen_us = 0;   // by the counter store's clock; set by the board
  int64_t keys = 0;      // that it has
  int64_t orgs = 0;      // with a policy of their own
  int64_t rejected = 0;  // items that it could not use: it is of an older version
  // What is wrong with it, in the words of whoever made it; at most kMaxReportedConditions bytes.
  std::string conditions = {};
};
inline constexpr size_t kMaxReportedConditions = 4'096;

// Bounds of one Put.
inline constexpr size_t kMaxPutItems = 250;
inline constexpr size_t kMaxPutBytes = 4 << 20;  // of bodies, unless it is one item alone

// Thread-safe. Blocks, until `deadline` at most. UNAVAILABLE, DEADLINE_EXCEEDED: the store is away,
// and a put may have happened or not.
class ItemBoard {
 public:
  virtual ~ItemBoard() = default;

  virtual absl::StatusOr<BoardHead> Head(absl::Time deadline) = 0;

  // Begins a new epoch, empty and incomplete, if the present one is `epoch` (empty: none). Returns
  // the epoch in force afterwards: of two at once, both get the same.
  virtual absl::StatusOr<std::string> Begin(const std::string& epoch, absl::Time deadline) = 0;

  struct Put {
    // With these the board is what the database was at some moment, whose last change was `to`, if
    // it was so of `from` before. Of more items than a put has, the first parts say to == from, and
    // the others ask for the sum after the part before, so that the last can say that all are
    // there.
    int64_t from = 0;
    int64_t to = 0;
    std::optional<uint64_t> if_sum;
    // The database has no item that a board of that sum lacks.
    bool complete = false;
    // Those whose number is not higher than what the board has are left out.
    std::vector<ControlItem> items;
  };
  // The head afterwards. ABORTED, and nothing is put: the board has another epoch, or another sum,
  // or is published to less than `from`.
  virtual absl::StatusOr<BoardHead> Add(const std::string& epoch, const Put& put,
                                        absl::Time deadline) = 0;

  // At most about 500 items or 4 MiB, more if one alone is larger. ABORTED: another epoch.
  virtual absl::StatusOr<BoardPage> Read(const std::string& epoch, int64_t after_position,
                                         absl::Time deadline) = 0;

  virtual absl::Status Report(const ReplicaReport& report, absl::Time deadline) = 0;
  // Those that reported within the last minute.
  virtual absl::StatusOr<std::vector<ReplicaReport>> Reports(absl::Time deadline) = 0;
};

}  // namespace quotaplane
