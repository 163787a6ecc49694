// Begins spans, and decides which are sent: as the caller decided (its `traceparent`), and of calls
// that belong to no trace, a share.
//
// Thread-safe. A span that is not sampled costs no memory: its names and attributes are not kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/tracing/span.h"
#include "libs/tracing/span_buffer.h"
#include "libs/tracing/trace_context.h"

namespace quotaplane::tracing {

// A span under way. Movable; one thread at a time. End it once; one that is dropped is not sent.
class ActiveSpan {
 public:
  ActiveSpan() = default;  // of no trace: everything does nothing

  bool sampled() const { return buffer_ != nullptr; }
  const TraceContext& context() const { return span_.context; }

  void Set(std::string_view key, std::string_view value);
  void Set(std::string_view key, int64_t value);
  void Fail(std::string_view why);
  // A piece of this span. Not sampled where this one is not.
  ActiveSpan Child(std::string_view name, Span::Kind kind, int64_t start_ns) const;
  void End(int64_t end_ns);

 private:
  friend class Tracer;

  Span span_;
  SpanBuffer* buffer_ = nullptr;  // null: not sampled
};

class Tracer {
 public:
  // Of a span; what is past them is left out.
  static constexpr size_t kMostAttributes = 128;
  // tracestate past this is not carried.
  static constexpr size_t kMostTraceState = 512;

  // `share` of the traces that begin here are sampled, 0 to 1, decided by the trace's id, as all
  // samplers of OpenTelemetry do by their TraceIdRatioBased. `buffer` must outlive the tracer and
  // its spans.
  Tracer(double share, SpanBuffer* buffer);

  // Of a call whose headers are these; empty where it has none.
  ActiveSpan BeginCall(std::string_view name, std::string_view trace_parent,
                       std::string_view trace_state, int64_t start_ns) const;
  // What follows from a span of another process, or of an earlier time. Sampled as that is.
  ActiveSpan Continue(std::string_view name, Span::Kind kind, const TraceContext& parent,
                      int64_t start_ns) const;

 private:
  bool Samples(const TraceId& id) const;
  void Begin(std::string_view name, Span::Kind kind, const TraceId& trace, int64_t start_ns,
             ActiveSpan* span) const;

  const uint64_t bound_;  // of the id's last 63 bits, below which a trace is sampled
  SpanBuffer* const buffer_;
};

}  // namespace quotaplane::tracing
