// Sends spans and metrics to a collector, over OTLP/gRPC.
//
// A collector that is away costs nothing but telemetry: what waits is bounded (the buffer drops and
// counts), a call that may succeed later is made again after a pause, anything else is given up.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/metrics/family.h"
#include "libs/tracing/span_buffer.h"
#include "services/otlp/otlp_options.h"

namespace quotaplane {

class OtlpExporter {
 public:
  struct Stats {
    int64_t sent_spans = 0;
    int64_t lost_spans = 0;  // refused by the collector, or given up
    int64_t failures = 0;    // calls that failed, of either kind
    bool away = false;       // the last one did
  };

  // Starts one thread, which asks `collectors` every metric interval. `spans` must outlive the
  // exporter, and so must what the collectors read. INVALID_ARGUMENT where the authorities' file
  // cannot be read. A collector that is away is no reason not to start.
  static absl::StatusOr<std::unique_ptr<OtlpExporter>> Start(
      OtlpOptions options, tracing::SpanBuffer* spans, std::vector<metrics::Collector> collectors);
  // Breaks off the call under way, and sends what waits by one more, of at most two seconds.
  ~OtlpExporter();

  // Thread-safe.
  Stats stats() const;

 private:
  class Loop;
  explicit OtlpExporter(std::unique_ptr<Loop> loop);

  const std::unique_ptr<Loop> loop_;
};

}  // namespace quotaplane
