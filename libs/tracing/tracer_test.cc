#include "libs/tracing/tracer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "libs/tracing/span_buffer.h"

namespace quotaplane::tracing {
namespace {

constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kNotSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

TEST(Tracer, ContinuesTheCallersTrace) {
  SpanBuffer buffer(10);
  const Tracer tracer(0, &buffer);
  ActiveSpan call = tracer.BeginCall("Reserve", kSampled, "vendor=1", 100);
  call.Set("rpc.method", "Reserve");
  ActiveSpan store = call.Child("counters", Span::Kind::kClient, 110);
  store.End(120);
  call.End(130);
  const std::vector<Span> spans = buffer.Take(10);
  ASSERT_EQ(spans.size(), 2u);
  const TraceContext caller = *ParseTraceParent(kSampled);
  EXPECT_EQ(spans[1].context.trace_id, caller.trace_id);
  EXPECT_EQ(spans[1].parent, caller.span_id);
  EXPECT_TRUE(spans[1].remote_parent);
  EXPECT_EQ(spans[1].trace_state, "vendor=1");
  EXPECT_EQ(spans[1].start_ns, 100);
  EXPECT_EQ(spans[1].end_ns, 130);
  EXPECT_NE(spans[1].context.span_id, caller.span_id);
  EXPECT_EQ(spans[0].context.trace_id, caller.trace_id);
  EXPECT_EQ(spans[0].parent, spans[1].context.span_id);
  EXPECT_FALSE(spans[0].remote_parent);
}

TEST(Tracer, DoesAsTheCallerDecidedWhateverItsShare) {
  SpanBuffer buffer(10);
  const Tracer all(1, &buffer);
  ActiveSpan call = all.BeginCall("Reserve", kNotSampled, "", 1);
  EXPECT_FALSE(call.sampled());
  EXPECT_FALSE(call.Child("counters", Span::Kind::kClient, 1).sampled());
  call.Set("key", "value");
  call.End(2);
  EXPECT_EQ(buffer.stats().added, 0);
}

TEST(Tracer, SamplesItsShareOfCallsWithoutATrace) {
  SpanBuffer buffer(1);
  for (const double share : {0.0, 0.1, 0.5, 1.0}) {
    const Tracer tracer(share, &buffer);
    constexpr int kCalls = 20'000;
    int sampled = 0;
    for (int i = 0; i < kCalls; ++i) sampled += tracer.BeginCall("R", "", "", 1).sampled() ? 1 : 0;
    // Six standard deviations.
    EXPECT_NEAR(sampled, share * kCalls, 6 * std::sqrt(kCalls * share * (1 - share))) << share;
  }
}

TEST(Tracer, AHeaderThatIsNoneBeginsATrace) {
  SpanBuffer buffer(10);
  const Tracer tracer(1, &buffer);
  tracer.BeginCall("Reserve", "00-nonsense", "vendor=1", 1).End(2);
  const std::vector<Span> spans = buffer.Take(10);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].parent, SpanId{});
  EXPECT_EQ(spans[0].trace_state, "") << "it belongs to a trace that is not continued";
}

TEST(Tracer, IdsDiffer) {
  SpanBuffer buffer(100'000);
  const Tracer tracer(1, &buffer);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) tracer.BeginCall("R", "", "", 1).End(2);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<TraceId> traces;
  std::set<SpanId> spans;
  for (const Span& span : buffer.Take(100'000)) {
    traces.insert(span.context.trace_id);
    spans.insert(span.context.span_id);
  }
  EXPECT_EQ(traces.size(), 4000u);
  EXPECT_EQ(spans.size(), 4000u);
}

TEST(Tracer, ASpanHasABound) {
  SpanBuffer buffer(10);
  const Tracer tracer(1, &buffer);
  ActiveSpan span =
      tracer.Continue("ledger", Span::Kind::kConsumer, *ParseTraceParent(kSampled), 5);
  for (int i = 0; i < 1000; ++i) span.Set("key", i);
  span.End(4);  // the clock was set back
  const std::vector<Span> spans = buffer.Take(1);
  EXPECT_EQ(spans[0].attributes.size(), Tracer::kMostAttributes);
  EXPECT_EQ(spans[0].end_ns, 5);
  ActiveSpan call = tracer.BeginCall("R", kSampled, std::string(513, 'x'), 1);
  call.End(2);
  EXPECT_EQ(buffer.Take(1)[0].trace_state, "");
}

TEST(SpanBuffer, DropsAndCountsPastItsBound) {
  SpanBuffer buffer(3);
  for (int i = 0; i < 5; ++i) {
    Span span;
    span.name = std::to_string(i);
    buffer.Add(std::move(span));
  }
  EXPECT_EQ(buffer.stats().added, 3);
  EXPECT_EQ(buffer.stats().dropped, 2);
  EXPECT_EQ(buffer.stats().waiting, 3u);
  EXPECT_EQ(buffer.Take(2).back().name, "1");
  EXPECT_EQ(buffer.Take(2).back().name, "2");
  EXPECT_TRUE(buffer.Take(2).empty());
}

}  // namespace
}  // namespace quotaplane::tracing
