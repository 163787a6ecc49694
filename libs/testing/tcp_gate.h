// A gate between a client and a server: a loopback TCP proxy whose behaviour a test switches while
// both run.
//
// Every fault a network can show is one mode, each deterministic: no probabilities, no clocks but
// the one of Delay.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace quotaplane::fixtures {

class TcpGate {
 public:
  // To 127.0.0.1:port. Listens on a port of its own from now on, in mode Pass.
  explicit TcpGate(int upstream_port);
  // To a unix socket.
  explicit TcpGate(const std::string& upstream_unix_path);
  // Closes every connection.
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  int port() const;  // on 127.0.0.1

  // The modes. Each takes effect before the call returns, for new connections and, except for
  // Refuse, for open ones. All calls are thread-safe.

  // Bytes go through both ways; what Hang or Delay held back goes through first.
  void Pass();
  // New connections are reset (the port stays taken, so nobody else can get it). Open ones go on as
  // they are; see DropConnections.
  void Refuse();
  // Connections are accepted and kept open; nothing is forwarded either way. Bytes that arrive are
  // kept (up to the socket buffers).
  void Hang();
  // As Pass, every byte `delay` later, each way.
  void Delay(absl::Duration delay);
  // As Pass until `reply_bytes` more bytes of the server's, summed over all connections, have gone
  // through. Then every open connection is closed in mid-reply (in order: the client gets exactly
  // those bytes, then the end of the stream), and the mode is Pass again. 0 closes at the first
  // byte of the next reply: the request has reached the server, its reply never comes back.
  void CutAfter(int64_t reply_bytes);

  // Resets every open connection now, whatever the mode.
  void DropConnections();

  struct Stats {
    int64_t accepted = 0;  // connections forwarded or hung
    int64_t refused = 0;   // by Refuse, or because the server did not take the connection
    int64_t dropped = 0;   // reset by CutAfter or DropConnections
    int64_t open = 0;
    int64_t to_server_bytes = 0;
    int64_t to_client_bytes = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quotaplane::fixtures
