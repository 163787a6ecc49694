// Spans on their way to the exporter: bounded, never waits. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/tracing/span.h"

namespace quotaplane::tracing {

class SpanBuffer {
 public:
  explicit SpanBuffer(size_t most) : most_(most) {}

  // Where it is full, the span is dropped and counted: a collector that is away costs traces, never
  // a request.
  void Add(Span span);
  // The oldest `most` spans at the most, in order.
  std::vector<Span> Take(size_t most);

  struct Stats {
    int64_t added = 0;
    int64_t dropped = 0;
    size_t waiting = 0;
  };
  Stats stats() const;

 private:
  const size_t most_;
  mutable Mutex mutex_;
  std::vector<Span> spans_ ABSL_GUARDED_BY(mutex_);
  int64_t added_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quotaplane::tracing
