// Traces and metrics of this process, to a collector of OpenTelemetry, where one is configured.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/metrics/family.h"
#include "libs/tracing/span_buffer.h"
#include "libs/tracing/tracer.h"
#include "services/otlp/otlp_exporter.h"
#include "services/otlp/otlp_options.h"
#include "services/quotaplane/serve.h"

namespace quotaplane {

class Telemetry {
 public:
  // INVALID_ARGUMENT, which names the option. `instance` tells this process from others.
  static absl::StatusOr<std::unique_ptr<Telemetry>> Load(const ServeOptions& options,
                                                         const std::string& instance);

  // Null: nothing is traced.
  const tracing::Tracer* tracer() const { return tracer_.has_value() ? &*tracer_ : nullptr; }

  // Sends from now on; nothing where no collector is configured. The exporter must go before this,
  // and before what the collectors ask.
  absl::StatusOr<std::unique_ptr<OtlpExporter>> Export(std::vector<metrics::Collector> collectors);

  // `exporter` may be null.
  std::vector<metrics::Family> Metrics(const OtlpExporter* exporter) const;

 private:
  Telemetry() = default;

  std::optional<OtlpOptions> options_;
  tracing::SpanBuffer spans_{kMostWaitingSpans};
  std::optional<tracing::Tracer> tracer_;

  // Some ten seconds of a thousand sampled calls each, about ten MB.
  static constexpr size_t kMostWaitingSpans = 20'000;
};

}  // namespace quotaplane
