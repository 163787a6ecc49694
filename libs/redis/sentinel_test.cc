// The client follows the master that the sentinels name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/redis/test_client.h"
#include "libs/testing/redis_sentinel.h"

namespace quotaplane::redis {
namespace {

using fixtures::PollUntil;
using fixtures::RedisSentinel;
using testing::HasSubstr;

constexpr absl::Duration kFailover = absl::Seconds(60);

ClientOptions At(std::string url) {
  ClientOptions options;
  options.url = std::move(url);
  return options;
}

// The port of the server that answers.
std::string PortOf(Client& client) {
  const auto reply = CallAndWait(client, "", {"CONFIG", "GET", "port"}, kAmple);
  return reply.ok() && reply->elements.size() == 2 ? reply->elements[1].text : "";
}

TEST(RedisSentinelClientTest, FollowsAFailoverUnderLoad) {
  RedisSentinel group;
  const Script script("return redis.call('INCR', KEYS[1])");
  const auto client = ReadyClient(At(group.url()), {&script});
  EXPECT_EQ(PortOf(*client), absl::StrCat(group.node(0).port()));
  Load load(8, absl::Milliseconds(300), [&](int, int64_t, SteadyTime deadline, Callback done) {
    client->RunScript(script, {"count"}, {}, deadline, std::move(done));
  });
  ASSERT_TRUE(PollUntil(kAmple, [&] { return load.ok() > 200; }));
  group.node(0).Kill();
  ASSERT_EQ(group.WaitForMaster(0, kFailover), 1);
  const int64_t ok = load.ok();
  EXPECT_TRUE(PollUntil(kAmple, [&] { return load.ok() > ok + 200; })) << load.last_error();
  load.Stop();
  EXPECT_EQ(load.lost() + load.doubled() + load.unexpected(), 0) << load.last_error();
  EXPECT_EQ(PortOf(*client), absl::StrCat(group.node(1).port()));
}

TEST(RedisSentinelClientTest, FollowsAFailoverThatNobodyDied) {
  RedisSentinel group;
  const auto client = ReadyClient(At(group.url()));
  // One sentinel is away: the others answer for it.
  group.sentinel(0).Stop();
  ASSERT_EQ(group.FailOver(1, kFailover), 1);
  EXPECT_TRUE(
      PollUntil(kFailover, [&] { return PortOf(*client) == absl::StrCat(group.node(1).port()); }));
  EXPECT_TRUE(PollUntil(kAmple, [&] {
    return CallAndWait(*client, "", {"SET", "k", "v"}, kAmple).ok();
  }));
}

TEST(RedisSentinelClientTest, UnknownMastersAndReplicasAreNoMasters) {
  RedisSentinel group;
  std::string other = group.url();
  other.replace(other.rfind('/'), std::string::npos, "/other");
  const auto client = Client::Start(At(other), {});
  ASSERT_TRUE(client.ok());
  const absl::Status status = (*client)->WaitReady(absl::Seconds(2));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not know a master 'other'"));
}

}  // namespace
}  // namespace quotaplane::redis
