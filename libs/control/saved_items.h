// What a replica knows, on its disk, for a start while the store is away.
//
// DIR/items-N is a sequence of frames (libs/spool/frame.h), each a batch (item_batch.h): the first
// has everything, those after it what changed. When the changes outgrow it, a file of the next N is
// begun; the one before stays until the one after is there. Every batch is flushed, so a kill or a
// power cut costs at most the last one. A file that is damaged counts up to the damage; one whose
// first batch is damaged does not count at all, and the one before takes its place. What is missing
// then comes from the board: each state knows its own position.
//
// DIR/lock keeps a second process out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/item_batch.h"
#include "libs/spool/file_ops.h"

namespace quotaplane {

// One thread at a time.
class SavedItems {
 public:
  struct Found {
    ItemBatch state;     // whole; no epoch: nothing was saved
    std::string damage;  // what could not be read; empty: all could
  };

  // Makes `dir` where it is missing. FAILED_PRECONDITION: another process has it.
  // RESOURCE_EXHAUSTED, INTERNAL: the disk. `ops` must outlive it.
  static absl::StatusOr<std::unique_ptr<SavedItems>> Open(
      const std::string& dir, Found* found, spool::FileOps& ops = spool::FileOps::System());

  // Durable on return. After an error nothing but a whole batch is taken (FAILED_PRECONDITION):
  // what it would add to is not there.
  absl::Status Save(const ItemBatch& batch);

  // Of both files together.
  int64_t bytes() const { return bytes_ + older_bytes_; }

 private:
  SavedItems(std::string dir, std::unique_ptr<spool::File> lock, spool::FileOps& ops)
      : dir_(std::move(dir)), lock_(std::move(lock)), ops_(ops) {}

  std::string PathOf(int64_t generation) const;
  std::vector<int64_t> Generations() const;  // ascending
  // Everything in a file. DATA_LOSS: it does not count at all. `end`: where the whole frames end.
  absl::StatusOr<ItemBatch> Load(int64_t generation, int64_t* end, uint64_t* frames,
                                 std::string* damage) const;
  absl::Status Append(const ItemBatch& batch);
  absl::Status BeginNext(const ItemBatch& whole);
  // All but the newest and the one before it.
  void RemoveOthers(int64_t newest);

  const std::string dir_;
  const std::unique_ptr<spool::File> lock_;
  spool::FileOps& ops_;
  int64_t generation_ = 0;
  std::unique_ptr<spool::File> file_;  // null: a whole batch has to come first
  uint64_t frames_ = 0;
  int64_t whole_bytes_ = 0;
  int64_t bytes_ = 0;
  int64_t older_bytes_ = 0;
};

}  // namespace quotaplane
