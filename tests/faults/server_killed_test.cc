// What a server has acknowledged outlives it: kill -9 with commits in flight, with a spool full of
// usage, and in the middle of charging that.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"
#include "tests/faults/load.h"

namespace quotaplane::fixtures {
namespace {

TEST(ServerKilled, WithCommitsInFlight) {
  RedisServer redis;
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  Load load({server.address()}, {.server_goes_away = true, .seed = TestSeed(21)});
  for (int i = 0; i < 4; ++i) {
    load.WaitForMore(&LoadCounts::pairs);
    server.Kill();
    load.WaitForMore(&LoadCounts::unavailable, 16);
    server.Start();
  }
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance(&redis);
}

TEST(ServerKilled, OneOfTwoReplicasAtATime) {
  RedisServer redis;
  ServerProcess a({.policy = kLoadPolicy, .redis = redis.url()});
  ServerProcess b({.policy = kLoadPolicy, .redis = redis.url()});
  Load load({a.address(), b.address()}, {.server_goes_away = true, .seed = TestSeed(22)});
  for (ServerProcess* victim : {&a, &b}) {
    load.WaitForMore(&LoadCounts::pairs);
    victim->Kill();
    // The other one carries on.
    load.WaitForMore(&LoadCounts::pairs);
    victim->Start();
  }
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance(&redis);
}

TEST(ServerKilled, WithASpoolFullOfUsage) {
  RedisServer redis(DurableRedis());
  ServerProcess server({.policy = kLoadPolicy, .redis = redis.url()});
  Load load({server.address()}, {.server_goes_away = true, .seed = TestSeed(23)});
  load.WaitForMore(&LoadCounts::pairs);
  redis.Kill();
  load.WaitForMore(&LoadCounts::spooled, 1'000);
  server.Kill();
  server.Start();  // its store is away from the start
  load.WaitForMore(&LoadCounts::spooled, 1'000);
  // Killed over and over while it charges what it finds in the spool.
  redis.Start();
  for (int i = 0; i < 3; ++i) {
    load.WaitForMore(&LoadCounts::pairs, 20);
    server.Kill();
    server.Start();
  }
  load.WaitForMore(&LoadCounts::pairs);
  load.Settle();
  load.ExpectBooksBalance(&redis);
}

// The disk is full as soon as the spool's file has 64 KiB.
void LimitFileSize(const ServerProcess& server, rlim_t bytes) {
  const rlimit limit = {bytes, RLIM_INFINITY};
  ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
}

TEST(SpoolFull, IsAnErrorThatSaysSoAndChargesNothing) {
  RedisServer redis(DurableRedis());
  ServerProcess server(
      {.policy = kLoadPolicy, .redis = redis.url(), .ignore_file_size_signal = true});
  const QuotaClient client(server.address());
  const v1::Subject subject = SubjectOf("open-1");
  const Tokens used{10, 10};
  redis.Kill();
  LimitFileSize(server, 64 << 10);
  int64_t acknowledged = 0, refused = 0;
  std::vector<std::string> refused_ids;
  for (int i = 0; refused < 20; ++i) {
    ASSERT_LT(i, 5'000) << "the spool does not fill";
    const auto commit = client.Call(CommitOf(absl::StrCat(i), subject, used));
    if (commit.ok()) {
      ASSERT_TRUE(commit.response.spooled());
      ++acknowledged;
      continue;
    }
    ASSERT_EQ(commit.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    ASSERT_EQ(ReasonOf(commit.status), "SPOOL_FULL") << commit.status.error_message();
    EXPECT_LT(commit.latency, absl::Milliseconds(500));
    refused_ids.push_back(absl::StrCat(i));
    ++refused;
  }
  EXPECT_GT(acknowledged, 100);
  // Room again, without a restart.
  LimitFileSize(server, RLIM_INFINITY);
  const auto spooled = client.Call(CommitOf("room", subject, used));
  ASSERT_TRUE(spooled.ok()) << spooled.status.error_message();
  EXPECT_TRUE(spooled.response.spooled());
  ++acknowledged;
  redis.Start();
  const auto charged = [&] { return LimitOf(client, subject, "open-requests").used(); };
  ASSERT_TRUE(PollUntil(absl::Seconds(20), [&] {
    const auto usage = client.Call(GetUsageOf(subject));
    return usage.ok() && LimitIn(usage.response, "open-requests").used() >= acknowledged;
  }));
  EXPECT_EQ(charged(), acknowledged);
  // What was refused was not charged, and is when it comes again.
  for (const std::string& id : refused_ids) {
    const auto commit = client.Call(CommitOf(id, subject, used));
    ASSERT_TRUE(commit.ok());
    EXPECT_FALSE(commit.response.replayed());
  }
  EXPECT_EQ(charged(), acknowledged + refused);
}

}  // namespace
}  // namespace quotaplane::fixtures
