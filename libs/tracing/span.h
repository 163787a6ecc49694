// One piece of work in a trace, as it is sent to a collector.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "libs/tracing/trace_context.h"

namespace quotaplane::tracing {

struct Span {
  enum class Kind { kInternal, kServer, kClient, kConsumer };
  using Value = std::variant<std::string, int64_t>;

  TraceContext context;
  SpanId parent = {};  // all zero: the first of its trace
  bool remote_parent = false;
  std::string trace_state;  // the caller's, as it came; empty: none
  std::string name;
  Kind kind = Kind::kInternal;
  int64_t start_ns = 0;  // since 1970, by the process's clock
  int64_t end_ns = 0;
  // By the semantic conventions of OpenTelemetry. No prompt, no name of a person, no secret.
  std::vector<std::pair<std::string, Value>> attributes;
  bool failed = false;
  std::string message;  // why, where it failed
};

}  // namespace quotaplane::tracing
