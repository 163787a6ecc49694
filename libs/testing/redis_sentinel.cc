#include "libs/testing/redis_sentinel.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kSentinels = 3;
constexpr absl::Duration kFormTimeout = absl::Seconds(60);
constexpr absl::Duration kFailoverTimeout = absl::Seconds(3);

// The value after `name` in a reply that lists names and values in turns.
std::string FieldOf(const RespReply& reply, std::string_view name) {
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text == name) return reply.elements[i + 1].text;
  }
  return "";
}

}  // namespace

RedisSentinel::RedisSentinel(RedisOptions node) : tls_(node.tls) {
  if (node.tls && !node.tls_files) node.tls_files = MakeTlsFiles(tls_dir_.path());
  nodes_.push_back(std::make_unique<RedisServer>(node));
  const int master_port = nodes_[0]->port();
  RedisOptions replica = node;
  replica.config.push_back(absl::StrCat("replicaof 127.0.0.1 ", master_port));
  nodes_.push_back(std::make_unique<RedisServer>(std::move(replica)));

  for (int i = 0; i < kSentinels; ++i) {
    RedisOptions options;
    options.sentinel = true;
    options.tls = node.tls;
    options.tls_client_auth = node.tls_client_auth;
    options.tls_files = node.tls_files;
    options.config = {
        absl::StrCat("sentinel monitor ", kMasterName, " 127.0.0.1 ", master_port, " 2"),
        absl::StrCat("sentinel down-after-milliseconds ", kMasterName, " 500"),
        absl::StrCat("sentinel failover-timeout ", kMasterName, " ",
                     absl::ToInt64Milliseconds(kFailoverTimeout)),
        absl::StrCat("sentinel parallel-syncs ", kMasterName, " 1")};
    if (!node.password.empty()) {
      options.config.push_back(
          absl::StrCat("sentinel auth-pass ", kMasterName, " ", node.password));
    }
    sentinels_.push_back(std::make_unique<RedisServer>(std::move(options)));
  }
  const auto in_sync = [](const RespReply& reply) {
    return InfoField(reply.text, "master_link_status") == "up";
  };
  if (!nodes_[1]->WaitFor({"INFO", "replication"}, in_sync, kFormTimeout)) {
    Fatal("the replica does not connect; its log ends:\n" + nodes_[1]->LogTail());
  }
  for (const auto& sentinel : sentinels_) {
    const auto knows_all = [](const RespReply& reply) {
      return FieldOf(reply, "num-slaves") == "1" && FieldOf(reply, "flags") == "master" &&
             FieldOf(reply, "num-other-sentinels") == absl::StrCat(kSentinels - 1);
    };
    if (!sentinel->WaitFor({"SENTINEL", "MASTER", kMasterName}, knows_all, kFormTimeout)) {
      Fatal("the sentinels do not find each other; a log ends:\n" + sentinel->LogTail());
    }
  }
}

std::string RedisSentinel::url() const {
  const RedisServer& any = *nodes_[0];
  const std::string node_url = any.tcp_url();  // scheme://credentials@host:port?parameters
  const size_t at = node_url.find("127.0.0.1:");
  const size_t scheme = node_url.find("://") + 3;
  const size_t parameters = node_url.find('?');
  const auto host_port = [](std::string* out, const std::unique_ptr<RedisServer>& sentinel) {
    absl::StrAppend(out, "127.0.0.1:", sentinel->port());
  };
  return absl::StrCat(tls_ ? "rediss+sentinel://" : "redis+sentinel://",
                      node_url.substr(scheme, at - scheme),
                      absl::StrJoin(sentinels_, ",", host_port), "/", kMasterName,
                      parameters == std::string::npos ? "" : node_url.substr(parameters));
}

int RedisSentinel::Master() {
  std::vector<int> votes(nodes_.size(), 0);
  int voters = 0;
  for (const auto& sentinel : sentinels_) {
    if (!sentinel->running()) continue;
    const std::optional<RespReply> reply =
        sentinel->TryCommand({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", kMasterName});
    if (!reply || reply->elements.size() != 2) continue;
    ++voters;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (reply->elements[1].text == absl::StrCat(nodes_[i]->port())) ++votes[i];
    }
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (2 * votes[i] <= voters || !nodes_[i]->running()) continue;
    const std::optional<RespReply> role = nodes_[i]->TryCommand({"ROLE"});
    if (role && !role->elements.empty() && role->elements[0].text == "master") {
      return static_cast<int>(i);
    }
  }
  return -1;
}

int RedisSentinel::WaitForMaster(int not_this, absl::Duration timeout) {
  int master = -1;
  const bool found = PollUntil(timeout, [&] {
    master = Master();
    return master >= 0 && master != not_this;
  });
  if (!found) Fatal("no new master; a sentinel's log ends:\n" + sentinels_[0]->LogTail());
  return master;
}

int RedisSentinel::FailOver(int sentinel, absl::Duration timeout) {
  const int before = Master();
  int master = before;
  const auto is_another = [&] {
    master = Master();
    return master >= 0 && master != before;
  };
  for (const absl::Time end = absl::Now() + timeout; absl::Now() < end;) {
    // An error where one is under way.
    sentinels_[sentinel]->Command({"SENTINEL", "FAILOVER", kMasterName});
    if (PollUntil(3 * kFailoverTimeout, is_another)) return master;
  }
  Fatal("nobody took over; the sentinel's log ends:\n" + sentinels_[sentinel]->LogTail());
}

}  // namespace quotaplane::fixtures
