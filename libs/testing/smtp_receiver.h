// An SMTP server on 127.0.0.1 that keeps the mail it is sent.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/testing/socket_server.h"

namespace quotaplane::fixtures {

struct SmtpReceived {
  std::string from;             // of the envelope
  std::vector<std::string> to;  // likewise
  std::string text;             // without the dots that SMTP adds; lines end in "\n"
  std::string login;            // what AUTH PLAIN said, decoded by nobody
  bool tls = false;
};

// Thread-safe, except for Down and Up.
class SmtpReceiver {
 public:
  // With `tls` it offers STARTTLS.
  explicit SmtpReceiver(std::optional<TlsFiles> tls = std::nullopt);
  ~SmtpReceiver();

  void Down() { server_->Down(); }
  void Up() { server_->Up(); }
  // The reply to a command ("RCPT", "DATA", "AUTH", or "." for the mail's end) of connections to
  // come, in place of the usual one: "550 no such user".
  void Reply(const std::string& command, const std::string& reply);

  std::string Url() const;
  std::vector<SmtpReceived> received() const;
  bool WaitFor(size_t count, absl::Duration timeout = absl::Seconds(30)) const;

 private:
  void Serve(SocketStream& stream);
  bool TakeMail(SocketStream& stream, const SmtpReceived& envelope);
  std::string ReplyTo(const std::string& command, const std::string& usual) const;

  const bool offers_tls_;
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  std::map<std::string, std::string> replies_;
  std::vector<SmtpReceived> received_;
  std::unique_ptr<SocketServer> server_;
};

}  // namespace quotaplane::fixtures
