// One HTTP request and its answer, bounded in time and size. Blocks. The only user of libcurl, with
// smtp.h.
//
// Redirects are not followed. No proxy is used unless asked for, whatever the environment says. An
// https server has to show a certificate for its name.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

struct HttpRequest {
  std::string url;  // http:// or https://
  // Given: POST of it. Otherwise GET.
  std::optional<std::string> body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  absl::Duration timeout = absl::Seconds(10);  // of everything
  size_t max_answer_bytes = size_t{64} << 10;
  // The authorities that may vouch for the server, and no others; empty: the system's.
  std::string ca_file = {};
  // That of the environment (https_proxy …), except for this machine.
  bool proxy = false;
};

struct HttpAnswer {
  int status = 0;
  std::string body;       // cut at max_answer_bytes
  bool body_cut = false;  // there was more, or it broke off
  int retry_after_s = 0;  // what the server asked for; at most an hour
};

// INVALID_ARGUMENT: a header with a control character; the URL. UNAVAILABLE: no answer (the message
// says why, and names the host at most: a URL may be a secret). An answer whose body is too long or
// breaks off is an answer. Given up soon after `*stop` is true. Thread-safe.
absl::StatusOr<HttpAnswer> SendHttp(const HttpRequest& request, const std::atomic<bool>* stop);

}  // namespace quotaplane
