#include "libs/testing/redis_sentinel.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace quotaplane::fixtures {
namespace {

TEST(RedisSentinelTest, PromotesTheReplica) {
  RedisSentinel redis;
  EXPECT_EQ(redis.url(), absl::StrCat("redis+sentinel://127.0.0.1:", redis.sentinel(0).port(),
                                      ",127.0.0.1:", redis.sentinel(1).port(),
                                      ",127.0.0.1:", redis.sentinel(2).port(), "/main"));
  ASSERT_EQ(redis.Master(), 0);
  // One connection: WAIT waits for the writes of its own.
  std::optional<RespClient> client =
      RespClient::ConnectUnix(redis.node(0).socket_path(), absl::Seconds(10));
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ(client->Command({"SET", "k", "kept"})->text, "OK");
  EXPECT_EQ(client->Command({"WAIT", "1", "5000"})->integer, 1);
  redis.node(0).Kill();
  EXPECT_EQ(redis.WaitForMaster(0), 1);
  EXPECT_EQ(redis.node(1).Command({"GET", "k"}).text, "kept");
  EXPECT_EQ(redis.node(1).Command({"SET", "k", "new"}).text, "OK");
}

}  // namespace
}  // namespace quotaplane::fixtures
