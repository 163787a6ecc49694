#include "libs/metrics/exposer.h"

#include <netdb.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace quotaplane::metrics {
namespace {

constexpr size_t kThreads = 2;
constexpr absl::Duration kKnockAgain = absl::Milliseconds(20);

prometheus::MetricFamily Convert(const Family& family) {
  const bool counter = family.type == Family::Type::kCounter;
  prometheus::MetricFamily converted;
  converted.name = family.name;
  converted.help = family.help;
  converted.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  for (const Sample& sample : family.samples) {
    prometheus::ClientMetric& metric = converted.metric.emplace_back();
    (counter ? metric.counter.value : metric.gauge.value) = sample.value;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  }
  return converted;
}

class Collected : public prometheus::Collectable {
 public:
  explicit Collected(std::vector<Collector> collectors) : collectors_(std::move(collectors)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> all;
    for (const Collector& collector : collectors_) {
      for (const Family& family : collector()) {
        if (!family.samples.empty()) all.push_back(Convert(family));
      }
    }
    return all;
  }

 private:
  const std::vector<Collector> collectors_;
};

// Connects to our own address, and goes.
void Knock(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) return;
  const int knocking =
      socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (knocking >= 0) {
    static_cast<void>(connect(knocking, found->ai_addr, found->ai_addrlen));
    close(knocking);
  }
  freeaddrinfo(found);
}

}  // namespace

struct Exposer::Impl {
  std::shared_ptr<Collected> collected;
  std::unique_ptr<prometheus::Exposer> exposer;
};

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Start(const std::string& listen,
                                                        std::vector<Collector> collectors) {
  auto impl = std::make_unique<Impl>();
  impl->collected = std::make_shared<Collected>(std::move(collectors));
  // The library says by exceptions what is wrong.
  try {
    impl->exposer = std::make_unique<prometheus::Exposer>(listen, kThreads);
    impl->exposer->RegisterCollectable(impl->collected);
  } catch (const std::exception&) {
    return absl::UnavailableError(absl::StrCat(
        "cannot serve metrics on ", listen, ": is it taken, or not an address of this machine?"));
  }
  const std::vector<int> ports = impl->exposer->GetListeningPorts();
  if (ports.empty()) return absl::UnavailableError(absl::StrCat("no port is bound by ", listen));
  std::string address = absl::StrCat(listen.substr(0, listen.rfind(':') + 1), ports.front());
  return std::unique_ptr<Exposer>(new Exposer(std::move(impl), std::move(address)));
}

Exposer::Exposer(std::unique_ptr<Impl> impl, std::string address)
    : impl_(std::move(impl)), address_(std::move(address)) {}

// The library's server looks every two seconds whether it is to stop, and whenever somebody
// connects: a server that has drained shall not wait for that.
Exposer::~Exposer() {
  absl::Notification stopped;
  std::thread stopping([&] {
    impl_->exposer.reset();
    stopped.Notify();
  });
  while (!stopped.WaitForNotificationWithTimeout(kKnockAgain)) Knock(address_);
  stopping.join();
}

}  // namespace quotaplane::metrics
