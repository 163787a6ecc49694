#include "libs/testing/resp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kMaxDepth = 16;

int ConnectedSocket(const sockaddr* address, socklen_t length, absl::Duration timeout) {
  const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) FatalErrno("socket");
  const timeval limit = absl::ToTimeval(timeout);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (::connect(fd, address, length) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::string RespReply::DebugString() const {
  switch (type) {
    case Type::kNil:
      return "(nil)";
    case Type::kInteger:
      return absl::StrCat(integer);
    case Type::kText:
      return text;
    case Type::kError:
      return absl::StrCat("(error) ", text);
    case Type::kArray:
      break;
  }
  std::string result;
  for (const RespReply& element : elements) absl::StrAppend(&result, element.DebugString(), "\n");
  return result;
}

std::string InfoField(std::string_view info, std::string_view field) {
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(info.data(), info.size()), "\r\n")) {
    if (absl::ConsumePrefix(&line, absl::StrCat(std::string(field), ":"))) return std::string(line);
  }
  return "";
}

std::optional<RespClient> RespClient::ConnectUnix(const std::string& path, absl::Duration timeout) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) Fatal("too long for a unix socket: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ConnectedSocket(reinterpret_cast<sockaddr*>(&address), sizeof(address), timeout);
  if (fd < 0) return std::nullopt;
  return RespClient(fd);
}

std::optional<RespClient> RespClient::ConnectTcp(int port, absl::Duration timeout) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ConnectedSocket(reinterpret_cast<sockaddr*>(&address), sizeof(address), timeout);
  if (fd < 0) return std::nullopt;
  return RespClient(fd);
}

RespClient::~RespClient() {
  if (fd_ >= 0) ::close(fd_);
}

RespClient::RespClient(RespClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      consumed_(std::exchange(other.consumed_, 0)) {}

RespClient& RespClient::operator=(RespClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(buffer_, other.buffer_);
  std::swap(consumed_, other.consumed_);
  return *this;
}

std::optional<RespReply> RespClient::Command(const std::vector<std::string>& args) {
  std::string request = absl::StrCat("*", args.size(), "\r\n");
  for (const std::string& arg : args) {
    absl::StrAppend(&request, "$", arg.size(), "\r\n", arg, "\r\n");
  }
  size_t sent = 0;
  while (sent < request.size()) {
    const ssize_t n = ::send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    sent += static_cast<size_t>(n);
  }
  return ReadReply(0);
}

bool RespClient::Fill() {
  buffer_.erase(0, std::exchange(consumed_, 0));
  char chunk[64 << 10];
  for (;;) {
    const ssize_t n = ::recv(fd_, chunk, sizeof(chunk), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(n));
    return true;
  }
}

std::optional<std::string> RespClient::ReadLine() {
  size_t end;
  while ((end = buffer_.find("\r\n", consumed_)) == std::string::npos) {
    if (!Fill()) return std::nullopt;
  }
  std::string line = buffer_.substr(consumed_, end - consumed_);
  consumed_ = end + 2;
  return line;
}

std::optional<std::string> RespClient::ReadBytes(size_t n) {
  while (buffer_.size() - consumed_ < n) {
    if (!Fill()) return std::nullopt;
  }
  std::string bytes = buffer_.substr(consumed_, n);
  consumed_ += n;
  return bytes;
}

std::optional<RespReply> RespClient::ReadReply(int depth) {
  std::optional<std::string> line = ReadLine();
  if (!line || line->empty() || depth > kMaxDepth) return std::nullopt;
  const char kind = line->front();
  line->erase(0, 1);
  RespReply reply;
  if (kind == '+' || kind == '-') {
    reply.type = kind == '+' ? RespReply::Type::kText : RespReply::Type::kError;
    reply.text = *std::move(line);
    return reply;
  }
  if (!absl::SimpleAtoi(*line, &reply.integer)) return std::nullopt;
  if (kind == ':') {
    reply.type = RespReply::Type::kInteger;
    return reply;
  }
  const int64_t size = std::exchange(reply.integer, 0);
  if (size < 0) return reply;  // nil, bulk or array
  if (kind == '$') {
    std::optional<std::string> bytes = ReadBytes(static_cast<size_t>(size) + 2);
    if (!bytes) return std::nullopt;
    bytes->resize(static_cast<size_t>(size));
    reply.type = RespReply::Type::kText;
    reply.text = *std::move(bytes);
    return reply;
  }
  if (kind != '*') return std::nullopt;
  reply.type = RespReply::Type::kArray;
  for (int64_t i = 0; i < size; ++i) {
    std::optional<RespReply> element = ReadReply(depth + 1);
    if (!element) return std::nullopt;
    reply.elements.push_back(*std::move(element));
  }
  return reply;
}

}  // namespace quotaplane::fixtures
