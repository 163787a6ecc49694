// How often Reserve refused whom, counted until somebody takes the counts to the ledger.
//
// A refusal changes nothing in the store, so nothing there could carry it to the ledger, and a
// round trip for each would make refusing as dear as allowing. It is counted here instead, by
// subject and minute: what a replica has counted and not yet handed on is lost when it is killed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "libs/base/hash.h"
#include "libs/base/mutex.h"
#include "libs/policy/subject.h"

namespace quotaplane {

struct RefusalLine {
  Subject subject;        // `model`: the one that was asked for
  int64_t minute_us = 0;  // start of the minute, by the counter store's clock
  int64_t count = 0;      // > 0

  friend bool operator==(const RefusalLine&, const RefusalLine&) = default;
};

// What is written to the ledger together, once: of one org.
struct RefusalBatch {
  std::string id;  // unique within the org
  std::string org;
  std::vector<RefusalLine> lines;

  friend bool operator==(const RefusalBatch&, const RefusalBatch&) = default;
};

// Thread-safe. One short lock per refusal; calls that are allowed never come here.
class RefusalCounts {
 public:
  // Subjects and minutes that are told apart until the next Take. Past these, refusals are summed
  // into one line per org and minute without the finer dimensions; past twice as many, they are
  // only counted as lost.
  explicit RefusalCounts(size_t most_lines = 10'000) : most_lines_(most_lines) {}

  void Count(const Subject& subject, int64_t at_us);

  struct Taken {
    std::vector<RefusalLine> lines;  // by org, in no order otherwise
    int64_t lost = 0;
  };
  // Everything counted since the last Take.
  Taken Take();

 private:
  bool Add(const Digest& key, const Subject& subject, int64_t minute_us, size_t most)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t most_lines_;
  Mutex mutex_;
  absl::flat_hash_map<Digest, RefusalLine> lines_ ABSL_GUARDED_BY(mutex_);
  int64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quotaplane
