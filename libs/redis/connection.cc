#include "libs/redis/connection.h"

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/redis/server_error.h"

namespace quotaplane::redis {
namespace {

constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";
constexpr absl::string_view kMayHaveRun = "; the command may or may not have run";
// A caller writes for others at most so often, then leaves the rest to the io thread.
constexpr int kRoundsForOthers = 8;
constexpr size_t kKeptBufferBytes = 1 << 20;
// What one tick adds to the silence at most: a process that was stopped or starved has not listened
// meanwhile.
constexpr auto kLongestTick = std::chrono::milliseconds(20);

// The connection whose replies this thread is handing out. What their callbacks submit to it leaves
// together after the last of them; callers on other threads do not wait for that.
thread_local const Connection* delivering = nullptr;

}  // namespace

Connection::Connection(Engine& engine, Endpoint endpoint, Handshake handshake, Owner* owner)
    : engine_(engine),
      endpoint_(std::move(endpoint)),
      transport_(MakeTransport(engine.io(), engine.tls(), endpoint_)),
      owner_(owner),
      handshake_(std::move(handshake)),
      connect_timer_(engine.io()) {}

absl::Status Connection::Lost(absl::string_view why) const {
  return absl::UnavailableError(absl::StrCat("Redis at ", endpoint_.ToString(), ": ", why));
}

void Connection::Start() {
  auto self = shared_from_this();
  engine_.Register(self);
  connect_timer_.expires_after(engine_.limits().connect_timeout);
  connect_timer_.async_wait([self](std::error_code error) {
    if (!error && !self->handshaken_)
      self->Close(self->Lost("no connection within the connect timeout"));
  });
  transport_->AsyncConnect([self](absl::Status status) { self->OnConnected(std::move(status)); });
}

void Connection::OnConnected(absl::Status status) {
  if (closed_) return;
  if (!status.ok()) return Close(Lost(status.message()));
  sending_ = EncodeHandshake();
  Write(0);
  ReadMore();
}

std::string Connection::EncodeHandshake() {
  std::string wire;
  const auto say = [&](Step step, std::initializer_list<std::string_view> args) {
    steps_.push_back(step);
    AppendCommand(wire, std::span(args.begin(), args.size()));
  };
  const Credentials& credentials = handshake_.credentials;
  if (!credentials.user.empty()) {
    say(Step::kAuth, {"AUTH", credentials.user, credentials.password});
  } else if (!credentials.password.empty()) {
    say(Step::kAuth, {"AUTH", credentials.password});
  }
  if (handshake_.db != 0) say(Step::kSelect, {"SELECT", std::to_string(handshake_.db)});
  if (handshake_.require_master) say(Step::kRole, {"ROLE"});
  for (const Script* script : handshake_.scripts)
    say(Step::kLoad, {"SCRIPT", "LOAD", script->source()});
  say(Step::kPing, {"PING"});
  return wire;
}

// False if it closed the connection.
bool Connection::TakeHandshakeReply(const ParsedReply& parsed) {
  const Step step = steps_[step_++];
  const Reply& reply = parsed.reply;
  if (parsed.is_error && step == Step::kAuth) {
    // The first word only: a server that does not know AUTH repeats its arguments.
    Close(Lost(absl::StrCat("AUTH refused: ", reply.text.substr(0, reply.text.find(' ')))));
  } else if (parsed.is_error) {
    Close(Lost(reply.text));
  } else if (step == Step::kRole &&
             (reply.elements.empty() || reply.elements[0].text != "master")) {
    Close(Lost("not a master"));
  } else if (step_ == steps_.size()) {
    handshaken_ = true;
    connect_timer_.cancel();
    {
      MutexLock lock(mu_);
      ready_ = true;
    }
    if (owner_ != nullptr) owner_->OnReady();
  }
  return !closed_;
}

Connection::Submitted Connection::Submit(Request& request) {
  bool write = false;
  {
    MutexLock lock(mu_);
    if (!ready_) return Submitted::kNotReady;
    if (waiting_.size() >= engine_.limits().max_pending) return Submitted::kFull;
    if (request.asking) out_ += kAsking;
    out_ += request.call.wire;
    waiting_.push_back(std::move(request));
    if (!writing_ && delivering != this) {
      write = writing_ = true;
      sending_.swap(out_);
    }
  }
  engine_.counters().pending.fetch_add(1, std::memory_order_relaxed);
  engine_.EnsureTicking();
  // Otherwise the writer, or the end of Deliver, looks at out_ once more.
  if (write) {
    if (transport_->CanSendFromAnyThread()) {
      SendDirectly();
    } else {
      SendOnIoThread(0);
    }
  }
  return Submitted::kYes;
}

void Connection::SendWhatCallbacksSubmitted() {
  {
    MutexLock lock(mu_);
    if (writing_ || out_.empty()) return;
    writing_ = true;
    sending_.swap(out_);
  }
  if (transport_->CanSendFromAnyThread()) {
    SendDirectly();
  } else {
    Write(0);
  }
}

// The caller is the writer, and sending_ is not empty.
void Connection::SendDirectly() {
  for (int round = 0; round < kRoundsForOthers; ++round) {
    std::error_code error;
    const size_t sent = transport_->TrySend(sending_, error);
    if (error) {
      // It stays the writer, so that nobody else tries.
      asio::post(engine_.io(),
                 [self = shared_from_this(), error] { self->Close(self->Lost(error.message())); });
      return;
    }
    if (sent < sending_.size()) return SendOnIoThread(sent);
    if (!TakeOutput()) return;
  }
  SendOnIoThread(0);
}

// The writer has sent what it had: takes what was appended meanwhile, or leaves (false).
bool Connection::TakeOutput() {
  if (sending_.capacity() > kKeptBufferBytes) sending_ = std::string();
  sending_.clear();
  MutexLock lock(mu_);
  if (out_.empty()) {
    writing_ = false;
    return false;
  }
  sending_.swap(out_);
  return true;
}

void Connection::SendOnIoThread(size_t from) {
  asio::post(engine_.io(), [self = shared_from_this(), from] { self->Write(from); });
}

void Connection::Write(size_t from) {
  if (closed_) return;
  transport_->AsyncWriteAll(std::string_view(sending_).substr(from),
                            [self = shared_from_this()](std::error_code error, size_t) {
                              if (self->closed_) return;
                              if (error) return self->Close(self->Lost(error.message()));
                              if (self->TakeOutput()) self->Write(0);
                            });
}

void Connection::ReadMore() {
  if (closed_) return;
  transport_->AsyncReadSome(buffer_.data(), buffer_.size(),
                            [self = shared_from_this()](std::error_code error, size_t size) {
                              self->OnRead(error, size);
                            });
}

void Connection::OnRead(std::error_code error, size_t size) {
  if (closed_) return;
  if (error) return Close(Lost(error.message()));
  silent_ = {};
  replies_.clear();
  const absl::Status parsed = parser_.Feed({buffer_.data(), size}, replies_);
  Deliver();
  if (closed_) return;
  if (!parsed.ok()) return Close(Lost(parsed.message()));
  ReadMore();
}

// Hands replies_ to those who wait for them.
void Connection::Deliver() {
  auto next = replies_.begin();
  while (!handshaken_ && next != replies_.end()) {
    if (!TakeHandshakeReply(*next++)) return;
  }
  auto kept = next;  // those that answer answered_, one each
  bool unasked = false;
  {
    MutexLock lock(mu_);
    for (; next != replies_.end(); ++next) {
      if (waiting_.empty()) {
        unasked = true;
        break;
      }
      if (waiting_.front().asking) {
        waiting_.front().asking = false;
        continue;
      }
      answered_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      if (kept != next) *kept = std::move(*next);
      ++kept;
    }
  }
  engine_.counters().pending.fetch_sub(static_cast<int64_t>(answered_.size()),
                                       std::memory_order_relaxed);
  auto reply = kept - static_cast<ptrdiff_t>(answered_.size());
  delivering = this;
  for (Request& request : answered_) {
    ParsedReply& parsed = *reply++;
    if (!request.done) continue;
    if (!parsed.is_error) {
      engine_.End(request, std::move(parsed.reply));
    } else if (owner_ != nullptr) {
      owner_->OnErrorReply(std::move(request), std::move(parsed.reply.text));
    } else {
      engine_.End(request, ServerErrorStatus(parsed.reply.text));
    }
  }
  delivering = nullptr;
  answered_.clear();
  SendWhatCallbacksSubmitted();
  if (unasked) Close(Lost("a reply nobody asked for"));
}

std::optional<SteadyTime> Connection::Tick(SteadyTime now) {
  if (closed_) return std::nullopt;
  std::optional<SteadyTime> earliest;
  std::vector<Request> expired;
  {
    MutexLock lock(mu_);
    for (Request& request : waiting_) {
      if (request.done && request.deadline <= now) {
        Request& late = expired.emplace_back();
        late.done = std::exchange(request.done, nullptr);
        late.internal = request.internal;
        request.call = {};
      }
      const SteadyTime at = request.done ? request.deadline : SteadyTime::max();
      earliest = std::min(earliest.value_or(SteadyTime::max()), at);
    }
  }
  const auto step = now - std::exchange(last_tick_, now);
  silent_ =
      earliest ? silent_ + std::min<std::chrono::nanoseconds>(step, kLongestTick) : silent_.zero();
  for (Request& request : expired) {
    engine_.End(request, absl::DeadlineExceededError(absl::StrCat("Redis at ", endpoint_.ToString(),
                                                                  ": no answer by the deadline",
                                                                  kMayHaveRun)));
  }
  if (silent_ >= engine_.limits().silence_timeout) Close(Lost("silent for too long"));
  return earliest;
}

bool Connection::HasPending() const {
  MutexLock lock(mu_);
  return !waiting_.empty();
}

void Connection::Close(const absl::Status& why) {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();
  std::deque<Request> ended;
  {
    MutexLock lock(mu_);
    ready_ = false;
    ended.swap(waiting_);
    out_.clear();
  }
  engine_.counters().pending.fetch_sub(static_cast<int64_t>(ended.size()),
                                       std::memory_order_relaxed);
  connect_timer_.cancel();
  transport_->Close();
  engine_.Unregister(self);
  // First, so that whoever learns of the loss from his call does not find the node still taking
  // calls.
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->OnClosed(why);
  const std::string text = absl::StrCat(why.message(), kMayHaveRun);
  for (Request& request : ended) {
    if (request.done) engine_.End(request, absl::Status(why.code(), text));
  }
}

}  // namespace quotaplane::redis
