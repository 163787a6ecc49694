// P4: nothing acknowledged is lost, and nothing is charged twice, on the whole way from a Commit to
// the SQL ledger, whatever is killed on the way.
//
// QUOTAPLANE_TEST_KILL_SEEDS sets how many seeds there are (10, and 3 under sanitizers, whose
// servers take several times as long), QUOTAPLANE_TEST_SEED where they begin.
#include <gtest/gtest.h>
#include <quotaplane/v1/books.grpc.pb.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
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

constexpr int64_t kCommits = 20'000;
constexpr absl::Duration kDrainPatience = absl::Seconds(90);

int Seeds() {
  int seeds = 0;
  const char* text = std::getenv("QUOTAPLANE_TEST_KILL_SEEDS");
  return text != nullptr && absl::SimpleAtoi(text, &seeds) ? seeds : KILL_SEEDS;
}

// Everything a deployment is made of, each a process of its own.
class Deployment {
 public:
  Deployment()
      : redis_(DurableRedis()),
        server_({.policy = kLoadPolicy, .redis = redis_.url(), .roles = "quota"}),
        worker_({.policy = kLoadPolicy,
                 .redis = redis_.url(),
                 .ledger = postgres_.url(),
                 .roles = "ledger"}) {
    parts_ = {{"server", [this] { server_.Kill(); }, [this] { server_.Start(); }},
              {"worker", [this] { worker_.Kill(); }, [this] { worker_.Start(); }},
              {"redis", [this] { redis_.Kill(); }, [this] { redis_.Start(); }},
              {"postgres", [this] { postgres_.Kill(); }, [this] { postgres_.Start(); }}};
  }

  std::string address() const { return server_.address(); }
  const RedisServer& redis() const { return redis_; }

  // P5: what `quotactl verify` asks. Every counter of a calendar period or lifetime that was
  // charged says what the ledger says.
  void ExpectVerified() {
    const auto stub = v1::LedgerService::NewStub(
        grpc::CreateChannel(worker_.address(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + kDrainPatience));
    const auto stream = stub->Verify(&context, {});
    v1::VerifyResponse response;
    bool whole = false;
    int64_t counters = 0;
    while (stream->Read(&response)) {
      for (const v1::BookRow& row : response.rows()) ADD_FAILURE() << row.ShortDebugString();
      counters += response.org().counters();
      if (response.has_org()) {
        EXPECT_EQ(response.org().state(), v1::OrgBooks::BALANCED);
      }
      whole = response.last();
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok() && whole) << status.error_message();
    EXPECT_EQ(counters, 4 * 2);  // of each team its dollars and its tokens
  }

  // Kills one of them, now and then several together, and starts them again after a while.
  void KillSome(std::mt19937_64* random) {
    const auto any = [&](int below) { return static_cast<int>((*random)() % below); };
    std::vector<Part*> victims;
    for (Part& part : parts_) victims.push_back(&part);
    std::shuffle(victims.begin(), victims.end(), *random);
    victims.resize(any(4) == 0 ? 2 + any(3) : 1);
    for (Part* victim : victims) {
      victim->kill();
      ++victim->kills;
    }
    absl::SleepFor(absl::Milliseconds(any(250)));  // how long it is dead: part of what is tried
    for (Part* victim : victims) victim->start();
  }

  std::string Kills() const {
    std::string kills;
    for (const Part& part : parts_) kills += part.name + " " + std::to_string(part.kills) + "  ";
    return kills;
  }

  // What the ledger has, by team.
  absl::StatusOr<std::map<std::string, Load::Book>> Ledger() {
    sql::DatabaseOptions options;
    options.url = postgres_.url();
    const auto database = sql::Database::Open(options);
    if (!database.ok()) return database.status();
    // One snapshot: the worker may still be writing.
    const auto snapshot = (*database)->Begin({sql::Isolation::kRepeatableRead, true});
    if (!snapshot.ok()) return snapshot.status();
    const auto rows = (*snapshot)->Query(
        {"books",
         "SELECT team, COUNT(DISTINCT charge_key), SUM(cost_nano_usd) FROM ledger_entries "
         "GROUP BY team"});
    if (!rows.ok()) return rows.status();
    const auto sums = (*snapshot)->Query(
        {"rollups",
         "SELECT team, SUM(requests), SUM(cost_nano_usd) FROM rollup_hour GROUP BY team"});
    if (!sums.ok()) return sums.status();
    const auto read = [](const sql::Rows& from) {
      std::map<std::string, Load::Book> books;
      for (size_t i = 0; i < from.size(); ++i) {
        books[std::string(from[i][0].text())] = {from[i][1].integer(), from[i][2].integer()};
      }
      return books;
    };
    auto books = read(*rows);
    EXPECT_EQ(books, read(*sums)) << "rollups are not the sums of the entries";
    return books;
  }

 private:
  struct Part {
    std::string name;
    std::function<void()> kill;
    std::function<void()> start;
    int kills = 0;
  };

  RedisServer redis_;
  PostgresServer postgres_;
  ServerProcess server_;
  ServerProcess worker_;
  std::vector<Part> parts_;
};

class P4NothingAcknowledgedIsLost : public testing::TestWithParam<int> {};

TEST_P(P4NothingAcknowledgedIsLost, WhateverIsKilled) {
  const uint64_t seed = TestSeed(4'000 + GetParam());
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  Deployment deployment;
  // How soon answers come is outage_test's business; here databases start beside the load, again
  // and again, and take the processors from it.
  Load load({deployment.address()},
            {.deadline = absl::Seconds(5), .server_goes_away = true, .seed = seed});
  while (load.counts().pairs + load.counts().spooled < kCommits) {
    load.WaitForMore(&LoadCounts::pairs, static_cast<int64_t>(random() % 800));
    deployment.KillSome(&random);
  }
  load.Settle();
  load.ExpectBooksBalance();
  const auto acknowledged = load.Acknowledged();
  absl::StatusOr<std::map<std::string, Load::Book>> ledger;
  PollUntil(kDrainPatience, [&] {
    ledger = deployment.Ledger();
    return ledger.ok() && *ledger == acknowledged;
  });
  ASSERT_TRUE(ledger.ok()) << ledger.status();
  for (const auto& [team, book] : acknowledged) {
    EXPECT_EQ((*ledger)[team].commits, book.commits) << team;
    EXPECT_EQ((*ledger)[team].nano_usd, book.nano_usd) << team;
  }
  EXPECT_EQ(OutboxLength(deployment.redis()), 0);
  deployment.ExpectVerified();
  const LoadCounts counts = load.counts();
  std::printf("kills: %s  commits %lld, spooled %lld\n", deployment.Kills().c_str(),
              static_cast<long long>(counts.pairs), static_cast<long long>(counts.spooled));
}

INSTANTIATE_TEST_SUITE_P(Seeds, P4NothingAcknowledgedIsLost, testing::Range(0, Seeds()));

}  // namespace
}  // namespace quotaplane::fixtures
