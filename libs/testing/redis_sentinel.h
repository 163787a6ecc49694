// A master, a replica and three sentinels: quorum 2, a master counts as down after 500 ms.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {

// Made means: the replica is in sync, every sentinel knows the others and the replica. Failures
// abort. Not thread-safe.
class RedisSentinel {
 public:
  explicit RedisSentinel(RedisOptions node = {});

  // redis+sentinel://127.0.0.1:p1,127.0.0.1:p2,127.0.0.1:p3/main
  std::string url() const;
  static constexpr const char* kMasterName = "main";
  RedisServer& node(int index) {
    return *nodes_[index];
  }  // 0 starts as the master, 1 as its replica
  RedisServer& sentinel(int index) { return *sentinels_[index]; }  // 0-2

  // The node which the majority of the running sentinels call master and which itself agrees
  // (ROLE); -1 while there is none.
  int Master();
  // Waits for a running master other than `not_this`; its index. Aborts after `timeout`.
  int WaitForMaster(int not_this, absl::Duration timeout = absl::Seconds(30));
  // Has that sentinel (an index) put another node in the master's place, though nobody died, and
  // waits for it; its index. Aborts after `timeout`. Asks again where a failover came to nothing:
  // one that takes longer than failover-timeout, on a busy disk, is given up, and a sentinel tries
  // again by itself only where the master is away.
  int FailOver(int sentinel, absl::Duration timeout);

 private:
  TempDir tls_dir_;
  bool tls_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::unique_ptr<RedisServer>> sentinels_;
};

}  // namespace quotaplane::fixtures
