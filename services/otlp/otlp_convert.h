// Spans and metrics -> OTLP messages.
#pragma once

#include <opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h>
#include <opentelemetry/proto/collector/trace/v1/trace_service.pb.h>

#include <cstdint>
#include <vector>

#include "libs/metrics/family.h"
#include "libs/tracing/span.h"
#include "services/otlp/otlp_options.h"

namespace quotaplane {

namespace otlp = opentelemetry::proto;

otlp::collector::trace::v1::ExportTraceServiceRequest ToOtlp(
    const std::vector<tracing::Span>& spans, const KeyValues& resource);

// `start_ns`: since when counters count, `now_ns`: as of when; both since 1970. Families without
// samples are left out, as in a scrape.
otlp::collector::metrics::v1::ExportMetricsServiceRequest ToOtlp(
    const std::vector<metrics::Family>& families, int64_t start_ns, int64_t now_ns,
    const KeyValues& resource);

}  // namespace quotaplane
