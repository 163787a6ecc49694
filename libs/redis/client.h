// A Redis client for the hot path: pipelined, bounded, never blocking its callers, healing by
// itself. The only user of hiredis, which formats commands and parses replies here; bytes move over
// Asio sockets.
//
// Topologies, by URL:
//   unix:///run/redis.sock                      redis://[user[:password]@]host:port[/db]
//   rediss://…?cafile=F[&certfile=F&keyfile=F]  TLS 1.2+, the host name is verified
//   redis+sentinel://h1:p,h2:p/master-name      rediss+sentinel:// with TLS; follows the master
//   redis+cluster://h1:p,h2:p                   rediss+cluster://; slot map, MOVED, ASK
//
// Behaviour in trouble:
// - Every call has a deadline and is answered by then, or a tick (5 ms) later: with the reply, with
//   DEADLINE_EXCEEDED, or UNAVAILABLE. After either error the command may or may not have run
//   (absl::Status payload-free; callers are idempotent by id).
// - A connection that has been silent for `silence_timeout` while a call waits is closed: its
//   waiting calls end with UNAVAILABLE, it reconnects with jittered backoff (10 ms to 1 s), and
//   until a connection is ready (AUTH, scripts loaded, PING answered) calls to that node fail at
//   once with UNAVAILABLE: that is the breaker, and it keeps an outage's stall to the calls that
//   were already under way.
// - At most `max_pending` calls wait per node; one more is RESOURCE_EXHAUSTED. A call that has
//   timed out counts until its late reply has come or the connection is closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/latency_histogram.h"

namespace quotaplane::redis {

// A reply, owned. Errors from the server never appear here: they are an absl::Status (see
// Callback).
struct Reply {
  enum class Type { kNil, kInteger, kString, kArray };
  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;             // kString (bulk or status)
  std::vector<Reply> elements;  // kArray
};

// Server errors: FAILED_PRECONDITION with the server's message, except OOM, LOADING, READONLY,
// CLUSTERDOWN, MASTERDOWN, TRYAGAIN, BUSY, MISCONF and NOREPLICAS, which are UNAVAILABLE ("the
// store cannot serve now"). Called once per call, on the client's thread (or, for calls refused at
// once, on the caller's). Must not block, nor destroy the client; it may call it again, and what
// the callbacks of one batch of replies send leaves in one write.
using Callback = absl::AnyInvocable<void(absl::StatusOr<Reply>)>;

// A Lua script, loaded on every node when it connects and called by its SHA-1. Give each to Start;
// it outlives the client.
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return source_; }
  const std::string& sha1_hex() const { return sha1_hex_; }

 private:
  std::string source_;
  std::string sha1_hex_;
};

struct ClientOptions {
  std::string url;
  absl::Duration connect_timeout = absl::Seconds(1);
  absl::Duration silence_timeout = absl::Milliseconds(250);
  int max_pending = 10'000;  // per node
  // Password from elsewhere than the URL wins over it; empty means the URL's.
  std::string password;
};

using SteadyTime = std::chrono::steady_clock::time_point;

class Client {
 public:
  // INVALID_ARGUMENT for a malformed URL (the message never shows the password). Connects in the
  // background; starts one thread.
  static absl::StatusOr<std::unique_ptr<Client>> Start(ClientOptions options,
                                                       std::vector<const Script*> scripts);
  // Ends every waiting call with CANCELLED, then stops. No callback runs afterwards. While nobody
  // else is in a method of it, and not on the client's thread.
  virtual ~Client() = default;

  // Runs `args` on the master that owns the slot of `key` (in a Cluster; elsewhere `key` is
  // ignored). Thread-safe.
  virtual void Call(std::string_view key, const std::vector<std::string_view>& args,
                    SteadyTime deadline, Callback done) = 0;

  // EVALSHA; a server that has lost the script (SCRIPT FLUSH) gets EVAL once, transparently. keys
  // must share a slot. Thread-safe.
  virtual void RunScript(const Script& script, const std::vector<std::string_view>& keys,
                         const std::vector<std::string_view>& args, SteadyTime deadline,
                         Callback done) = 0;

  // Runs `args` on every known master; the reply is an array with one element each. For scans and
  // checks, not for the hot path.
  virtual void CallEachMaster(const std::vector<std::string_view>& args, SteadyTime deadline,
                              Callback done) = 0;

  // Whether the node that owns `key` would take a call now. Thread-safe.
  virtual bool Available(std::string_view key) const = 0;
  // Waits until every known master takes calls, DEADLINE_EXCEEDED with the last connection error
  // otherwise. Not on the client's thread.
  virtual absl::Status WaitReady(absl::Duration timeout) = 0;

  struct Stats {
    int64_t calls = 0, errors = 0, reconnects = 0, redirects = 0, rejected_full = 0;
    int64_t pending = 0;
    LatencyHistogram::Snapshot latency = {};  // of calls, to their replies or errors
  };
  virtual Stats stats() const = 0;
};

// Blocking calls for tools, tests and start-up; never on the client's thread.
absl::StatusOr<Reply> CallAndWait(Client& client, std::string_view key,
                                  const std::vector<std::string_view>& args,
                                  absl::Duration timeout);

}  // namespace quotaplane::redis
