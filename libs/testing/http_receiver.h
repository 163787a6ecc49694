// An HTTP server on 127.0.0.1 that keeps what it is sent and answers as a test says.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/testing/socket_server.h"

namespace quotaplane::fixtures {

struct HttpReceived {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Thread-safe, except for Down and Up.
class HttpReceiver {
 public:
  // The bytes to answer with; empty: silence until the client goes.
  using Handler = std::function<std::string(const HttpReceived&)>;

  // Without a handler: HttpAnswerOf(200). With `tls`: https only.
  explicit HttpReceiver(Handler handler = nullptr, std::optional<TlsFiles> tls = std::nullopt);
  ~HttpReceiver();

  void Down() { server_->Down(); }
  void Up() { server_->Up(); }
  // For requests to come.
  void Answer(Handler handler);

  std::string Url(std::string_view path = "/") const;
  // What arrived so far, whole requests, in order.
  std::vector<HttpReceived> received() const;
  // Waits until there are `count` or more; false after `timeout`.
  bool WaitFor(size_t count, absl::Duration timeout = absl::Seconds(30)) const;

 private:
  void Serve(SocketStream& stream);

  const bool tls_;
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  Handler handler_;
  std::vector<HttpReceived> received_;
  std::unique_ptr<SocketServer> server_;
};

// A whole answer: "HTTP/1.1 200 OK" and so on.
std::string HttpAnswerOf(int status, std::string_view body = "", std::string_view headers = "");

}  // namespace quotaplane::fixtures
