// What is asked of a process over HTTP, on one port: GET /metrics, what Prometheus scrapes;
// /healthz, whether it lives; /readyz, whether it takes calls. The only user of prometheus-cpp and
// of civetweb, its server.
//
// Values are asked for when they are scraped, from whoever has them: nothing is counted twice, and
// nothing is paid where nobody looks. Scrapes are worked out one at a time and at a low priority:
// they give way to calls.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/metrics/family.h"

namespace quotaplane::metrics {

struct ExposerOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::vector<Collector> collectors = {};
  // What /readyz says: 200 or 503. Thread-safe, and quick. Absent: 200.
  std::function<bool()> ready = {};
};

class Exposer {
 public:
  // UNAVAILABLE if the address cannot be bound. Starts a few threads.
  static absl::StatusOr<std::unique_ptr<Exposer>> Start(ExposerOptions options);
  // Waits for the scrapes under way.
  ~Exposer();

  const std::string& address() const { return address_; }

 private:
  struct Impl;
  Exposer(std::unique_ptr<Impl> impl, std::string address);

  std::unique_ptr<Impl> impl_;
  const std::string address_;
};

// All that the collectors give, as Prometheus' text.
std::string Render(const std::vector<Collector>& collectors);

}  // namespace quotaplane::metrics
