#include "libs/redis/engine.h"

#include <algorithm>
#include <asio/post.hpp>
#include <cassert>
#include <utility>

#include "libs/redis/connection.h"

namespace quotaplane::redis {
namespace {

constexpr auto kTick = std::chrono::milliseconds(5);
constexpr auto kShortestTick = std::chrono::microseconds(500);
constexpr int kIdleTicks = 200;

}  // namespace

Engine::Engine(const Limits& limits, std::unique_ptr<asio::ssl::context> tls)
    : limits_(limits), tls_(std::move(tls)) {}

Engine::~Engine() { assert(!thread_.joinable()); }

void Engine::Start() {
  thread_ = std::thread([this] { io_.run(); });
}

void Engine::Stop(std::function<void()> first) {
  asio::post(io_, [this, first = std::move(first)] {
    first();
    while (!connections_.empty()) {
      const std::shared_ptr<Connection> connection = *connections_.begin();
      connection->Close(absl::CancelledError("the Redis client is shutting down"));
    }
    io_.stop();
  });
  thread_.join();
}

void Engine::End(Request& request, absl::StatusOr<Reply> result) {
  if (!request.internal) {
    counters_.calls.fetch_add(1, std::memory_order_relaxed);
    if (!result.ok()) counters_.errors.fetch_add(1, std::memory_order_relaxed);
    if (request.began != SteadyTime()) {
      counters_.latency.Record(std::chrono::steady_clock::now() - request.began);
    }
  }
  Callback done = std::exchange(request.done, nullptr);
  done(std::move(result));
}

void Engine::ArmTick() {
  asio::post(io_, [this] {
    idle_ticks_ = 0;
    Tick();
  });
}

void Engine::Tick() {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = now + kTick;
  bool pending = false;
  ticked_.assign(connections_.begin(), connections_.end());  // callbacks may open and close others
  for (const auto& connection : ticked_) {
    if (const auto earliest = connection->Tick(now)) {
      pending = true;
      next = std::min(next, *earliest);
    }
  }
  ticked_.clear();
  idle_ticks_ = pending ? 0 : idle_ticks_ + 1;
  if (idle_ticks_ > kIdleTicks) {
    // Either a call that is being added sees the flag down and arms the tick, or it is seen here:
    // both sides take the connection's lock in between.
    ticking_.store(false);
    if (!AnyPending() || ticking_.exchange(true)) return;
  }
  tick_timer_.expires_at(std::max(next, now + kShortestTick));
  tick_timer_.async_wait([this](std::error_code error) {
    if (!error) Tick();
  });
}

bool Engine::AnyPending() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->HasPending(); });
}

}  // namespace quotaplane::redis
