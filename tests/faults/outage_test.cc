// P9: outage behaviour is written per limit and answered within the caller's deadline; usage during
// an outage is spooled and charged afterwards, once. Each test brings one kind of outage over a
// server under load, and ends when it has healed and the books balance.
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_cluster.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/tcp_gate.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"
#include "tests/faults/load.h"

namespace quotaplane::fixtures {
namespace {

// While the breaker is open nothing waits for the store: calls that begin from now on are fast.
// `load` has to be in an outage and stays in it.
void ExpectFastAnswers(Load* load) {
  const absl::Time since = absl::Now();
  load->WaitForMore(&LoadCounts::outage_denied, 300);
  load->WaitForMore(&LoadCounts::outage_allowed, 300);
  const std::vector<absl::Duration> latencies = load->LatenciesSince(since);
  ASSERT_GE(latencies.size(), 600);
  EXPECT_LT(latencies[latencies.size() / 2], absl::Milliseconds(20));
  EXPECT_LT(latencies[latencies.size() * 99 / 100], absl::Milliseconds(200));
}

// An outage from `begin` to `end`, under load, and after it.
template <typename Begin, typename End>
void ThroughAnOutage(const std::string& redis_url, const RedisServer* outbox, Begin begin,
                     End end) {
  ServerProcess server({.policy = kLoadPolicy, .redis = redis_url});
  Load load({server.address()}, {.seed = TestSeed(9)});
  load.WaitForMore(&LoadCounts::pairs);
  EXPECT_EQ(load.counts().outage_allowed + load.counts().outage_denied, 0);
  begin();
  // The first calls find out; from then on it is known.
  load.WaitForMore(&LoadCounts::outage_denied, 50);
  load.WaitForMore(&LoadCounts::spooled, 50);
  ExpectFastAnswers(&load);
  end();
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance(outbox);
}

TEST(P9_Outage, RedisKilledAndStartedAgain) {
  RedisServer redis(DurableRedis());
  ThroughAnOutage(
      redis.url(), &redis, [&] { redis.Kill(); }, [&] { redis.Start(); });
}

TEST(P9_Outage, RedisHangs) {
  RedisServer redis;
  ThroughAnOutage(
      redis.url(), &redis, [&] { redis.Pause(); }, [&] { redis.Resume(); });
}

TEST(P9_Outage, ConnectionsRefused) {
  RedisServer redis;
  TcpGate gate(redis.port());
  ThroughAnOutage(
      redis.TcpUrl(gate.port()), &redis,
      [&] {
        gate.Refuse();
        gate.DropConnections();
      },
      [&] { gate.Pass(); });
}

TEST(P9_Outage, NetworkSwallowsEverything) {
  RedisServer redis;
  TcpGate gate(redis.port());
  ThroughAnOutage(
      redis.TcpUrl(gate.port()), &redis, [&] { gate.Hang(); }, [&] { gate.Pass(); });
}

TEST(P9_Outage, RedisOutOfMemory) {
  RedisServer redis({.config = {"maxmemory-policy noeviction"}});
  const auto limit_memory = [&](const char* to) {
    ASSERT_FALSE(redis.Command({"CONFIG", "SET", "maxmemory", to}).is_error());
  };
  ThroughAnOutage(
      redis.url(), &redis, [&] { limit_memory("1mb"); }, [&] { limit_memory("0"); });
}

TEST(P9_Outage, RepliesCutInTheMiddle) {
  const uint64_t seed = TestSeed(11);
  std::mt19937_64 random(seed);
  RedisServer redis;
  TcpGate gate(redis.port());
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.TcpUrl(gate.port())});
  Load load({server.address()}, {.seed = seed});
  for (int i = 0; i < 15; ++i) {
    // Enough for a connection to count as sound, so that the next one comes soon.
    load.WaitForMore(&LoadCounts::pairs, 400);
    const int64_t dropped = gate.stats().dropped;
    // 0: the request arrives, nothing of its reply does.
    gate.CutAfter(std::uniform_int_distribution<int64_t>(0, 400)(random));
    ASSERT_TRUE(PollUntil(absl::Seconds(10), [&] { return gate.stats().dropped > dropped; }));
  }
  load.WaitForMore(&LoadCounts::pairs);
  EXPECT_GT(load.counts().spooled, 0);
  load.Settle();
  load.ExpectBooksBalance(&redis);
}

// A Redis that is back but does not let us run scripts (its ACL was changed) is no reason to lose
// what was spooled.
TEST(P9_Outage, SpooledUsageWaitsForRightsToo) {
  RedisServer redis;
  TcpGate gate(redis.port());
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.TcpUrl(gate.port())});
  const QuotaClient client(server.address());
  const v1::Subject subject = SubjectOf("open-1");
  gate.Hang();
  for (int i = 0; i < 100; ++i) {
    const auto commit = client.Call(CommitOf(absl::StrCat(i), subject, {10, 10}));
    ASSERT_TRUE(commit.ok()) << commit.status.error_message();
    ASSERT_TRUE(commit.response.spooled());
  }
  ASSERT_FALSE(redis.Command({"ACL", "SETUSER", "default", "-evalsha"}).is_error());
  gate.Pass();
  ASSERT_TRUE(PollUntil(absl::Seconds(20), [&] {
    return absl::StrContains(server.Log(), "spooled usage waits, and is tried again");
  })) << server.Log();
  ASSERT_FALSE(redis.Command({"ACL", "SETUSER", "default", "+evalsha"}).is_error());
  ASSERT_TRUE(PollUntil(absl::Seconds(20), [&] {
    const auto usage = client.Call(GetUsageOf(subject));
    return usage.ok() && LimitIn(usage.response, "open-requests").used() == 100;
  })) << server.Log();
  EXPECT_EQ(OutboxLength(redis), 100);
}

TEST(P9_Outage, OfAStoreThatIsAwayFromTheStart) {
  RedisServer redis(DurableRedis());
  redis.Stop();
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  Load load({server.address()}, {.seed = TestSeed(12)});
  ExpectFastAnswers(&load);
  redis.Start();
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance(&redis);
}

TEST(P9_Outage, OfACallWithNoOutageBehaviourIsAnError) {
  RedisServer redis;
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  const QuotaClient client(server.address());
  const v1::Subject subject = SubjectOf("open-1");
  ASSERT_TRUE(client.Call(ReserveOf("r", subject, {1, 1})).ok());
  redis.Pause();
  const auto expect_unavailable = [&](const auto& request) {
    const auto answer = client.Call(request, absl::Milliseconds(500));
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(ReasonOf(answer.status), "STORE_UNAVAILABLE") << answer.status.error_message();
  };
  v1::CheckRequest check;
  *check.mutable_subject() = subject;
  expect_unavailable(ReleaseOf("r", subject));
  expect_unavailable(ExtendOf("r", subject, 1, {2, 2}));
  expect_unavailable(check);
  expect_unavailable(GetUsageOf(subject));
  redis.Resume();
  ASSERT_TRUE(PollUntil(absl::Seconds(20), [&] { return client.Call(check).ok(); }));
  EXPECT_EQ(client.Call(ExtendOf("r", subject, 1, {2, 2})).response.decision(), v1::DECISION_ALLOW);
  EXPECT_TRUE(client.Call(ReleaseOf("r", subject)).ok());
}

TEST(P9_Outage, ClusterMasterKilledAndItsReplicaPromoted) {
  RedisCluster cluster({.replicas = true});
  ServerProcess server({.policy = kLoadPolicy, .redis = cluster.url()});
  Load load({server.address()}, {.seed = TestSeed(13)});
  load.WaitForMore(&LoadCounts::pairs);
  // The org's partition is the one with an outbox.
  std::string outbox;
  for (int i = 0; i < 64 && outbox.empty(); ++i) {
    const std::string key = absl::StrCat("{p", i, "}o");
    if (cluster.Command({"EXISTS", key}).integer == 1) outbox = key;
  }
  ASSERT_FALSE(outbox.empty());
  const int master = cluster.MasterOf(outbox);
  ASSERT_GE(master, 0);
  const absl::Time killed = absl::Now();
  cluster.node(master).Kill();
  load.WaitForMore(&LoadCounts::outage_denied, 50);
  load.WaitForMore(&LoadCounts::spooled, 50);
  ExpectFastAnswers(&load);
  EXPECT_NE(cluster.WaitForMaster(outbox, master), master);
  load.WaitForMore(&LoadCounts::pairs);
  cluster.node(master).Start();
  cluster.WaitUntilOk();
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  // Redis replicates behind its answers: the promoted replica may lack the last of them. Whoever
  // makes these calls again loses nothing, and is charged for nothing twice.
  load.RepeatCommitsSince(killed - absl::Seconds(1));
  load.ExpectBooksBalance();
}

}  // namespace
}  // namespace quotaplane::fixtures
