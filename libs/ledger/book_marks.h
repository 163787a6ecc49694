// What the counter store itself knows of its books: which counters have been filled from the ledger
// so far, and who is about to repair some. It lies beside the counters and is lost together with
// them: that is how a loss is noticed, after a restart of everybody too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

// Thread-safe. Blocks. Errors: the store is away.
class BookMarks {
 public:
  virtual ~BookMarks() = default;

  virtual int partitions() const = 0;
  virtual int PartitionOfOrg(std::string_view org) const = 0;

  // What Replace left for each partition; empty where there is none, or none any more.
  virtual absl::StatusOr<std::vector<std::string>> ReadAll() = 0;
  // Writes `mark` if the partition's is still `expected`. Returns whether it was.
  virtual absl::StatusOr<bool> Replace(int partition, const std::string& expected,
                                       const std::string& mark) = 0;

  // A lease: true if `owner` has it from now on for `time`, because nobody had it, or because it
  // was this owner's already.
  virtual absl::StatusOr<bool> Take(int partition, std::string_view lease, std::string_view owner,
                                    absl::Duration time) = 0;
  // Prolongs it: false if it is not the owner's any more, whoever has had it since.
  virtual absl::StatusOr<bool> Keep(int partition, std::string_view lease, std::string_view owner,
                                    absl::Duration time) = 0;
  // Gives it back, if it is the owner's.
  virtual absl::Status Give(int partition, std::string_view lease, std::string_view owner) = 0;
};

}  // namespace quotaplane
