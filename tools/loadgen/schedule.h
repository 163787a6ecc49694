// When each request of a paced run is due: the shape of a day, pressed into any time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane::loadgen {

// Immutable. Thread-safe.
class Schedule {
 public:
  // `weights` are the relative rates of equal parts of `duration`; within a part requests are
  // evenly spaced. Requires requests > 0. INVALID_ARGUMENT: a weight below zero, or none above it.
  static absl::StatusOr<Schedule> Make(const std::vector<double>& weights, int64_t requests,
                                       absl::Duration duration);

  // Since the start; grows with `index`, which is 0 to requests-1.
  absl::Duration DueAt(int64_t index) const;

 private:
  Schedule(std::vector<double> sums, int64_t requests, absl::Duration duration)
      : sums_(std::move(sums)), requests_(requests), duration_(duration) {}

  std::vector<double> sums_;  // of the weights up to and with each part; the last is the whole
  int64_t requests_;
  absl::Duration duration_;
};

// One weight a line. NOT_FOUND; INVALID_ARGUMENT with "FILE:LINE: what is wrong".
absl::StatusOr<std::vector<double>> ReadShape(const std::string& path);

}  // namespace quotaplane::loadgen
