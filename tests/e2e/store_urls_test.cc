// One server, every kind of Redis that `--redis` may name: the same calls, the same answers.
#include <gtest/gtest.h>

#include "libs/testing/poll_until.h"
#include "libs/testing/redis_cluster.h"
#include "libs/testing/redis_sentinel.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"

namespace quotaplane::fixtures {
namespace {

constexpr char kPolicy[] = R"(defaults: {on_outage: deny}
limits:
  - {id: minute, per: [team], unit: requests, amount: 100, window: 60s}
  - {id: month, per: [team], unit: usd, amount: 1, window: month}
)";

ServerProcessOptions Over(const std::string& url) { return {.policy = kPolicy, .redis = url}; }

// The life of a reservation under `id`, and one of its retries.
void ExpectServes(const QuotaClient& client, const std::string& id) {
  const v1::Subject subject = SubjectOf(id);
  const auto reserved = client.Call(ReserveOf(id, subject, {1'000, 1'000}));
  ASSERT_TRUE(reserved.ok()) << reserved.status.error_message();
  ASSERT_EQ(reserved.response.decision(), v1::DECISION_ALLOW);
  EXPECT_FALSE(reserved.response.outage());
  EXPECT_EQ(LimitOf(client, subject, "month").held(), 18'000'000);
  const auto extended = client.Call(ExtendOf(id, subject, 1, {1'000, 2'000}));
  EXPECT_EQ(extended.response.decision(), v1::DECISION_ALLOW);
  for (const bool replayed : {false, true}) {
    const auto commit = client.Call(CommitOf(id, subject, {1'000, 500}));
    ASSERT_TRUE(commit.ok()) << commit.status.error_message();
    EXPECT_EQ(commit.response.cost_nano_usd(), 10'500'000);
    EXPECT_FALSE(commit.response.spooled());
    EXPECT_EQ(commit.response.replayed(), replayed);
  }
  EXPECT_EQ(LimitOf(client, subject, "month").used(), 10'500'000);
  EXPECT_EQ(LimitOf(client, subject, "minute").used(), 1);
}

void ExpectServesOver(const std::string& url) {
  SCOPED_TRACE(url);
  ServerProcess server(Over(url));
  ExpectServes(QuotaClient(server.address()), "r");
}

TEST(StoreUrls, UnixSocket) {
  const RedisServer redis;
  ExpectServesOver(redis.unix_url());
}

TEST(StoreUrls, Password) {
  const RedisServer redis({.password = "secret"});
  ExpectServesOver(redis.url());
}

// The rules that ARCHITECTURE.md gives are enough, for the ledger's readers too.
TEST(StoreUrls, AclUserOverTls) {
  const std::string rules =
      "~{p* ~{quotaplane}* resetchannels -@all +@read +@write +@scripting +@connection +time";
  const RedisServer redis({.tls = true, .users = {{"quotaplane", "secret", rules}}});
  const TempDir dir;
  ServerProcessOptions options = Over(redis.url());
  options.ledger = "sqlite:" + dir.File("ledger.db");
  ServerProcess server(options);
  ExpectServes(QuotaClient(server.address()), "r");
  EXPECT_TRUE(PollUntil(absl::Seconds(20), [&] { return OutboxLength(redis) == 0; }))
      << server.Log();
}

TEST(StoreUrls, TlsWithAClientsCertificate) {
  const RedisServer redis({.tls = true, .tls_client_auth = true});
  ExpectServesOver(redis.url());
}

TEST(StoreUrls, ClusterOverTls) {
  const RedisCluster cluster({.node = {.tls = true}});
  ExpectServesOver(cluster.url());
}

TEST(StoreUrls, SentinelFollowsTheMaster) {
  RedisSentinel sentinel;
  ServerProcess server(Over(sentinel.url()));
  const QuotaClient client(server.address());
  ExpectServes(client, "before");
  sentinel.node(0).Kill();
  sentinel.WaitForMaster(0);
  const v1::Subject other = SubjectOf("other");
  ASSERT_TRUE(PollUntil(absl::Seconds(20), [&] { return client.Call(GetUsageOf(other)).ok(); }));
  ExpectServes(client, "after");
}

}  // namespace
}  // namespace quotaplane::fixtures
