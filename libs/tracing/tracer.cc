#include "libs/tracing/tracer.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>

#include "libs/base/random.h"

namespace quotaplane::tracing {
namespace {

constexpr uint64_t kShareRange = uint64_t{1} << 63;

// One for each thread: no lock, and no call of the system but the first. Ids need to differ, not to
// be secret.
std::mt19937_64& Random() {
  thread_local std::mt19937_64 random = [] {
    const std::string bytes = RandomBytes(64);
    std::seed_seq seed(bytes.begin(), bytes.end());
    return std::mt19937_64(seed);
  }();
  return random;
}

template <typename Id>
Id NewId() {
  Id id;
  for (size_t at = 0; at < id.size(); at += 8) {
    uint64_t bits = Random()();
    while (bits == 0) bits = Random()();  // zero would be no id
    for (size_t i = 0; i < 8; ++i) id[at + i] = static_cast<uint8_t>(bits >> (8 * i));
  }
  return id;
}

uint64_t BoundOf(double share) {
  if (!(share > 0)) return 0;
  if (share >= 1) return kShareRange;
  return static_cast<uint64_t>(std::ldexp(share, 63));
}

}  // namespace

void ActiveSpan::Set(std::string_view key, std::string_view value) {
  if (!sampled() || span_.attributes.size() >= Tracer::kMostAttributes) return;
  span_.attributes.emplace_back(key, std::string(value));
}

void ActiveSpan::Set(std::string_view key, int64_t value) {
  if (!sampled() || span_.attributes.size() >= Tracer::kMostAttributes) return;
  span_.attributes.emplace_back(key, value);
}

void ActiveSpan::Fail(std::string_view why) {
  if (!sampled()) return;
  span_.failed = true;
  span_.message = why;
}

ActiveSpan ActiveSpan::Child(std::string_view name, Span::Kind kind, int64_t start_ns) const {
  ActiveSpan child;
  if (!sampled()) return child;
  child.buffer_ = buffer_;
  child.span_.context = {span_.context.trace_id, NewId<SpanId>(), true};
  child.span_.parent = span_.context.span_id;
  child.span_.trace_state = span_.trace_state;
  child.span_.name = name;
  child.span_.kind = kind;
  child.span_.start_ns = start_ns;
  return child;
}

void ActiveSpan::End(int64_t end_ns) {
  if (!sampled()) return;
  // A clock that was set back meanwhile makes no span that ends before it begins.
  span_.end_ns = std::max(end_ns, span_.start_ns);
  std::exchange(buffer_, nullptr)->Add(std::move(span_));
}

Tracer::Tracer(double share, SpanBuffer* buffer) : bound_(BoundOf(share)), buffer_(buffer) {}

bool Tracer::Samples(const TraceId& id) const {
  uint64_t last = 0;
  for (size_t i = 8; i < 16; ++i) last = last << 8 | id[i];
  return last >> 1 < bound_;
}

ActiveSpan Tracer::BeginCall(std::string_view name, std::string_view trace_parent,
                             std::string_view trace_state, int64_t start_ns) const {
  ActiveSpan span;
  if (const std::optional<TraceContext> caller = ParseTraceParent(trace_parent)) {
    span = Continue(name, Span::Kind::kServer, *caller, start_ns);
    if (span.sampled() && trace_state.size() <= kMostTraceState) {
      span.span_.trace_state = trace_state;
    }
    return span;
  }
  // A trace that nobody has begun: most are not sampled, and those need no id.
  if (bound_ == 0) return span;
  const TraceId trace = NewId<TraceId>();
  if (!Samples(trace)) return span;
  Begin(name, Span::Kind::kServer, trace, start_ns, &span);
  return span;
}

ActiveSpan Tracer::Continue(std::string_view name, Span::Kind kind, const TraceContext& parent,
                            int64_t start_ns) const {
  ActiveSpan span;
  if (!parent.sampled) return span;
  Begin(name, kind, parent.trace_id, start_ns, &span);
  span.span_.parent = parent.span_id;
  span.span_.remote_parent = true;
  return span;
}

void Tracer::Begin(std::string_view name, Span::Kind kind, const TraceId& trace, int64_t start_ns,
                   ActiveSpan* span) const {
  span->span_.context = {trace, NewId<SpanId>(), true};
  span->span_.name = name;
  span->span_.kind = kind;
  span->span_.start_ns = start_ns;
  span->buffer_ = buffer_;
}

}  // namespace quotaplane::tracing
