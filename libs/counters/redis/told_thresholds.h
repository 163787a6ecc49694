// What a replica knows to have been told: thresholds that its calls need not ask about any more.
//
// A budget at 60 % has passed its 50 % with every commit to come. Whether that was told is a mark
// in the store, which a commit must not read each time; so a replica that has seen the mark once
// remembers it. What it forgets or never knew costs one round trip more, and tells nothing twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "libs/base/hash.h"
#include "libs/base/mutex.h"
#include "libs/counters/counter_store.h"

namespace quotaplane {

// Thread-safe; one short lock a call.
class ToldThresholds {
 public:
  // Remembers `most_counters` at least, and at most twice as many: some 25 MB by default. Those not
  // used for long are forgotten first.
  explicit ToldThresholds(size_t most_counters = 100'000) : most_counters_(most_counters) {}

  // For each use, bit i where thresholds[i] is known to be told at `now_us`. Empty: none is of any.
  // `for_refusal`: that of a sliding window is known for its length, since a refusal may tell it
  // again then.
  std::vector<uint32_t> Known(std::span<const CounterUse> uses, int64_t now_us,
                              bool for_refusal = false);
  // The threshold was told at `told_us`, in a period that ends at `until_us`.
  void Add(const Digest& counter, int64_t threshold, int64_t told_us, int64_t until_us);

 private:
  struct Threshold {
    int64_t value;
    int64_t told_us;
  };
  struct Told {
    int64_t until_us = 0;
    absl::InlinedVector<Threshold, 3> thresholds;
  };
  using Counters = absl::flat_hash_map<Digest, Told>;

  Told* Find(const Digest& counter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t most_counters_;
  Mutex mutex_;
  // Whatever is used comes into the new ones; when these are full, the old ones go.
  Counters new_ ABSL_GUARDED_BY(mutex_);
  Counters old_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quotaplane
