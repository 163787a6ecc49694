#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>

#include "libs/metrics/exposer.h"

namespace quotaplane::metrics {
namespace {

prometheus::MetricType TypeOf(Family::Type type) {
  switch (type) {
    case Family::Type::kGauge:
      return prometheus::MetricType::Gauge;
    case Family::Type::kCounter:
      return prometheus::MetricType::Counter;
    case Family::Type::kHistogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

prometheus::ClientMetric::Histogram Convert(const Distribution& distribution) {
  prometheus::ClientMetric::Histogram converted;
  converted.sample_count = static_cast<uint64_t>(distribution.count);
  converted.sample_sum = distribution.sum;
  converted.bucket.reserve(distribution.buckets.size());
  for (const Distribution::Bucket& bucket : distribution.buckets) {
    converted.bucket.push_back({static_cast<uint64_t>(bucket.cumulative), bucket.bound});
  }
  return converted;
}

// Takes the strings with it: of ten thousand series, copies would be half of the work.
prometheus::MetricFamily Convert(Family family) {
  prometheus::MetricFamily converted;
  converted.name = std::move(family.name);
  converted.help = std::move(family.help);
  converted.type = TypeOf(family.type);
  converted.metric.reserve(family.samples.size());
  for (Sample& sample : family.samples) {
    prometheus::ClientMetric& metric = converted.metric.emplace_back();
    if (family.type == Family::Type::kHistogram) {
      metric.histogram = Convert(sample.distribution);
    } else {
      (family.type == Family::Type::kCounter ? metric.counter.value : metric.gauge.value) =
          sample.value;
    }
    metric.label.reserve(sample.labels.size());
    for (auto& [name, value] : sample.labels) {
      metric.label.push_back({std::move(name), std::move(value)});
    }
  }
  return converted;
}

}  // namespace

std::string Render(const std::vector<Collector>& collectors) {
  std::vector<prometheus::MetricFamily> all;
  for (const Collector& collector : collectors) {
    for (Family& family : collector()) {
      if (!family.samples.empty()) all.push_back(Convert(std::move(family)));
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, all);
  return std::move(text).str();
}

}  // namespace quotaplane::metrics
