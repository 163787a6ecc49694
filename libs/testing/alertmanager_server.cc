#include "libs/testing/alertmanager_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);

// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
std::string GetFrom(int port, std::string_view path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    std::string request = "GET ";
    request.append(path).append(" HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char bytes[64 << 10];
    ssize_t got;
    while ((got = ::recv(fd, bytes, sizeof(bytes), 0)) > 0) {
      answer.append(bytes, static_cast<size_t>(got));
    }
  }
  ::close(fd);
  const size_t body = answer.find("\r\n\r\n");
  if (answer.find(" 200 ") != 8 || body == std::string::npos) return "";
  return answer.substr(body + 4);
}

}  // namespace

AlertmanagerServer::AlertmanagerServer(const std::string& webhook_url) {
  std::ofstream file(dir_.File("alertmanager.yml"));
  file << "route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s}\n"
       << "receivers:\n- name: test\n";
  if (!webhook_url.empty()) {
    file << "  webhook_configs: [{url: \"" << webhook_url << "\", send_resolved: true}]\n";
  }
  file.close();
  if (!file) FatalErrno("cannot write " + dir_.File("alertmanager.yml"));
  Start();
}

AlertmanagerServer::~AlertmanagerServer() = default;

void AlertmanagerServer::Start() {
  process_ = std::make_unique<ChildProcess>(
      ProcessOptions{.argv = {"prometheus-alertmanager",
                              absl::StrCat("--config.file=", dir_.File("alertmanager.yml")),
                              absl::StrCat("--storage.path=", dir_.File("data")),
                              absl::StrCat("--web.listen-address=127.0.0.1:", port_.port()),
                              "--cluster.listen-address="},
                     .env = {},
                     .working_dir = dir_.path(),
                     .log_path = dir_.File("alertmanager.log"),
                     .package = "prometheus-alertmanager"});
  const bool ready =
      PollUntil(kStartTimeout, [&] { return !Get("/-/ready").empty() || !process_->running(); });
  if (!ready || !process_->running()) {
    Fatal("prometheus-alertmanager does not start; its log ends:\n" + process_->LogTail());
  }
}

void AlertmanagerServer::Stop() { process_->Stop(SIGTERM); }

std::string AlertmanagerServer::url() const {
  return absl::StrCat("http://127.0.0.1:", port_.port());
}

std::string AlertmanagerServer::Get(std::string_view path) const {
  return GetFrom(port_.port(), path);
}

}  // namespace quotaplane::fixtures
