// What came of calls, by slices of the time in which they were due: a call that had to wait belongs
// to the moment that made it wait.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace quotaplane::loadgen {

// Thread-safe.
class Timeline {
 public:
  static constexpr absl::Duration kSlice = absl::Milliseconds(250);

  explicit Timeline(absl::Time start) : start_(start) {}

  // `call` and `outcome` are words for whoever reads the file; `due` is when the caller wanted it,
  // from which `latency` counts.
  void Add(std::string_view call, absl::Time due, std::string_view outcome, absl::Duration latency);

  // A line of JSON for each slice that has any, in order:
  //   {"start_ms": 1764194000250, "reserve": {"allowed": 70, "us": [[415, 66], [895, 4]]}}
  // `us` has latencies as [at most so many microseconds, how many], to 1/16 exact.
  std::string AsJsonLines() const;

 private:
  struct Calls {
    std::map<std::string, int64_t, std::less<>> outcomes;
    std::map<int, int64_t> latencies;  // by bucket
  };

  const absl::Time start_;
  mutable std::mutex mutex_;
  std::map<int64_t, std::map<std::string, Calls, std::less<>>> slices_;  // guarded by mutex_
};

}  // namespace quotaplane::loadgen
