// One e-mail to one SMTP server. Blocks.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace quotaplane {

struct SmtpMail {
  std::string server;  // smtp://host:port; smtps://host:port is TLS from the first byte
  enum class StartTls { kRequired, kIfOffered, kOff };
  StartTls start_tls = StartTls::kRequired;  // of smtp://
  std::string user = {};                     // empty: no log-in
  std::string password = {};
  std::string ca_file = {};  // as in HttpRequest
  std::string from;          // addresses: IsEmailAddress
  std::vector<std::string> to;
  std::string text;  // header and body; lines end in CRLF
  absl::Duration timeout = absl::Seconds(10);
};

// OK: the server took it, for one of the addresses at least. UNAVAILABLE: it did not answer, or
// says that it cannot now (4xx). FAILED_PRECONDITION: it refused (5xx). INVALID_ARGUMENT: an
// address is none. Given up soon after `*stop` is true. Thread-safe.
absl::Status SendSmtp(const SmtpMail& mail, const std::atomic<bool>* stop);

// "name@host" in plain ASCII without what would need quotes, at most 254 bytes.
bool IsEmailAddress(std::string_view text);

}  // namespace quotaplane
