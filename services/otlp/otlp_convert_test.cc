#include "services/otlp/otlp_convert.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quotaplane {
namespace {

const KeyValues kResource = {{"service.name", "quotaplane"}};

TEST(OtlpSpans, HaveEverythingThatASpanHas) {
  tracing::Span span;
  span.context =
      *tracing::ParseTraceParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  span.parent = {1, 2, 3, 4, 5, 6, 7, 8};
  span.remote_parent = true;
  span.trace_state = "vendor=1";
  span.name = "quotaplane.v1.QuotaService/Reserve";
  span.kind = tracing::Span::Kind::kServer;
  span.start_ns = 1'790'000'000'000'000'001;
  span.end_ns = 1'790'000'000'000'000'002;
  span.attributes = {{"rpc.method", std::string("Reserve")}, {"count", int64_t{3}}};
  span.failed = true;
  span.message = "why";
  const auto request = ToOtlp(std::vector<tracing::Span>{span}, kResource);
  ASSERT_EQ(request.resource_spans_size(), 1);
  EXPECT_EQ(request.resource_spans(0).resource().attributes(0).key(), "service.name");
  const auto& out = request.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_EQ(out.trace_id().size(), 16u);
  EXPECT_EQ(out.trace_id()[0], '\x4b');
  EXPECT_EQ(out.span_id().size(), 8u);
  EXPECT_EQ(out.parent_span_id(), std::string("\1\2\3\4\5\6\7\10"));
  EXPECT_EQ(out.trace_state(), "vendor=1");
  EXPECT_EQ(out.kind(), otlp::trace::v1::Span::SPAN_KIND_SERVER);
  EXPECT_EQ(out.start_time_unix_nano(), 1'790'000'000'000'000'001u);
  EXPECT_EQ(out.end_time_unix_nano(), 1'790'000'000'000'000'002u);
  EXPECT_EQ(out.attributes(0).value().string_value(), "Reserve");
  EXPECT_EQ(out.attributes(1).value().int_value(), 3);
  EXPECT_EQ(out.status().code(), otlp::trace::v1::Status::STATUS_CODE_ERROR);
  EXPECT_EQ(out.flags(), 0x301u);
}

TEST(OtlpSpans, TheFirstOfATraceHasNoParent) {
  tracing::Span span;
  const auto request = ToOtlp(std::vector<tracing::Span>{span}, kResource);
  const auto& out = request.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_EQ(out.parent_span_id(), "");
  EXPECT_EQ(out.flags(), 0x101u);
  EXPECT_FALSE(out.has_status());
}

TEST(OtlpMetrics, CountersAreCumulativeSumsAndGaugesAreGauges) {
  using metrics::Family;
  const std::vector<Family> families = {
      {"a_total", Family::Type::kCounter, "Help.", {{7, {{"role", "quota"}}}}},
      {"b", Family::Type::kGauge, "Other help.", {{1.5, {}}, {2.5, {}}}},
      {"unknown", Family::Type::kGauge, "Nothing at present.", {}}};
  const auto request = ToOtlp(families, 10, 20, kResource);
  const auto& metrics = request.resource_metrics(0).scope_metrics(0).metrics();
  ASSERT_EQ(metrics.size(), 2);
  EXPECT_EQ(metrics[0].name(), "a_total");
  EXPECT_EQ(metrics[0].description(), "Help.");
  EXPECT_TRUE(metrics[0].sum().is_monotonic());
  EXPECT_EQ(metrics[0].sum().aggregation_temporality(),
            otlp::metrics::v1::AGGREGATION_TEMPORALITY_CUMULATIVE);
  const auto& point = metrics[0].sum().data_points(0);
  EXPECT_EQ(point.start_time_unix_nano(), 10u);
  EXPECT_EQ(point.time_unix_nano(), 20u);
  EXPECT_EQ(point.as_double(), 7);
  EXPECT_EQ(point.attributes(0).value().string_value(), "quota");
  EXPECT_EQ(metrics[1].gauge().data_points_size(), 2);
  EXPECT_EQ(metrics[1].gauge().data_points(1).as_double(), 2.5);
}

TEST(OtlpMetrics, BucketsOfAHistogramCountWhatIsInThem) {
  metrics::Sample sample;
  sample.labels = {{"method", "Reserve"}};
  sample.distribution = {{{0.1, 2}, {0.5, 2}, {1, 5}}, 7, 12.5};
  const auto request =
      ToOtlp(std::vector<metrics::Family>{metrics::Histograms("h_seconds", "Help.", {sample})}, 10,
             20, kResource);
  const auto& histogram = request.resource_metrics(0).scope_metrics(0).metrics(0).histogram();
  EXPECT_EQ(histogram.aggregation_temporality(),
            otlp::metrics::v1::AGGREGATION_TEMPORALITY_CUMULATIVE);
  const auto& point = histogram.data_points(0);
  EXPECT_EQ(std::vector<double>(point.explicit_bounds().begin(), point.explicit_bounds().end()),
            (std::vector<double>{0.1, 0.5, 1}));
  EXPECT_EQ(std::vector<uint64_t>(point.bucket_counts().begin(), point.bucket_counts().end()),
            (std::vector<uint64_t>{2, 0, 3, 2}));
  EXPECT_EQ(point.count(), 7u);
  EXPECT_EQ(point.sum(), 12.5);
  EXPECT_EQ(point.start_time_unix_nano(), 10u);
  EXPECT_EQ(point.attributes(0).value().string_value(), "Reserve");
}

}  // namespace
}  // namespace quotaplane
