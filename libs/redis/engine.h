// What all connections of a client share: the io thread, its clock tick, TLS, limits and counters.
//
// Deadlines and silence are found by one tick of at most 5 ms over all connections instead of a
// timer per call: setting a timer would wake the io thread for every call. The tick stops a second
// after the last call.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ssl/context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/redis/client.h"
#include "libs/redis/request.h"

namespace quotaplane::redis {

class Connection;

struct Limits {
  std::chrono::nanoseconds connect_timeout;
  std::chrono::nanoseconds silence_timeout;
  size_t max_pending = 0;  // per connection
};

struct Counters {
  std::atomic<int64_t> calls = 0, errors = 0, reconnects = 0, redirects = 0, rejected_full = 0,
                       pending = 0;
  LatencyHistogram latency;
};

class Engine {
 public:
  Engine(const Limits& limits, std::unique_ptr<asio::ssl::context> tls);  // `tls` null: plain
  ~Engine();  // after Stop, where Start was called

  void Start();
  // Runs `first` on the io thread, closes every connection with CANCELLED, and joins the thread.
  // Not on the io thread.
  void Stop(std::function<void()> first);

  asio::io_context& io() { return io_; }
  asio::ssl::context* tls() { return tls_.get(); }
  const Limits& limits() const { return limits_; }
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }

  // A connection is kept alive, and ticked, while it is registered. On the io thread.
  void Register(std::shared_ptr<Connection> connection) {
    connections_.insert(std::move(connection));
  }
  void Unregister(const std::shared_ptr<Connection>& connection) { connections_.erase(connection); }

  // Makes sure that the tick runs. To be called after each new pending call; thread-safe and cheap.
  void EnsureTicking() {
    if (!ticking_.load() && !ticking_.exchange(true)) ArmTick();
  }

  // Answers a call: counts it and runs its callback. No lock may be held. Thread-safe.
  void End(Request& request, absl::StatusOr<Reply> result);

 private:
  void ArmTick();
  void Tick();
  bool AnyPending() const;

  const Limits limits_;
  const std::unique_ptr<asio::ssl::context> tls_;
  Counters counters_;
  std::atomic<bool> ticking_ = false;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};

  // On the io thread only.
  asio::steady_timer tick_timer_{io_};
  absl::flat_hash_set<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> ticked_;
  int idle_ticks_ = 0;

  std::thread thread_;
};

}  // namespace quotaplane::redis
