#include "libs/metrics/exposer.h"

#include <civetweb.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/mutex.h"

namespace quotaplane::metrics {
namespace {

// They mostly sleep: so many clients that send nothing hold nobody up, and probes go on beside
// scrapes.
constexpr const char* kThreads = "32";
// A client that does not send its request has one of them for so long.
constexpr const char* kRequestTimeoutMs = "3000";
constexpr absl::Duration kKnockAgain = absl::Milliseconds(20);
// On two cores, a scrape that is worked out in the midst of calls would take turns with them.
constexpr int kNice = 10;
constexpr int kWorkerThread = 1;  // civetweb's name for those that answer

// Connects to our own address, and goes.
void Knock(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) return;
  const int knocking =
      socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (knocking >= 0) {
    static_cast<void>(connect(knocking, found->ai_addr, found->ai_addrlen));
    close(knocking);
  }
  freeaddrinfo(found);
}

int Answer(mg_connection* connection, std::string_view status, std::string_view type,
           std::string_view body) {
  const bool head = std::string_view(mg_get_request_info(connection)->request_method) == "HEAD";
  const std::string header =
      absl::StrCat("HTTP/1.1 ", AbslView(status), "\r\nContent-Type: ", AbslView(type),
                   "\r\nContent-Length: ", body.size(),
                   "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
  mg_write(connection, header.data(), header.size());
  if (!head) mg_write(connection, body.data(), body.size());
  return 1;  // answered
}

int AnswerText(mg_connection* connection, std::string_view status, std::string_view body) {
  return Answer(connection, status, "text/plain; charset=utf-8", body);
}

}  // namespace

struct Exposer::Impl {
  explicit Impl(ExposerOptions given) : options(std::move(given)) {}

  int Handle(mg_connection* connection) {
    const mg_request_info* const request = mg_get_request_info(connection);
    const std::string_view method = request->request_method;
    const std::string_view path = request->local_uri == nullptr ? "" : request->local_uri;
    if (method != "GET" && method != "HEAD") {
      return AnswerText(connection, "405 Method Not Allowed", "GET is what there is\n");
    }
    if (path == "/metrics") {
      const MutexLock lock(scraping);
      return Answer(connection, "200 OK", "text/plain; version=0.0.4; charset=utf-8",
                    Render(options.collectors));
    }
    if (path == "/healthz") return AnswerText(connection, "200 OK", "alive\n");
    if (path == "/readyz") {
      return !options.ready || options.ready()
                 ? AnswerText(connection, "200 OK", "ready\n")
                 : AnswerText(connection, "503 Service Unavailable", "not taking calls\n");
    }
    return AnswerText(connection, "404 Not Found", "/metrics, /healthz and /readyz\n");
  }

  static void* OnThread(const mg_context*, int type) {
    // Of this thread alone, as Linux has it.
    if (type == kWorkerThread) setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
    return nullptr;
  }

  const ExposerOptions options;
  Mutex scraping;
  mg_context* server = nullptr;
};

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Start(ExposerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  const std::string& listen = impl->options.listen;
  // Debian builds civetweb without it.
  if (listen.starts_with('[')) {
    return absl::InvalidArgumentError(
        absl::StrCat("metrics cannot be served on ", listen, ": give an IPv4 address"));
  }
  mg_callbacks callbacks = {};
  callbacks.begin_request = [](mg_connection* connection) {
    return static_cast<Impl*>(mg_get_user_data(mg_get_context(connection)))->Handle(connection);
  };
  callbacks.init_thread = &Impl::OnThread;
  callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
  const char* settings[] = {"listening_ports",    listen.c_str(),    "num_threads", kThreads,
                            "request_timeout_ms", kRequestTimeoutMs, nullptr};
  mg_init_library(0);
  // Requests may come before it returns; they need `impl` alone, but not `impl->server`.
  impl->server = mg_start(&callbacks, impl.get(), settings);
  mg_server_port port = {};
  if (impl->server == nullptr || mg_get_server_ports(impl->server, 1, &port) != 1) {
    if (impl->server != nullptr) mg_stop(impl->server);
    mg_exit_library();
    return absl::UnavailableError(absl::StrCat(
        "cannot serve metrics on ", listen, ": is it taken, or not an address of this machine?"));
  }
  std::string address = absl::StrCat(listen.substr(0, listen.rfind(':') + 1), port.port);
  return std::unique_ptr<Exposer>(new Exposer(std::move(impl), std::move(address)));
}

Exposer::Exposer(std::unique_ptr<Impl> impl, std::string address)
    : impl_(std::move(impl)), address_(std::move(address)) {}

// The library's server looks every two seconds whether it is to stop, and whenever somebody
// connects: a server that has drained shall not wait for that.
Exposer::~Exposer() {
  absl::Notification stopped;
  std::thread stopping([&] {
    mg_stop(impl_->server);
    stopped.Notify();
  });
  while (!stopped.WaitForNotificationWithTimeout(kKnockAgain)) Knock(address_);
  stopping.join();
  mg_exit_library();
}

}  // namespace quotaplane::metrics
