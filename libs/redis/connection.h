// One connection to one server, from connecting to its end: it never comes back (a Node makes the
// next one).
//
// Calls are pipelined. A caller appends its command under the lock; if nobody is writing it becomes
// the writer and sends without blocking, taking along what others have appended meanwhile (so a
// burst from many threads is few system calls, and a lone call goes out without waking another
// thread). What the socket does not take at once, and all of TLS, is left to the io thread. Replies
// come in the order of the commands; they are read, parsed and handed out there.
#pragma once

#include <array>
#include <asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/base/mutex.h"
#include "libs/redis/engine.h"
#include "libs/redis/request.h"
#include "libs/redis/resp.h"
#include "libs/redis/transport.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

// What is said on a new connection before it takes calls.
struct Handshake {
  Credentials credentials;
  int db = 0;
  bool require_master = false;
  std::vector<const Script*> scripts = {};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Told on the io thread.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnReady() = 0;
    // An error reply. The owner answers the call or sends it again, here or elsewhere.
    virtual void OnErrorReply(Request request, std::string message) = 0;
    // The last word; its waiting calls are answered next.
    virtual void OnClosed(const absl::Status& why) = 0;
  };
  enum class Submitted { kYes, kNotReady, kFull };

  // `owner` lives until OnClosed or Abandon.
  Connection(Engine& engine, Endpoint endpoint, Handshake handshake, Owner* owner);

  // On the io thread, once. It is closed if it is not ready within the connect timeout.
  void Start();

  // Takes `request` over, or leaves it as it is. Thread-safe, never blocks.
  Submitted Submit(Request& request);

  // Answers the waiting calls with `why`. What was sent is not sent again, here or ever: it may
  // have run. On the io thread.
  void Close(const absl::Status& why);
  void Abandon() { owner_ = nullptr; }

  // Ends calls past their deadline; closes a silent connection. The earliest deadline left if a
  // call waits. On the io thread.
  std::optional<SteadyTime> Tick(SteadyTime now);

  bool HasPending() const;
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  enum class Step { kAuth, kSelect, kLoad, kRole, kPing };

  void OnConnected(absl::Status status);
  std::string EncodeHandshake();
  bool TakeHandshakeReply(const ParsedReply& parsed);
  void ReadMore();
  void OnRead(std::error_code error, size_t size);
  void Deliver();
  void SendDirectly();
  void SendWhatCallbacksSubmitted();
  bool TakeOutput();
  void SendOnIoThread(size_t from);
  void Write(size_t from);
  // Of a failure of this connection, for those who wait.
  absl::Status Lost(absl::string_view why) const;

  Engine& engine_;
  const Endpoint endpoint_;
  const std::unique_ptr<Transport> transport_;

  mutable Mutex mu_;
  bool ready_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) =
      true;                               // somebody owns sending_ and the transport's write side
  std::string out_ ABSL_GUARDED_BY(mu_);  // appended by callers, taken as a whole by the writer
  std::deque<Request> waiting_ ABSL_GUARDED_BY(mu_);  // sent or in out_, in this order

  std::string sending_;  // the writer's

  // On the io thread only.
  Owner* owner_;
  Handshake handshake_;
  std::vector<Step> steps_;
  size_t step_ = 0;
  bool handshaken_ = false;
  bool closed_ = false;
  asio::steady_timer connect_timer_;
  ReplyParser parser_;
  std::vector<ParsedReply> replies_;
  std::vector<Request> answered_;
  SteadyTime last_tick_{};
  std::chrono::nanoseconds silent_{0};
  std::array<char, 64 << 10> buffer_;
};

}  // namespace quotaplane::redis
