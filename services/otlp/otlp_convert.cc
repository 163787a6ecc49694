#include "services/otlp/otlp_convert.h"

#include <algorithm>
#include <string>

namespace quotaplane {
namespace {

using otlp::common::v1::KeyValue;

constexpr char kScope[] = "quotaplane";
constexpr uint32_t kSampledFlag = 0x01;
// It is known whether the parent is in another process; it is.
constexpr uint32_t kKnowsIfRemote = 0x100;
constexpr uint32_t kRemote = 0x200;

template <typename Id>
std::string Bytes(const Id& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

void Add(const std::string& key, const std::string& value,
         google::protobuf::RepeatedPtrField<KeyValue>* to) {
  KeyValue* added = to->Add();
  added->set_key(key);
  added->mutable_value()->set_string_value(value);
}

void Add(const KeyValues& pairs, google::protobuf::RepeatedPtrField<KeyValue>* to) {
  for (const auto& [key, value] : pairs) Add(key, value, to);
}

otlp::trace::v1::Span::SpanKind KindOf(tracing::Span::Kind kind) {
  using Out = otlp::trace::v1::Span;
  switch (kind) {
    case tracing::Span::Kind::kInternal:
      return Out::SPAN_KIND_INTERNAL;
    case tracing::Span::Kind::kServer:
      return Out::SPAN_KIND_SERVER;
    case tracing::Span::Kind::kClient:
      return Out::SPAN_KIND_CLIENT;
    case tracing::Span::Kind::kConsumer:
      return Out::SPAN_KIND_CONSUMER;
  }
  return Out::SPAN_KIND_UNSPECIFIED;
}

void Convert(const tracing::Span& span, otlp::trace::v1::Span* out) {
  out->set_trace_id(Bytes(span.context.trace_id));
  out->set_span_id(Bytes(span.context.span_id));
  out->set_trace_state(span.trace_state);
  if (span.parent != tracing::SpanId{}) out->set_parent_span_id(Bytes(span.parent));
  out->set_name(span.name);
  out->set_kind(KindOf(span.kind));
  out->set_start_time_unix_nano(static_cast<uint64_t>(span.start_ns));
  out->set_end_time_unix_nano(static_cast<uint64_t>(span.end_ns));
  for (const auto& [key, value] : span.attributes) {
    KeyValue* added = out->add_attributes();
    added->set_key(key);
    if (const auto* const number = std::get_if<int64_t>(&value)) {
      added->mutable_value()->set_int_value(*number);
    } else {
      added->mutable_value()->set_string_value(std::get<std::string>(value));
    }
  }
  if (span.failed) {
    out->mutable_status()->set_code(otlp::trace::v1::Status::STATUS_CODE_ERROR);
    out->mutable_status()->set_message(span.message);
  }
  out->set_flags(kSampledFlag | kKnowsIfRemote | (span.remote_parent ? kRemote : 0));
}

void Convert(const metrics::Sample& sample, int64_t now_ns,
             otlp::metrics::v1::NumberDataPoint* out) {
  out->set_time_unix_nano(static_cast<uint64_t>(now_ns));
  out->set_as_double(sample.value);
  Add(sample.labels, out->mutable_attributes());
}

// Prometheus counts what is at most a bucket's bound, OTLP what is above the bound before it.
void Convert(const metrics::Distribution& distribution,
             otlp::metrics::v1::HistogramDataPoint* out) {
  int64_t before = 0;
  for (const auto& [bound, cumulative] : distribution.buckets) {
    out->add_explicit_bounds(bound);
    out->add_bucket_counts(static_cast<uint64_t>(cumulative - before));
    before = cumulative;
  }
  out->add_bucket_counts(static_cast<uint64_t>(distribution.count - before));
  out->set_count(static_cast<uint64_t>(distribution.count));
  out->set_sum(distribution.sum);
}

}  // namespace

otlp::collector::trace::v1::ExportTraceServiceRequest ToOtlp(
    const std::vector<tracing::Span>& spans, const KeyValues& resource) {
  otlp::collector::trace::v1::ExportTraceServiceRequest request;
  auto* const of_resource = request.add_resource_spans();
  Add(resource, of_resource->mutable_resource()->mutable_attributes());
  auto* const of_scope = of_resource->add_scope_spans();
  of_scope->mutable_scope()->set_name(kScope);
  for (const tracing::Span& span : spans) Convert(span, of_scope->add_spans());
  return request;
}

otlp::collector::metrics::v1::ExportMetricsServiceRequest ToOtlp(
    const std::vector<metrics::Family>& families, int64_t start_ns, int64_t now_ns,
    const KeyValues& resource) {
  otlp::collector::metrics::v1::ExportMetricsServiceRequest request;
  auto* const of_resource = request.add_resource_metrics();
  Add(resource, of_resource->mutable_resource()->mutable_attributes());
  auto* const of_scope = of_resource->add_scope_metrics();
  of_scope->mutable_scope()->set_name(kScope);
  for (const metrics::Family& family : families) {
    if (family.samples.empty()) continue;
    otlp::metrics::v1::Metric* metric = of_scope->add_metrics();
    metric->set_name(family.name);
    metric->set_description(family.help);
    if (family.type == metrics::Family::Type::kGauge) {
      for (const metrics::Sample& sample : family.samples) {
        Convert(sample, now_ns, metric->mutable_gauge()->add_data_points());
      }
      continue;
    }
    if (family.type == metrics::Family::Type::kHistogram) {
      auto* const histogram = metric->mutable_histogram();
      histogram->set_aggregation_temporality(otlp::metrics::v1::AGGREGATION_TEMPORALITY_CUMULATIVE);
      for (const metrics::Sample& sample : family.samples) {
        auto* const point = histogram->add_data_points();
        point->set_start_time_unix_nano(static_cast<uint64_t>(start_ns));
        point->set_time_unix_nano(static_cast<uint64_t>(now_ns));
        Convert(sample.distribution, point);
        Add(sample.labels, point->mutable_attributes());
      }
      continue;
    }
    auto* const sum = metric->mutable_sum();
    sum->set_is_monotonic(true);
    sum->set_aggregation_temporality(otlp::metrics::v1::AGGREGATION_TEMPORALITY_CUMULATIVE);
    for (const metrics::Sample& sample : family.samples) {
      auto* const point = sum->add_data_points();
      point->set_start_time_unix_nano(static_cast<uint64_t>(start_ns));
      Convert(sample, now_ns, point);
    }
  }
  return request;
}

}  // namespace quotaplane
