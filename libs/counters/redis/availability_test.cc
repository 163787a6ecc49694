#include "libs/counters/redis/availability.h"

#include <gtest/gtest.h>

#include <memory>

#include "libs/counters/redis/layout.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_cluster.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kAmple = absl::Seconds(30);

// Of a Cluster that answers for what it still has, one partition says nothing about the others.
TEST(EveryPartitionAvailableTest, OneMasterAwayIsSeenWhicheverItIs) {
  fixtures::RedisCluster cluster({.node = {.config = {"cluster-require-full-coverage no"}}});
  redis::ClientOptions options;
  options.url = cluster.url();
  const auto client = *redis::Client::Start(options, {});
  ASSERT_TRUE(client->WaitReady(kAmple).ok());
  const auto available = [&] { return EveryPartitionAvailable(*client, kDefaultPartitions); };
  EXPECT_TRUE(available());
  for (int node = 0; node < cluster.size(); ++node) {
    const bool has_the_first = cluster.MasterOf("{p0}") == node;
    cluster.node(node).Kill();
    EXPECT_TRUE(fixtures::PollUntil(kAmple, [&] { return !available(); })) << node;
    EXPECT_EQ(client->Available("{p0}"), !has_the_first);
    cluster.node(node).Start();
    cluster.WaitUntilOk(absl::Seconds(60));
    EXPECT_TRUE(fixtures::PollUntil(kAmple, available)) << node;
  }
}

}  // namespace
}  // namespace quotaplane
