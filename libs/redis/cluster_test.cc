// The client on a real Redis Cluster: slots that move, masters that die.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "libs/redis/slots.h"
#include "libs/redis/test_client.h"
#include "libs/testing/redis_cluster.h"

namespace quotaplane::redis {
namespace {

using fixtures::PollUntil;
using fixtures::RedisCluster;
using fixtures::RedisClusterOptions;
using testing::HasSubstr;

ClientOptions At(std::string url) {
  ClientOptions options;
  options.url = std::move(url);
  options.silence_timeout = absl::Seconds(1);
  return options;
}

// A key on each of the masters 0, 1 and 2.
std::array<std::string, 3> KeyOnEachMaster(RedisCluster& cluster) {
  std::array<std::string, 3> keys;
  for (int i = 0, found = 0; found < 3; ++i) {
    const std::string key = absl::StrCat("{p", i, "}n");
    std::string& place = keys.at(cluster.MasterOf(key));
    if (place.empty()) {
      place = key;
      ++found;
    }
  }
  return keys;
}

TEST(RedisClusterClientTest, CallsGoToTheOwnersOfTheirSlots) {
  RedisCluster cluster;
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  const auto client = ReadyClient(At(cluster.url()), {&script});
  for (int i = 0; i < 300; ++i) {
    const std::string key = absl::StrCat("k", i);
    EXPECT_EQ(KeySlot(key), fixtures::ClusterSlot(key));
    ASSERT_TRUE(client->Available(key));
    const auto reply = RunAndWait(*client, script, {key}, {"7"});
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->integer, 7);
  }
  EXPECT_EQ(client->stats().redirects, 0);
  Outcomes outcomes;
  client->CallEachMaster({"DBSIZE"}, In(kAmple), outcomes.Next());
  ASSERT_TRUE(outcomes.WaitAll());
  const std::vector<absl::StatusOr<Reply>> sizes = outcomes.replies();
  int64_t keys = 0;
  for (const Reply& size : sizes[0]->elements) keys += size.integer;
  EXPECT_EQ(sizes[0]->elements.size(), 3u);
  EXPECT_EQ(keys, 300);
  const auto crossing = CallAndWait(*client, "a", {"MGET", "a", "b"}, kAmple);
  EXPECT_EQ(crossing.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(crossing.status().message()), HasSubstr("CROSSSLOT"));
}

TEST(RedisClusterClientTest, SlotsMoveUnderLoadWithoutAFailedCall) {
  RedisCluster cluster;
  const Script script("return redis.call('INCR', KEYS[1])");
  const auto client = ReadyClient(At(cluster.url()), {&script});
  const std::array<std::string, 3> keys = KeyOnEachMaster(cluster);
  std::array<std::atomic<int64_t>, 3> done_of{};
  Load load(8, kAmple, [&](int thread, int64_t serial, SteadyTime deadline, Callback done) {
    const size_t which = static_cast<size_t>(thread + serial) % keys.size();
    client->RunScript(
        script, {keys[which]}, {}, deadline,
        [&done_of, which, done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
          if (reply.ok()) ++done_of[which];
          done(std::move(reply));
        });
  });
  const auto progress = [&] {
    const int64_t ok = load.ok();
    return PollUntil(kAmple, [&] { return load.ok() > ok + 300; });
  };
  for (int round = 0; round < 6; ++round) {
    const std::string& key = keys[round % 3];
    const int to = (cluster.MasterOf(key) + 1) % 3;
    cluster.BeginMove(key, to);
    ASSERT_TRUE(progress()) << load.last_error();
    cluster.FinishMove(key, to);
    ASSERT_TRUE(progress()) << load.last_error();
  }
  load.Stop();
  EXPECT_EQ(load.failed() + load.lost() + load.doubled(), 0) << load.last_error();
  EXPECT_GT(client->stats().redirects, 0);
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(cluster.Command({"GET", keys[i]}).text, absl::StrCat(done_of[i].load()));
  }
  // The map has been learnt: a client that has followed the moves is not redirected for long.
  EXPECT_TRUE(PollUntil(kAmple, [&] {
    const int64_t before = client->stats().redirects;
    for (const std::string& key : keys)
      EXPECT_TRUE(CallAndWait(*client, key, {"GET", key}, kAmple).ok());
    return client->stats().redirects == before;
  }));
}

TEST(RedisClusterClientTest, AskForKeysThatHaveMovedAlready) {
  RedisCluster cluster;
  const Script script("return redis.call('GET', KEYS[1])");
  const auto client = ReadyClient(At(cluster.url()), {&script});
  const std::string key = "{move}k";
  const int to = (cluster.MasterOf(key) + 1) % 3;
  cluster.BeginMove(key, to);
  // The source does not have the key, so it sends the call on; the slot is still its own.
  const auto set = CallAndWait(*client, key, {"SET", key, "v"}, kAmple);
  ASSERT_TRUE(set.ok()) << set.status();
  const auto get = RunAndWait(*client, script, {key}, {});
  ASSERT_TRUE(get.ok()) << get.status();
  EXPECT_EQ(get->text, "v");
  EXPECT_EQ(client->stats().redirects, 2);
  cluster.FinishMove(key, to);
  EXPECT_EQ(RunAndWait(*client, script, {key}, {})->text, "v");
}

TEST(RedisClusterClientTest, KeysOnBothSidesOfAMoveAreTriedAgain) {
  RedisCluster cluster;
  const auto client = ReadyClient(At(cluster.url()));
  ASSERT_TRUE(CallAndWait(*client, "{m}a", {"SET", "{m}a", "1"}, kAmple).ok());
  const int to = (cluster.MasterOf("{m}a") + 1) % 3;
  cluster.BeginMove("{m}a", to);
  const auto both = CallAndWait(*client, "{m}a", {"MGET", "{m}a", "{m}b"}, kAmple);
  EXPECT_EQ(both.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(both.status().message()), HasSubstr("TRYAGAIN"));
  const auto hasty = CallAndWait(*client, "{m}a", {"MGET", "{m}a", "{m}b"}, absl::Milliseconds(30));
  EXPECT_EQ(hasty.status().code(), absl::StatusCode::kDeadlineExceeded);
  cluster.FinishMove("{m}a", to);
  const auto after = CallAndWait(*client, "{m}a", {"MGET", "{m}a", "{m}b"}, kAmple);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->elements.at(0).text, "1");
  EXPECT_TRUE(PollUntil(kAmple, [&] { return client->stats().pending == 0; }));
}

TEST(RedisClusterClientTest, AMasterKilledUnderLoadIsReplaced) {
  RedisClusterOptions options;
  options.replicas = true;
  RedisCluster cluster(options);
  const Script script("return redis.call('INCR', KEYS[1])");
  const auto client = ReadyClient(At(cluster.url()), {&script});
  const std::array<std::string, 3> keys = KeyOnEachMaster(cluster);
  std::array<std::atomic<int64_t>, 3> done_of{};
  Load load(8, absl::Milliseconds(500),
            [&](int thread, int64_t serial, SteadyTime deadline, Callback done) {
              const size_t which = static_cast<size_t>(thread + serial) % keys.size();
              client->RunScript(
                  script, {keys[which]}, {}, deadline,
                  [&done_of, which, done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
                    if (reply.ok()) ++done_of[which];
                    done(std::move(reply));
                  });
            });
  ASSERT_TRUE(PollUntil(kAmple, [&] { return load.ok() > 300; })) << load.last_error();
  cluster.node(0).Kill();
  EXPECT_EQ(cluster.WaitForMaster(keys[0], 0, absl::Seconds(60)), 3);
  for (size_t i = 0; i < keys.size(); ++i) {
    const int64_t before = done_of[i];
    EXPECT_TRUE(PollUntil(kAmple, [&] { return done_of[i] > before + 100; }))
        << keys[i] << ": " << load.last_error();
  }
  EXPECT_TRUE(client->WaitReady(kAmple).ok());
  load.Stop();
  EXPECT_EQ(load.lost() + load.doubled() + load.unexpected(), 0) << load.last_error();
  EXPECT_TRUE(PollUntil(kAmple, [&] { return client->stats().pending == 0; }));
  // The dead one comes back as a replica, and changes nothing.
  cluster.node(0).Start();
  cluster.WaitUntilOk(absl::Seconds(60));
  EXPECT_TRUE(CallAndWait(*client, keys[0], {"INCR", keys[0]}, kAmple).ok());
}

TEST(RedisClusterClientTest, AClusterThatIsDownIsUnavailable) {
  RedisCluster cluster;
  const auto client = ReadyClient(At(cluster.url()));
  const std::array<std::string, 3> keys = KeyOnEachMaster(cluster);
  cluster.node(0).Kill();
  // Without all slots, the others refuse as well.
  EXPECT_TRUE(PollUntil(absl::Seconds(60), [&] {
    const auto reply = CallAndWait(*client, keys[1], {"GET", keys[1]}, kAmple);
    if (reply.ok()) return false;
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable) << reply.status();
    return true;
  }));
  EXPECT_EQ(CallAndWait(*client, keys[0], {"GET", keys[0]}, kAmple).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_FALSE(client->Available(keys[0]));
  cluster.node(0).Start();
  cluster.WaitUntilOk(absl::Seconds(60));
  for (const std::string& key : keys) {
    EXPECT_TRUE(PollUntil(kAmple, [&] {
      return CallAndWait(*client, key, {"GET", key}, kAmple).ok();
    }));
  }
}

TEST(RedisClusterClientTest, TlsCluster) {
  RedisClusterOptions options;
  options.node.tls = true;
  RedisCluster cluster(options);
  const auto client = ReadyClient(At(cluster.url()));
  for (const std::string& key : KeyOnEachMaster(cluster)) {
    EXPECT_EQ(CallAndWait(*client, key, {"SET", key, "v"}, kAmple)->text, "OK");
  }
}

TEST(RedisClusterClientTest, AServerWithoutClusterIsNone) {
  fixtures::RedisServer server;
  const auto client =
      Client::Start(At(absl::StrCat("redis+cluster://127.0.0.1:", server.port())), {});
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(PollUntil(kAmple, [&] {
    const auto reply = CallAndWait(**client, "k", {"GET", "k"}, kAmple);
    EXPECT_FALSE(reply.ok());
    return reply.status().message().find("cluster support disabled") !=
           reply.status().message().npos;
  }));
}

}  // namespace
}  // namespace quotaplane::redis
