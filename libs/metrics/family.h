// What is scraped: families of samples, as whoever has the values gives them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/latency_histogram.h"

namespace quotaplane::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Of a histogram: how many observations were at or below each bound, in ascending order; past the
// last one, `count` says.
struct Distribution {
  struct Bucket {
    double bound = 0;
    int64_t cumulative = 0;
  };
  std::vector<Bucket> buckets = {};
  int64_t count = 0;
  double sum = 0;
};

struct Sample {
  double value = 0;  // but of a histogram
  // Names and values; of bounded variety: no user, no id.
  Labels labels = {};
  Distribution distribution = {};  // of a histogram
};

// Named by Prometheus' conventions: base units, `_total` for counters.
struct Family {
  enum class Type { kGauge, kCounter, kHistogram };
  std::string name;
  Type type = Type::kGauge;
  std::string help;
  std::vector<Sample> samples;  // empty: unknown at present, and left out
};

// With one sample and no labels.
Family Gauge(std::string name, std::string help, double value);
Family Counter(std::string name, std::string help, double value);
// With samples to add.
Family Gauges(std::string name, std::string help, std::vector<Sample> samples = {});
Family Counters(std::string name, std::string help, std::vector<Sample> samples = {});
Family Histograms(std::string name, std::string help, std::vector<Sample> samples = {});

// In seconds.
Sample LatencySample(const LatencyHistogram::Snapshot& latency, Labels labels);

// Called for each scrape, on a thread of the exposer's, one at a time. May block for a second or
// so.
using Collector = std::function<std::vector<Family>()>;

// All of them as one, which several may ask: one at a time.
Collector Shared(std::vector<Collector> collectors);

}  // namespace quotaplane::metrics
