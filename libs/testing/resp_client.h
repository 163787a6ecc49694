// The smallest blocking Redis client, for setting servers up and looking into them. It shares
// nothing with libs/redis, so that a test never checks the client with itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace quotaplane::fixtures {

struct RespReply {
  enum class Type { kNil, kInteger, kText, kError, kArray };
  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;  // kText (bulk or status), kError; binary safe
  std::vector<RespReply> elements;

  bool is_error() const { return type == Type::kError; }
  // For messages: one line per element.
  std::string DebugString() const;
};

// The text after "FIELD:" in an INFO-like reply, or empty.
std::string InfoField(std::string_view info, std::string_view field);

class RespClient {
 public:
  // nullopt where nobody listens, or within `timeout` nobody answers; it also bounds every later
  // read and write.
  static std::optional<RespClient> ConnectUnix(const std::string& path,
                                               absl::Duration timeout = absl::Seconds(5));
  static std::optional<RespClient> ConnectTcp(
      int port, absl::Duration timeout = absl::Seconds(5));  // 127.0.0.1
  ~RespClient();
  RespClient(RespClient&& other) noexcept;
  RespClient& operator=(RespClient&& other) noexcept;

  // nullopt where the connection broke, timed out or did not speak RESP2. Arguments may hold any
  // bytes.
  std::optional<RespReply> Command(const std::vector<std::string>& args);

 private:
  explicit RespClient(int fd) : fd_(fd) {}
  bool Fill();
  std::optional<std::string> ReadLine();
  std::optional<std::string> ReadBytes(size_t n);
  std::optional<RespReply> ReadReply(int depth);

  int fd_ = -1;
  std::string buffer_;
  size_t consumed_ = 0;
};

}  // namespace quotaplane::fixtures
