// Keeps a replica like the board: a thread that looks at its head several times a second, reads
// what is new, hands it to a sink, writes it down, and reports how far it is. items.h says what it
// notices, and how.
//
// A start hands over what was saved, before the constructor returns; so a replica whose store is
// away works by its last state, and says how old that is.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/control/item_saver.h"
#include "libs/control/items.h"
#include "libs/spool/file_ops.h"

namespace quotaplane {

class ItemSink {
 public:
  virtual ~ItemSink() = default;

  // Ordered by number; each name at most once; whole changes, each of which is to take force in one
  // step. Called by one thread at a time. What it cannot use it leaves as it was, and counts.
  virtual void Apply(const std::vector<ControlItem>& items) = 0;

  struct Counts {
    int64_t keys = 0;
    int64_t orgs = 0;      // with a policy of their own
    int64_t rejected = 0;  // items whose last body could not be used
  };
  virtual Counts counts() const = 0;  // thread-safe
};

struct FollowerOptions {
  std::string replica;  // in reports; no two share it
  absl::Duration poll = absl::Milliseconds(100);
  absl::Duration report_every = absl::Seconds(2);
  // What is wrong with this replica (ReplicaReport::conditions): quick. Null: nothing ever is.
  std::function<std::string()> conditions = nullptr;
  // Of a call to the board.
  absl::Duration timeout = absl::Seconds(5);
  // How often it is written down that nothing has changed.
  absl::Duration save_contact_every = absl::Seconds(10);
  // Between two times that everything is read again because sums differ: doubled each time, up to
  // the second, until they agree.
  absl::Duration first_reread = absl::Seconds(1);
  absl::Duration longest_reread = absl::Minutes(5);
  std::function<int64_t()> now_us;  // the local clock
  spool::FileOps* disk = &spool::FileOps::System();
};

struct FollowerStatus {
  FollowedPosition at;
  int64_t items = 0;
  bool from_disk = false;  // there was no contact since the start
  bool away = false;       // the last look failed
  std::string error;       // why
  std::string save_error;  // empty: the disk has it all
  int64_t looks = 0;
  int64_t rereads = 0;  // of everything
};

class Follower {
 public:
  // Hands what is in `saved_dir` (empty: nothing is saved) to the sink and starts one thread. A
  // disk that does not work is told, and done without. `board` and `sink` must outlive it.
  Follower(ItemBoard* board, const std::string& saved_dir, ItemSink* sink, FollowerOptions options);
  ~Follower();

  // Waits until it has what the board has (also: that there is none); false after `timeout`.
  bool WaitForBoard(absl::Duration timeout);

  // Thread-safe.
  FollowerStatus status() const;

 private:
  enum class Look { kCurrent, kNew, kWaiting };

  void LoadSaved(const std::string& saved_dir);
  void Run();
  void Round();
  // Makes this replica like the board; kWaiting: the board is not complete.
  absl::StatusOr<Look> Follow();
  // `head` follows the board. kWaiting: it has a part of a change, of which nothing is applied.
  absl::StatusOr<Look> ReadNew(BoardHead* head);
  absl::StatusOr<Look> ReadAll(BoardHead head);
  // These are all items: what else there was has been taken away.
  void TakeOver(const std::vector<ControlItem>& items);
  // Everything after `position`, and the position after it.
  absl::StatusOr<std::vector<ControlItem>> ReadAfter(const BoardHead& head, int64_t* position);
  // Everything, as of some moment, and the board's head of then. ABORTED: it does not hold still,
  // or is damaged.
  absl::StatusOr<std::vector<ControlItem>> ReadWhole(BoardHead* head);
  // Whether it has what the board has; if so, notes it.
  bool Agree(const BoardHead& head);
  // Items that are newer than what there is.
  std::vector<ControlItem> Newer(std::vector<ControlItem> items) const;
  void Apply(const std::vector<ControlItem>& items);
  void Remember(const ControlItem& item);
  void Save(bool whole, std::vector<ControlItem> items);
  void Report(bool moved);
  absl::Time Deadline() const;

  ItemBoard* const board_;
  ItemSink* const sink_;
  const FollowerOptions options_;

  std::unique_ptr<ItemSaver> saver_;  // null: nothing is saved
  // The thread's own.
  FollowedPosition at_;
  // Read after at_, and not applied, since a part of a change is among it.
  struct Unapplied {
    std::string epoch;
    int64_t position = 0;
    std::vector<ControlItem> items;
  };
  Unapplied unapplied_;
  absl::flat_hash_map<std::string, int64_t> numbers_;  // by name
  uint64_t sum_ = 0;
  int64_t saved_contact_us_ = 0;
  absl::Time next_report_ = absl::InfinitePast();
  absl::Time next_reread_ = absl::InfinitePast();
  absl::Duration reread_pause_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool contact_ ABSL_GUARDED_BY(mutex_) = false;
  FollowerStatus status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace quotaplane
