// A TCP port on 127.0.0.1 which nobody else has and nobody else will be given.
//
// "Bind port 0, close, use the number" hands one port to two tests sooner or later. Here a port is
// leased: a lock on the byte at offset PORT of one registry file in /tmp (an open-file-description
// lock, which the kernel drops when the holder dies), and a trial bind against strangers. The ports
// lie in 20000-31999, under the kernel's ephemeral range, so that no outgoing connection takes one
// between two starts of a server. A lease lasts as long as the object: the server behind it may be
// stopped and started again on the same port.
#pragma once

namespace quotaplane::fixtures {

// Aborts where no port is free. Thread-safe across objects.
class FreePort {
 public:
  FreePort();
  ~FreePort();
  FreePort(FreePort&& other) noexcept;
  FreePort& operator=(FreePort&& other) noexcept;

  int port() const { return port_; }

 private:
  int lock_fd_ = -1;
  int port_ = 0;
};

}  // namespace quotaplane::fixtures
