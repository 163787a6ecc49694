// A real Redis Cluster on loopback: three masters, each with a replica if asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/testing/free_port.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {

struct RedisClusterOptions {
  bool replicas = false;  // six nodes instead of three
  absl::Duration node_timeout =
      absl::Seconds(1);    // a silent master is failed over after about twice this
  RedisOptions node = {};  // of every node; `config` lines are kept
};

// The hash slot of a key: CRC16 of its {tag}, or of all of it, modulo 16384.
int ClusterSlot(std::string_view key);

// Made means serving: cluster_state:ok on every node, all 16,384 slots, replicas connected.
// Failures abort. Not thread-safe.
class RedisCluster {
 public:
  explicit RedisCluster(RedisClusterOptions options = {});

  // redis+cluster://127.0.0.1:p1,127.0.0.1:p2,… (rediss+cluster with node.tls).
  std::string url() const;
  int size() const { return static_cast<int>(nodes_.size()); }
  RedisServer& node(int index) {
    return *nodes_[index];
  }  // 0-2 start as masters, 3-5 as their replicas, in that order

  // The node which now serves `key` as its master, as a majority of the running nodes sees it; -1
  // while there is none.
  int MasterOf(std::string_view key);
  // Waits until a running node other than `not_this` (an index, or -1) is master for `key` and the
  // whole cluster is ok again; its index. Aborts after `timeout`.
  int WaitForMaster(std::string_view key, int not_this = -1,
                    absl::Duration timeout = absl::Seconds(30));
  // Waits until every running node reports cluster_state:ok and agrees on the masters.
  void WaitUntilOk(absl::Duration timeout = absl::Seconds(30));
  // Runs a command on the master of args[1].
  RespReply Command(const std::vector<std::string>& args);
  // Moves the slot of `key` with all its keys to another master: real MOVED and ASK replies for who
  // comes late. Between `begin` and `finish`, the slot is being migrated (ASK).
  void BeginMove(std::string_view key, int to);
  void FinishMove(std::string_view key, int to);

 private:
  struct SlotRange {
    int first = 0;
    int last = 0;
    std::string master_id;
    friend bool operator==(const SlotRange&, const SlotRange&) = default;
  };
  // As one node sees it, in order of slots; empty where it does not answer.
  std::vector<SlotRange> SlotMap(int index);
  bool Ok();
  void Form();
  void AttachReplicas();
  int IndexOf(const std::string& id) const;
  RespReply MustCommand(int index, const std::vector<std::string>& args);

  RedisClusterOptions options_;
  TempDir tls_dir_;
  std::vector<FreePort> bus_ports_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::string> ids_;
};

}  // namespace quotaplane::fixtures
