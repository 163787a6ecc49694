// One server, for as long as the client wants to reach it: keeps one Connection to it, makes a new
// one after each loss, and refuses calls at once while there is none (the breaker).
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/redis/connection.h"
#include "libs/redis/engine.h"

namespace quotaplane::redis {

// Says where to connect to, each time anew: at once for a fixed address, after asking for Sentinel.
// On the io thread.
using EndpointSource = std::function<void(std::function<void(absl::StatusOr<Endpoint>)>)>;

class Node : public Connection::Owner, public std::enable_shared_from_this<Node> {
 public:
  // Told on the io thread.
  class Owner {
   public:
    virtual ~Owner() = default;
    // It became ready or was lost.
    virtual void OnNodeChanged(Node& node) = 0;
    // See Connection::Owner.
    virtual void OnErrorReply(Node& node, Request request, std::string message) = 0;
  };

  // `engine` and `owner` outlive it.
  Node(Engine& engine, Handshake handshake, EndpointSource source, Owner* owner);

  // On the io thread, as all that follows down to HasPending.
  void Start();
  // Drops the connection, if there is one, and makes a new one, asking the source again.
  void Reconnect(absl::string_view why);
  // For good: waiting calls end with `why`.
  void Stop(const absl::Status& why);
  bool HasPending() const;

  // Thread-safe. Ends the call at once if it cannot be taken.
  void Submit(Request request);
  bool ready() const;
  // Neither ready yet nor failed yet.
  bool fresh() const;
  // Of the last connection; the error of the last attempt.
  Endpoint endpoint() const;
  absl::Status error() const;

  void OnReady() override;
  void OnErrorReply(Request request, std::string message) override;
  void OnClosed(const absl::Status& why) override;

 private:
  void Connect();
  void Retry(const absl::Status& why);
  std::chrono::nanoseconds Backoff();

  Engine& engine_;
  const Handshake handshake_;
  const EndpointSource source_;
  Owner* const owner_;

  mutable Mutex mu_;
  std::shared_ptr<Connection> ready_ ABSL_GUARDED_BY(mu_);
  bool fresh_ ABSL_GUARDED_BY(mu_) = true;
  Endpoint endpoint_ ABSL_GUARDED_BY(mu_);
  absl::Status error_ ABSL_GUARDED_BY(mu_) = absl::UnavailableError("Redis: not connected yet");

  // On the io thread only.
  std::shared_ptr<Connection> connection_;  // being made or ready
  asio::steady_timer retry_timer_;
  std::minstd_rand random_{std::random_device{}()};
  bool stopped_ = false;
  bool was_ready_ = false;
  int failures_ = 0;
  SteadyTime ready_since_{};
};

}  // namespace quotaplane::redis
