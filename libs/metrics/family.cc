#include "libs/metrics/family.h"

#include <iterator>
#include <memory>

#include "libs/base/mutex.h"

namespace quotaplane::metrics {
namespace {

// Divided by it, a bound is the number nearest to its decimals, and is printed as those.
constexpr double kNanos = 1e9;

Family Make(Family::Type type, std::string name, std::string help, std::vector<Sample> samples) {
  return {std::move(name), type, std::move(help), std::move(samples)};
}

}  // namespace

Family Gauge(std::string name, std::string help, double value) {
  return Make(Family::Type::kGauge, std::move(name), std::move(help), {{value}});
}
Family Counter(std::string name, std::string help, double value) {
  return Make(Family::Type::kCounter, std::move(name), std::move(help), {{value}});
}
Family Gauges(std::string name, std::string help, std::vector<Sample> samples) {
  return Make(Family::Type::kGauge, std::move(name), std::move(help), std::move(samples));
}
Family Counters(std::string name, std::string help, std::vector<Sample> samples) {
  return Make(Family::Type::kCounter, std::move(name), std::move(help), std::move(samples));
}
Family Histograms(std::string name, std::string help, std::vector<Sample> samples) {
  return Make(Family::Type::kHistogram, std::move(name), std::move(help), std::move(samples));
}

Sample LatencySample(const LatencyHistogram::Snapshot& latency, Labels labels) {
  Sample sample;
  sample.labels = std::move(labels);
  Distribution& distribution = sample.distribution;
  distribution.buckets.reserve(LatencyHistogram::kBoundsNs.size());
  for (size_t i = 0; i < LatencyHistogram::kBoundsNs.size(); ++i) {
    distribution.count += latency.counts[i];
    distribution.buckets.push_back(
        {static_cast<double>(LatencyHistogram::kBoundsNs[i]) / kNanos, distribution.count});
  }
  distribution.count += latency.counts.back();
  distribution.sum = static_cast<double>(latency.sum_ns) / kNanos;
  return sample;
}

Collector Shared(std::vector<Collector> collectors) {
  struct State {
    explicit State(std::vector<Collector> given) : collectors(std::move(given)) {}
    const std::vector<Collector> collectors;
    Mutex asked;
  };
  return [state = std::make_shared<State>(std::move(collectors))] {
    const MutexLock lock(state->asked);
    std::vector<Family> all;
    for (const Collector& collector : state->collectors) {
      std::vector<Family> more = collector();
      all.insert(all.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
    }
    return all;
  };
}

}  // namespace quotaplane::metrics
