// How often each method was called, how that ended, and how long it took: for metrics.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "libs/base/latency_histogram.h"
#include "libs/base/mutex.h"
#include "libs/metrics/family.h"

namespace quotaplane {

// What a call came to: a decision, none where the method decides nothing, or an error.
enum class CallOutcome { kNone, kAllow, kAllowSoft, kDeny, kError };
inline constexpr size_t kCallOutcomes = 5;

// "none", "allow", …
std::string_view CallOutcomeName(CallOutcome outcome);

// Of one method. Thread-safe, and as quick as LatencyHistogram.
class MethodMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // A call that began at `began` ends now. `code` is gRPC's (0: OK); of kError alone it counts.
  void Count(CallOutcome outcome, int code, Clock::time_point began);

 private:
  friend class RpcMeters;
  static constexpr size_t kCodes = 17;  // gRPC's, from OK to UNAUTHENTICATED

  std::array<LatencyHistogram, kCallOutcomes> durations_;
  std::array<std::atomic<int64_t>, kCodes> errors_ = {};
};

// Thread-safe.
class RpcMeters {
 public:
  // Of a method by its path, "/package.Service/Method", the same each time; lives as long as this
  // does. Paths are those that the server knows: whatever else is called has kUnknownMethod.
  MethodMeter* Of(const std::string& path);

  // quotaplane_rpc_requests_total and _duration_seconds: what happened, and 0 of what is expected.
  std::vector<metrics::Family> Collect() const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<MethodMeter>> meters_ ABSL_GUARDED_BY(mutex_);
};
inline constexpr char kUnknownMethod[] = "unknown";

}  // namespace quotaplane
