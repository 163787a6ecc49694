// The server under test and its Redis, as real processes in a directory of their own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libs/testing/process.h"
#include "libs/testing/resp_client.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::bench {

class Server {
 public:
  // Starts `program` serve with an embedded Redis and waits until it takes calls. Aborts where it
  // does not in 20 s.
  Server(const std::string& program, const std::string& policy, const std::string& prices);
  // Stops it by SIGTERM.
  ~Server();

  // "127.0.0.1:PORT".
  const std::string& target() const { return target_; }
  // Resident memory of the server itself, without Redis.
  double RssMib() const;

  // Calls of Lua scripts that Redis has run, and the microseconds it took for them.
  struct ScriptStats {
    int64_t calls = 0;
    int64_t usec = 0;
  };
  ScriptStats Scripts();

  // What Redis has allocated, by what for.
  struct Memory {
    int64_t used = 0;   // used_memory
    int64_t slots = 0;  // of that: the hash tables' arrays, which grow by doubling
    int64_t keys = 0;
    int64_t expires = 0;  // keys with a TTL
  };
  Memory RedisMemory();

  // Redis' answer in text. Aborts on an error.
  fixtures::RespReply Redis(const std::vector<std::string>& command);

 private:
  fixtures::TempDir dir_;
  fixtures::ChildProcess process_;
  std::string target_;
  std::optional<fixtures::RespClient> redis_;
};

}  // namespace quotaplane::bench
