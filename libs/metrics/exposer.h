// What Prometheus scrapes: GET /metrics over HTTP. The only user of prometheus-cpp.
//
// Values are asked for when they are scraped, from whoever has them: nothing is counted twice, and
// nothing is paid where nobody looks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane::metrics {

struct Sample {
  double value = 0;
  // Names and values; of bounded variety: no user, no id.
  std::vector<std::pair<std::string, std::string>> labels = {};
};

// Named by Prometheus' conventions: base units, `_total` for counters.
struct Family {
  enum class Type { kGauge, kCounter };
  std::string name;
  Type type = Type::kGauge;
  std::string help;
  std::vector<Sample> samples;  // empty: unknown at present, and left out
};

// Called for each scrape, on a thread of the exposer's, by two at once at most. May block for a
// second or so.
using Collector = std::function<std::vector<Family>()>;

class Exposer {
 public:
  // `listen` is HOST:PORT; port 0 takes a free one. UNAVAILABLE if it cannot be bound. Starts a few
  // threads. Asks all of `collectors`.
  static absl::StatusOr<std::unique_ptr<Exposer>> Start(const std::string& listen,
                                                        std::vector<Collector> collectors);
  // Waits for the scrapes under way.
  ~Exposer();

  const std::string& address() const { return address_; }

 private:
  struct Impl;
  Exposer(std::unique_ptr<Impl> impl, std::string address);

  std::unique_ptr<Impl> impl_;
  const std::string address_;
};

}  // namespace quotaplane::metrics
