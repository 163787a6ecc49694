// A TCP server on 127.0.0.1 that talks as a test wants: for protocols of which the test plays the
// other side.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/testing/free_port.h"
#include "libs/testing/tls_certificates.h"

namespace quotaplane::fixtures {

// One connection, for the handler's thread. What fails (the client is gone, the server goes down)
// returns false, and so does all that follows.
class SocketStream {
 public:
  virtual ~SocketStream() = default;
  // Up to and without "\n" or "\r\n"; at most 1 MiB.
  virtual bool ReadLine(std::string* line) = 0;
  virtual bool ReadBytes(size_t count, std::string* bytes) = 0;
  virtual bool Write(std::string_view bytes) = 0;
  // Shakes hands as the server, with the server's certificate.
  virtual bool StartTls() = 0;
  // Until the client has gone, or the server goes down.
  virtual void WaitForEnd() = 0;
};

class SocketServer {
 public:
  // Serves each connection with `handler` on a thread of its own; the connection is closed when it
  // returns. `tls`: the files for StartTls.
  explicit SocketServer(std::function<void(SocketStream&)> handler,
                        std::optional<TlsFiles> tls = std::nullopt);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  // Refuses connections, and ends those that there are. One thread at a time, as Up().
  void Down();
  // Serves again, on the same port.
  void Up();
  int port() const { return port_.port(); }

 private:
  class Listener;

  const std::function<void(SocketStream&)> handler_;
  const std::optional<TlsFiles> tls_;
  FreePort port_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace quotaplane::fixtures
