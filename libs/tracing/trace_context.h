// Which trace a call belongs to: W3C Trace Context, level 1 (`traceparent`, `tracestate`).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quotaplane::tracing {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

struct TraceContext {
  TraceId trace_id = {};  // never all zero in a context that was parsed or begun
  SpanId span_id = {};    // the same
  bool sampled = false;

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// Nothing where the header is not one, or names no trace: the call then begins a trace of its own,
// as the recommendation asks. Versions to come are read as far as version 00 goes.
std::optional<TraceContext> ParseTraceParent(std::string_view header);
// "00-TRACE-SPAN-01", 55 characters.
std::string FormatTraceParent(const TraceContext& context);

// The same in 25 bytes, for a record that is kept. Nothing where the bytes are not such.
std::string PackTraceContext(const TraceContext& context);
std::optional<TraceContext> UnpackTraceContext(std::string_view bytes);

}  // namespace quotaplane::tracing
