// The ledger's database away: requests go on, the backlog is seen and drained after; and where
// Redis' memory ends, usage is spooled, and refused only when that is full too.
#include <gtest/gtest.h>
#include <quotaplane/v1/books.grpc.pb.h>
#include <sys/resource.h>

#include <csignal>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/sql/database.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"
#include "tests/faults/load.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class LedgerAway : public testing::Test {
 protected:
  LedgerAway() : LedgerAway(RedisOptions{.append_only = true}) {}
  explicit LedgerAway(RedisOptions redis)
      : redis_(std::move(redis)),
        server_({.policy = kLoadPolicy,
                 .redis = redis_.url(),
                 .roles = "quota",
                 .ignore_file_size_signal = true}),
        worker_({.redis = redis_.url(), .ledger = postgres_.url(), .roles = "ledger"}),
        ledger_(v1::LedgerService::NewStub(
            grpc::CreateChannel(worker_.address(), grpc::InsecureChannelCredentials()))) {}

  v1::GetStatusResponse Status() {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    v1::GetStatusResponse status;
    const grpc::Status called = ledger_->GetStatus(&context, {}, &status);
    EXPECT_TRUE(called.ok()) << called.error_message();
    return status;
  }
  int64_t ChargesInLedger() {
    const auto database = sql::Database::Open({.url = postgres_.url()});
    if (!database.ok()) return -1;
    const auto rows = (*database)->Query({"charges", "SELECT COUNT(*) FROM ledger_keys"});
    return rows.ok() ? (*rows)[0][0].integer() : -1;
  }
  // The worker writes again, and has written all.
  void ExpectDrained(int64_t charges) {
    EXPECT_TRUE(PollUntil(kPatience, [&] {
      const v1::GetStatusResponse status = Status();
      return status.ledger_available() && status.has_outbox_messages() &&
             status.outbox_messages() == 0;
    }));
    EXPECT_TRUE(PollUntil(kPatience, [&] { return ChargesInLedger() == charges; }))
        << ChargesInLedger() << " of " << charges;
    EXPECT_EQ(Status().outbox_oldest_age().seconds(), 0);
  }

  RedisServer redis_;
  PostgresServer postgres_;
  ServerProcess server_;
  ServerProcess worker_;
  std::unique_ptr<v1::LedgerService::Stub> ledger_;
};

TEST_F(LedgerAway, RequestsGoOnAndTheBacklogIsSeenAndDrained) {
  Load load({server_.address()}, {.seed = TestSeed(31)});
  load.WaitForMore(&LoadCounts::pairs);
  EXPECT_TRUE(Status().ledger_available());
  postgres_.Kill();
  EXPECT_TRUE(PollUntil(kPatience, [&] { return !Status().ledger_available(); }));
  const int64_t before = Status().outbox_messages();
  load.WaitForMore(&LoadCounts::pairs, 2'000);
  const v1::GetStatusResponse away = Status();
  EXPECT_GE(away.outbox_messages(), before + 1'900);
  // Both rise: what the alerts are about.
  EXPECT_TRUE(PollUntil(kPatience, [&] { return Status().outbox_oldest_age().seconds() >= 1; }));
  EXPECT_EQ(load.counts().outage_denied + load.counts().spooled, 0) << "a request noticed";
  postgres_.Start();
  load.WaitForMore(&LoadCounts::pairs, 500);
  load.Settle();
  load.ExpectBooksBalance();
  int64_t commits = 0;
  for (const auto& [team, book] : load.Acknowledged()) commits += book.commits;
  ExpectDrained(commits);
}

class LedgerAwayAndLittleMemory : public LedgerAway {
 protected:
  LedgerAwayAndLittleMemory()
      : LedgerAway(RedisOptions{.append_only = true, .config = {"maxmemory-policy noeviction"}}) {}

  // So much more than it has now.
  void AllowMemory(int64_t more) {
    int64_t used = 0;
    ASSERT_TRUE(absl::SimpleAtoi(redis_.Info("used_memory"), &used));
    const std::string most = more == 0 ? "0" : absl::StrCat(used + more);
    ASSERT_FALSE(redis_.Command({"CONFIG", "SET", "maxmemory", most}).is_error());
  }
  void LimitSpool(rlim_t bytes) {
    const rlimit limit = {bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(server_.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }
};

TEST_F(LedgerAwayAndLittleMemory, SpoolsThenRefusesWhileReserveAnswersByPolicy) {
  const QuotaClient client(server_.address());
  const v1::Subject open = SubjectOf("open-1"), strict = SubjectOf("strict-1");
  ASSERT_TRUE(client.Call(CommitOf("first", open, {10, 10})).ok());
  ExpectDrained(1);
  postgres_.Kill();
  AllowMemory(2 << 20);
  int64_t acknowledged = 1, spooled = 0;
  for (int i = 0; spooled < 50; ++i) {
    ASSERT_LT(i, 50'000) << "Redis does not fill";
    const auto commit = client.Call(CommitOf(absl::StrCat("a", i), open, {10, 10}));
    ASSERT_TRUE(commit.ok()) << commit.status.error_message();
    ++acknowledged;
    if (commit.response.spooled()) ++spooled;
  }
  EXPECT_GT(Status().outbox_messages(), 500);
  // Reserve answers by what the policy says of outages.
  EXPECT_EQ(client.Call(ReserveOf("r1", open, {1, 1})).response.decision(), v1::DECISION_ALLOW);
  EXPECT_EQ(client.Call(ReserveOf("r2", strict, {1, 1})).response.decision(), v1::DECISION_DENY);
  LimitSpool(64 << 10);
  std::string reason;
  for (int i = 0; reason.empty(); ++i) {
    ASSERT_LT(i, 5'000) << "the spool does not fill";
    const auto commit = client.Call(CommitOf(absl::StrCat("b", i), open, {10, 10}));
    if (commit.ok()) {
      ++acknowledged;
    } else {
      EXPECT_EQ(commit.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
      reason = ReasonOf(commit.status);
    }
  }
  EXPECT_EQ(reason, "SPOOL_FULL");
  EXPECT_EQ(client.Call(ReserveOf("r3", open, {1, 1})).response.decision(), v1::DECISION_ALLOW);
  // The database is back: the worker makes room by itself, and the spool follows.
  LimitSpool(RLIM_INFINITY);
  postgres_.Start();
  ExpectDrained(acknowledged);
  EXPECT_TRUE(client.Call(CommitOf("last", open, {10, 10})).ok());
  ExpectDrained(acknowledged + 1);
}

}  // namespace
}  // namespace quotaplane::fixtures
