#include "libs/testing/redis_cluster.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kMasters = 3;
constexpr int kSlots = 16'384;
constexpr absl::Duration kFormTimeout = absl::Seconds(60);

// CRC-16/XMODEM, as the Cluster specification has it.
uint16_t Crc16(std::string_view data) {
  uint16_t crc = 0;
  for (const char c : data) {
    crc = static_cast<uint16_t>(crc ^ (static_cast<unsigned char>(c) << 8));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
  }
  return crc;
}

}  // namespace

int ClusterSlot(std::string_view key) {
  const size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return Crc16(key) % kSlots;
}

RedisCluster::RedisCluster(RedisClusterOptions options) : options_(std::move(options)) {
  if (options_.node.tls && !options_.node.tls_files) {
    options_.node.tls_files = MakeTlsFiles(tls_dir_.path());
  }
  const int count = options_.replicas ? 2 * kMasters : kMasters;
  for (int i = 0; i < count; ++i) {
    RedisOptions node = options_.node;
    bus_ports_.emplace_back();
    const std::vector<std::string> lines = {
        "cluster-enabled yes",
        absl::StrCat("cluster-node-timeout ", absl::ToInt64Milliseconds(options_.node_timeout)),
        absl::StrCat("cluster-port ", bus_ports_.back().port()),
        absl::StrCat("cluster-announce-bus-port ", bus_ports_.back().port()),
        "cluster-announce-ip 127.0.0.1",
        "cluster-replica-validity-factor 0",  // however long the master has been away
        "cluster-allow-replica-migration no",
        absl::StrCat("tls-cluster ", node.tls ? "yes" : "no"),
    };
    node.config.insert(node.config.begin(), lines.begin(), lines.end());
    nodes_.push_back(std::make_unique<RedisServer>(std::move(node)));
    ids_.push_back(MustCommand(i, {"CLUSTER", "MYID"}).text);
  }
  Form();
}

RespReply RedisCluster::MustCommand(int index, const std::vector<std::string>& args) {
  RespReply reply = nodes_[index]->Command(args);
  if (reply.is_error()) Fatal(absl::StrJoin(args, " ") + ": " + reply.text);
  return reply;
}

void RedisCluster::Form() {
  for (int i = 0; i < size(); ++i) {
    MustCommand(i, {"CLUSTER", "SET-CONFIG-EPOCH", absl::StrCat(i + 1)});
    if (i < kMasters) {
      MustCommand(i, {"CLUSTER", "ADDSLOTSRANGE", absl::StrCat(kSlots * i / kMasters),
                      absl::StrCat(kSlots * (i + 1) / kMasters - 1)});
    }
  }
  // Everybody meets everybody: faster than waiting for gossip to spread the word.
  for (int i = 0; i < size(); ++i) {
    for (int j = 0; j < i; ++j) {
      MustCommand(i, {"CLUSTER", "MEET", "127.0.0.1", absl::StrCat(node(j).port()),
                      absl::StrCat(bus_ports_[j].port())});
    }
  }
  WaitUntilOk(kFormTimeout);
  if (options_.replicas) AttachReplicas();
}

void RedisCluster::AttachReplicas() {
  for (int i = kMasters; i < size(); ++i) {
    const std::vector<std::string> replicate = {"CLUSTER", "REPLICATE", ids_[i - kMasters]};
    const auto accepted = [](const RespReply& reply) { return !reply.is_error(); };
    if (!node(i).WaitFor(replicate, accepted, kFormTimeout)) Fatal("a node does not replicate");
  }
  for (int i = 0; i < size(); ++i) {
    const auto connected = [i](const RespReply& reply) {
      return i < kMasters ? InfoField(reply.text, "connected_slaves") == "1" &&
                                absl::StrContains(reply.text, "state=online")
                          : InfoField(reply.text, "master_link_status") == "up";
    };
    if (!node(i).WaitFor({"INFO", "replication"}, connected, kFormTimeout)) {
      Fatal("replicas do not connect; the log ends:\n" + node(i).LogTail());
    }
  }
  // A master fails over only to a replica which the other masters have heard of.
  for (int i = 0; i < size(); ++i) {
    const auto knows_replicas = [this](const RespReply& reply) {
      for (int m = 0; m < kMasters; ++m) {
        if (!absl::StrContains(reply.text, absl::StrCat("slave ", ids_[m]))) return false;
      }
      return true;
    };
    if (!node(i).WaitFor({"CLUSTER", "NODES"}, knows_replicas, kFormTimeout)) {
      Fatal("replicas do not get known");
    }
  }
  WaitUntilOk(kFormTimeout);
}

std::string RedisCluster::url() const {
  std::string url = options_.node.tls ? "rediss+cluster://" : "redis+cluster://";
  if (!options_.node.users.empty()) {
    const RedisAclUser& user = options_.node.users[0];
    absl::StrAppend(&url, user.name, ":", user.password, "@");
  } else if (!options_.node.password.empty()) {
    absl::StrAppend(&url, ":", options_.node.password, "@");
  }
  const auto host_port = [](std::string* out, const std::unique_ptr<RedisServer>& node) {
    absl::StrAppend(out, "127.0.0.1:", node->port());
  };
  absl::StrAppend(&url, absl::StrJoin(nodes_, ",", host_port));
  if (options_.node.tls) {
    const TlsFiles& tls = *options_.node.tls_files;
    absl::StrAppend(&url, "?cafile=", tls.ca_cert);
    if (options_.node.tls_client_auth) {
      absl::StrAppend(&url, "&certfile=", tls.client_cert, "&keyfile=", tls.client_key);
    }
  }
  return url;
}

std::vector<RedisCluster::SlotRange> RedisCluster::SlotMap(int index) {
  std::vector<SlotRange> ranges;
  if (!node(index).running()) return ranges;
  const std::optional<RespReply> reply = node(index).TryCommand({"CLUSTER", "SLOTS"});
  if (!reply) return ranges;
  for (const RespReply& range : reply->elements) {
    if (range.elements.size() < 3 || range.elements[2].elements.size() < 3) return {};
    ranges.push_back({.first = static_cast<int>(range.elements[0].integer),
                      .last = static_cast<int>(range.elements[1].integer),
                      .master_id = range.elements[2].elements[2].text});
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const SlotRange& a, const SlotRange& b) { return a.first < b.first; });
  return ranges;
}

int RedisCluster::IndexOf(const std::string& id) const {
  const auto it = std::find(ids_.begin(), ids_.end(), id);
  return it == ids_.end() ? -1 : static_cast<int>(it - ids_.begin());
}

int RedisCluster::MasterOf(std::string_view key) {
  const int slot = ClusterSlot(key);
  std::map<int, int> votes;
  int voters = 0;
  for (int i = 0; i < size(); ++i) {
    const std::vector<SlotRange> ranges = SlotMap(i);
    if (ranges.empty()) continue;
    ++voters;
    for (const SlotRange& range : ranges) {
      if (range.first <= slot && slot <= range.last) ++votes[IndexOf(range.master_id)];
    }
  }
  for (const auto& [index, count] : votes) {
    if (2 * count > voters && index >= 0 && node(index).running()) return index;
  }
  return -1;
}

bool RedisCluster::Ok() {
  std::vector<SlotRange> agreed;
  for (int i = 0; i < size(); ++i) {
    if (!node(i).running()) continue;
    const std::optional<RespReply> info = node(i).TryCommand({"CLUSTER", "INFO"});
    if (!info || InfoField(info->text, "cluster_state") != "ok" ||
        InfoField(info->text, "cluster_slots_ok") != absl::StrCat(kSlots) ||
        InfoField(info->text, "cluster_known_nodes") != absl::StrCat(size())) {
      return false;
    }
    std::vector<SlotRange> ranges = SlotMap(i);
    if (ranges.empty() || (!agreed.empty() && ranges != agreed)) return false;
    agreed = std::move(ranges);
  }
  return std::all_of(agreed.begin(), agreed.end(), [this](const SlotRange& range) {
    const int master = IndexOf(range.master_id);
    return master >= 0 && node(master).running();
  });
}

void RedisCluster::WaitUntilOk(absl::Duration timeout) {
  if (PollUntil(timeout, [this] { return Ok(); })) return;
  std::string seen;
  for (int i = 0; i < size(); ++i) {
    if (!node(i).running()) continue;
    const std::optional<RespReply> nodes = node(i).TryCommand({"CLUSTER", "NODES"});
    absl::StrAppend(&seen, "node ", i, " sees:\n", nodes ? nodes->text : "(no answer)\n");
  }
  Fatal("the cluster does not become ok\n" + seen);
}

int RedisCluster::WaitForMaster(std::string_view key, int not_this, absl::Duration timeout) {
  int master = -1;
  const bool found = PollUntil(timeout, [&] {
    master = MasterOf(key);
    return master >= 0 && master != not_this && Ok();
  });
  if (!found) Fatal(absl::StrCat("no new master for slot ", ClusterSlot(key)));
  return master;
}

RespReply RedisCluster::Command(const std::vector<std::string>& args) {
  const int master = MasterOf(args.at(1));
  if (master < 0) Fatal("no master for the key of " + args[0]);
  return node(master).Command(args);
}

void RedisCluster::BeginMove(std::string_view key, int to) {
  const int from = MasterOf(key);
  if (from < 0 || from == to) Fatal("cannot move a slot to its own master, or from none");
  const std::string slot = absl::StrCat(ClusterSlot(key));
  MustCommand(to, {"CLUSTER", "SETSLOT", slot, "IMPORTING", ids_[from]});
  MustCommand(from, {"CLUSTER", "SETSLOT", slot, "MIGRATING", ids_[to]});
}

void RedisCluster::FinishMove(std::string_view key, int to) {
  const int from = MasterOf(key);
  if (from < 0 || from == to) Fatal("BeginMove comes before FinishMove");
  const std::string slot = absl::StrCat(ClusterSlot(key));
  for (;;) {
    const RespReply keys = MustCommand(from, {"CLUSTER", "GETKEYSINSLOT", slot, "100"});
    if (keys.elements.empty()) break;
    std::vector<std::string> migrate = {
        "MIGRATE", "127.0.0.1", absl::StrCat(node(to).port()), "", "0", "5000", "REPLACE"};
    if (!options_.node.password.empty()) {
      migrate.insert(migrate.end(), {"AUTH", options_.node.password});
    }
    migrate.emplace_back("KEYS");
    for (const RespReply& moved : keys.elements) migrate.push_back(moved.text);
    MustCommand(from, migrate);
  }
  // The new owner first: at no moment does nobody own the slot.
  MustCommand(to, {"CLUSTER", "SETSLOT", slot, "NODE", ids_[to]});
  MustCommand(from, {"CLUSTER", "SETSLOT", slot, "NODE", ids_[to]});
  WaitForMaster(key, from);
}

}  // namespace quotaplane::fixtures
