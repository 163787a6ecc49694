#include "libs/redis/node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/log/log.h"

namespace quotaplane::redis {
namespace {

constexpr std::chrono::nanoseconds kFirstBackoff = std::chrono::milliseconds(10);
constexpr std::chrono::nanoseconds kLongestBackoff = std::chrono::seconds(1);
constexpr int kDoublings = 7;
// A connection that lasted so long starts the backoff anew.
constexpr auto kStable = std::chrono::milliseconds(100);

}  // namespace

Node::Node(Engine& engine, Handshake handshake, EndpointSource source, Owner* owner)
    : engine_(engine),
      handshake_(std::move(handshake)),
      source_(std::move(source)),
      owner_(owner),
      retry_timer_(engine.io()) {}

void Node::Start() { Connect(); }

void Node::Connect() {
  source_([self = shared_from_this()](absl::StatusOr<Endpoint> endpoint) {
    if (self->stopped_) return;
    if (!endpoint.ok()) return self->Retry(endpoint.status());
    {
      MutexLock lock(self->mu_);
      self->endpoint_ = *endpoint;
    }
    self->connection_ = std::make_shared<Connection>(self->engine_, *std::move(endpoint),
                                                     self->handshake_, self.get());
    self->connection_->Start();
  });
}

void Node::OnReady() {
  ready_since_ = std::chrono::steady_clock::now();
  {
    MutexLock lock(mu_);
    ready_ = connection_;
    fresh_ = false;
    error_ = absl::OkStatus();
  }
  if (was_ready_) engine_.counters().reconnects.fetch_add(1, std::memory_order_relaxed);
  LogInfo("Redis at {}: {}", connection_->endpoint().ToString(),
          was_ready_ ? "connected again" : "connected");
  was_ready_ = true;
  owner_->OnNodeChanged(*this);
}

void Node::OnErrorReply(Request request, std::string message) {
  owner_->OnErrorReply(*this, std::move(request), std::move(message));
}

void Node::OnClosed(const absl::Status& why) {
  connection_ = nullptr;
  if (!stopped_) Retry(why);
}

void Node::Retry(const absl::Status& why) {
  bool first = false;
  {
    MutexLock lock(mu_);
    first = fresh_ || ready_ != nullptr;  // later failures of the same outage are not logged
    ready_ = nullptr;
    fresh_ = false;
    error_ = Unshared(why);
  }
  if (first)
    LogWarning("{}; calls are refused until a connection is ready", std::string(why.message()));
  if (ready_since_ != SteadyTime{} && std::chrono::steady_clock::now() - ready_since_ > kStable)
    failures_ = 0;
  ready_since_ = {};
  retry_timer_.expires_after(Backoff());
  retry_timer_.async_wait([weak = weak_from_this()](std::error_code error) {
    const auto self = weak.lock();
    if (!error && self && !self->stopped_) self->Connect();
  });
  owner_->OnNodeChanged(*this);
}

std::chrono::nanoseconds Node::Backoff() {
  const auto longest = std::min(kLongestBackoff, kFirstBackoff * (1 << failures_));
  failures_ = std::min(failures_ + 1, kDoublings);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      longest * std::uniform_real_distribution<double>(0.5, 1.0)(random_));
}

void Node::Reconnect(absl::string_view why) {
  if (connection_ == nullptr) return;  // about to do so anyway
  const auto connection = connection_;
  connection->Close(absl::UnavailableError(
      absl::StrCat("Redis at ", connection->endpoint().ToString(), ": ", why)));
}

void Node::Stop(const absl::Status& why) {
  stopped_ = true;
  retry_timer_.cancel();
  {
    MutexLock lock(mu_);
    ready_ = nullptr;
    fresh_ = false;
    error_ = Unshared(why);
  }
  if (const auto connection = std::exchange(connection_, nullptr)) {
    connection->Abandon();
    connection->Close(why);
  }
}

bool Node::HasPending() const { return connection_ != nullptr && connection_->HasPending(); }

void Node::Submit(Request request) {
  std::shared_ptr<Connection> connection;
  absl::Status error;
  {
    MutexLock lock(mu_);
    connection = ready_;
    if (connection == nullptr) error = Unshared(error_);
  }
  if (connection != nullptr) {
    switch (connection->Submit(request)) {
      case Connection::Submitted::kYes:
        return;
      case Connection::Submitted::kFull:
        engine_.counters().rejected_full.fetch_add(1, std::memory_order_relaxed);
        return engine_.End(
            request, absl::ResourceExhaustedError(absl::StrCat(
                         "Redis at ", connection->endpoint().ToString(), ": too many calls wait")));
      case Connection::Submitted::kNotReady:
        error = absl::UnavailableError(absl::StrCat("Redis at ", connection->endpoint().ToString(),
                                                    ": the connection was lost"));
    }
  }
  engine_.End(request, std::move(error));
}

bool Node::ready() const {
  MutexLock lock(mu_);
  return ready_ != nullptr;
}

bool Node::fresh() const {
  MutexLock lock(mu_);
  return fresh_;
}

Endpoint Node::endpoint() const {
  MutexLock lock(mu_);
  return endpoint_;
}

absl::Status Node::error() const {
  MutexLock lock(mu_);
  return Unshared(error_);
}

}  // namespace quotaplane::redis
