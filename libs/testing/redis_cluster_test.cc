#include "libs/testing/redis_cluster.h"

#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quotaplane::fixtures {
namespace {

using ::testing::StartsWith;

TEST(ClusterSlotTest, MatchesTheSpecification) {
  EXPECT_EQ(ClusterSlot("123456789"), 0x31C3 % 16384);
  EXPECT_EQ(ClusterSlot("{user1000}.following"), ClusterSlot("user1000"));
  EXPECT_NE(ClusterSlot("foo{}{bar}"), ClusterSlot("bar"));  // an empty tag does not count
  EXPECT_EQ(ClusterSlot("foo{{bar}}zap"), ClusterSlot("{bar"));
}

TEST(RedisClusterTest, ThreeMastersShareTheSlotsAndASlotMoves) {
  RedisCluster cluster;
  std::set<int> masters;
  for (int p = 0; p < 16; ++p) {
    const std::string key = absl::StrCat("{p", p, "}");
    EXPECT_EQ(cluster.Command({"SET", key, "v"}).text, "OK");
    masters.insert(cluster.MasterOf(key));
    const RespReply slot = cluster.node(0).Command({"CLUSTER", "KEYSLOT", key});
    EXPECT_EQ(slot.integer, ClusterSlot(key));
  }
  EXPECT_EQ(masters, (std::set<int>{0, 1, 2}));
  EXPECT_THAT(cluster.url(), StartsWith(absl::StrCat("redis+cluster://127.0.0.1:",
                                                     cluster.node(0).port(), ",127.0.0.1:")));

  const int from = cluster.MasterOf("{p1}");
  const int to = (from + 1) % 3;
  cluster.BeginMove("{p1}", to);
  EXPECT_THAT(cluster.node(from).Command({"GET", "{p1}new"}).text, StartsWith("ASK "));
  cluster.FinishMove("{p1}", to);
  EXPECT_EQ(cluster.MasterOf("{p1}"), to);
  EXPECT_THAT(cluster.node(from).Command({"GET", "{p1}"}).text, StartsWith("MOVED "));
  EXPECT_EQ(cluster.node(to).Command({"GET", "{p1}"}).text, "v");
}

TEST(RedisClusterTest, KilledMasterIsReplacedByItsReplica) {
  RedisCluster cluster({.replicas = true});
  const std::string key = "{p7}";
  const int master = cluster.MasterOf(key);
  ASSERT_GE(master, 0);
  // One connection: WAIT waits for the writes of its own.
  std::optional<RespClient> client =
      RespClient::ConnectUnix(cluster.node(master).socket_path(), absl::Seconds(10));
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ(client->Command({"SET", key, "kept"})->text, "OK");
  EXPECT_EQ(client->Command({"WAIT", "1", "5000"})->integer, 1);
  cluster.node(master).Kill();
  const int promoted = cluster.WaitForMaster(key, master);
  EXPECT_EQ(promoted, master + 3);
  EXPECT_EQ(cluster.node(promoted).Command({"GET", key}).text, "kept");
  cluster.node(master).Start();
  cluster.WaitUntilOk();
  EXPECT_EQ(cluster.MasterOf(key), promoted);
}

TEST(RedisClusterTest, SpeaksTls) {
  RedisCluster cluster({.node = {.tls = true, .password = "pw"}});
  EXPECT_THAT(cluster.url(), StartsWith("rediss+cluster://:pw@127.0.0.1:"));
  EXPECT_EQ(cluster.Command({"SET", "k", "v"}).text, "OK");
}

}  // namespace
}  // namespace quotaplane::fixtures
