#include "libs/auth/read_keys.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/auth/key_set.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

// Answers one request after the other with the same bytes; none: it keeps silent.
class TinyServer {
 public:
  explicit TinyServer(std::string answer)
      : answer_(std::move(answer)), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, any, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~TinyServer() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/keys"); }

 private:
  void Run() {
    int call;
    while ((call = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      char request[4096];
      while (recv(call, request, sizeof(request), 0) > 0) {
        if (answer_.empty()) continue;  // until the client goes
        send(call, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        break;
      }
      close(call);
    }
  }

  const std::string answer_;
  const int socket_;
  int port_ = 0;
  std::thread thread_;
};

std::string Ok(const std::string& body) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

class ReadKeysTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Read(const std::string& keys,
                                   absl::Duration timeout = absl::Seconds(10)) {
    return ReadKeys(keys, "", timeout, &stop_);
  }
  std::atomic<bool> stop_ = false;
};

TEST_F(ReadKeysTest, FromAUrl) {
  const TinyServer server(Ok(R"({"keys":[]})"));
  const auto text = Read(server.url());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, R"({"keys":[]})");
}

TEST_F(ReadKeysTest, AnErrorPageIsNoKeySet) {
  const TinyServer server("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_THAT(std::string(Read(server.url()).status().message()), HasSubstr("HTTP status 404"));
}

TEST_F(ReadKeysTest, RedirectsAreNotFollowed) {
  const TinyServer elsewhere(Ok("{}"));
  const TinyServer server(absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", elsewhere.url(),
                                       "\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_THAT(std::string(Read(server.url()).status().message()), HasSubstr("HTTP status 302"));
}

TEST_F(ReadKeysTest, SizeAndTimeAreBounded) {
  const TinyServer large(Ok(std::string(kMaxKeySetBytes + 1, ' ')));
  EXPECT_THAT(std::string(Read(large.url()).status().message()), HasSubstr("more than"));
  const TinyServer silent("");
  const absl::Time start = absl::Now();
  const auto text = Read(silent.url(), absl::Milliseconds(200));
  EXPECT_TRUE(absl::IsUnavailable(text.status())) << text.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
}

TEST_F(ReadKeysTest, AStopEndsIt) {
  const TinyServer silent("");
  stop_ = true;
  EXPECT_TRUE(absl::IsUnavailable(Read(silent.url(), absl::Minutes(5)).status()));
}

TEST_F(ReadKeysTest, FromAFile) {
  const fixtures::TempDir dir;
  const std::string path = dir.File("keys.json");
  EXPECT_THAT(std::string(Read(path).status().message()), HasSubstr(path));
  std::ofstream(path) << "{}";
  EXPECT_EQ(*Read(path), "{}");
  std::ofstream(path) << std::string(kMaxKeySetBytes + 1, ' ');
  EXPECT_TRUE(absl::IsUnavailable(Read(path).status()));
}

}  // namespace
}  // namespace quotaplane
