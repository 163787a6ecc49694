// A PostgreSQL that is killed, restarted, hung, or says no.
#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sql/errors.h"
#include "libs/sql/test_database.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/tcp_gate.h"

namespace quotaplane::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PostgresFaultsTest : public ::testing::Test {
 protected:
  PostgresFaultsTest() {
    EXPECT_TRUE(db_->RunScript({"create", "CREATE TABLE t (n BIGINT PRIMARY KEY)"}).ok());
  }

  static absl::Status Insert(Session& session, int64_t n) {
    return session.Execute({"insert", "INSERT INTO t VALUES ($1)"}, {n}).status();
  }
  int64_t Count() { return MustCount(*db_, "SELECT COUNT(*) FROM t"); }

  fixtures::PostgresServer server_{{.tcp = true}};
  std::unique_ptr<Database> db_ = MustOpen({.url = server_.url()});
};

TEST_F(PostgresFaultsTest, KilledMidTransaction) {
  ASSERT_TRUE(Insert(*db_, 1).ok());
  auto transaction = *db_->Begin();
  ASSERT_TRUE(Insert(*transaction, 2).ok());
  server_.Kill();
  const absl::Status lost = Insert(*transaction, 3);
  EXPECT_EQ(lost.code(), absl::StatusCode::kUnavailable) << lost;
  EXPECT_EQ(transaction->Commit().code(), absl::StatusCode::kFailedPrecondition);
  transaction.reset();
  // While it is away, each use says so; then the next one works, with no help.
  EXPECT_EQ(Insert(*db_, 4).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(db_->Begin().status().code(), absl::StatusCode::kUnavailable);
  server_.Start();
  EXPECT_EQ(Count(), 1);
  EXPECT_TRUE(Insert(*db_, 2).ok());
}

// Commits that are acknowledged are there, those that are not may be; nothing else is.
TEST_F(PostgresFaultsTest, KilledWhileCommitting) {
  for (int round = 0; round < 3; ++round) {
    std::atomic<int64_t> acknowledged = 0;
    const int64_t before = Count();
    std::jthread writer([&] {
      for (int64_t n = before;; ++n) {
        const auto transaction = db_->Begin();
        if (!transaction.ok() || !Insert(**transaction, n).ok()) return;
        if (!(*transaction)->Commit().ok()) return;
        acknowledged = n - before + 1;
      }
    });
    ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return acknowledged > 100; }));
    server_.Kill();
    writer.join();
    server_.Start();
    const int64_t added = Count() - before;
    EXPECT_GE(added, acknowledged);
    EXPECT_LE(added, acknowledged + 1);
  }
}

TEST_F(PostgresFaultsTest, RestartedWhileIdle) {
  ASSERT_TRUE(Insert(*db_, 1).ok());
  server_.Restart();
  EXPECT_TRUE(Insert(*db_, 2).ok());  // the pool's connection was seen to be dead
  EXPECT_EQ(Count(), 2);
}

TEST_F(PostgresFaultsTest, ShutDownUnderATransaction) {
  const auto transaction = *db_->Begin();
  ASSERT_TRUE(Insert(*transaction, 1).ok());
  server_.Restart();
  const absl::Status status = Insert(*transaction, 2);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(Count(), 0);
}

TEST_F(PostgresFaultsTest, HungServerMeetsTheDeadline) {
  const auto impatient = MustOpen({.url = server_.url(),
                                   .connect_timeout = absl::Milliseconds(200),
                                   .statement_timeout = absl::Milliseconds(200)});
  auto transaction = *impatient->Begin();
  ASSERT_TRUE(Insert(*transaction, 1).ok());
  server_.Pause();
  const absl::Time start = absl::Now();
  const absl::Status silent = Insert(*transaction, 2);
  EXPECT_EQ(silent.code(), absl::StatusCode::kDeadlineExceeded) << silent;
  transaction.reset();  // does not wait for the server either
  EXPECT_EQ(Insert(*impatient, 3).code(), absl::StatusCode::kUnavailable);  // cannot connect
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  server_.Resume();
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return Insert(*impatient, 4).ok(); }));
  // The hung transaction is rolled back once the server finds its client gone.
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return Insert(*impatient, 1).ok(); }));
  EXPECT_EQ(Count(), 2);
}

TEST_F(PostgresFaultsTest, ConnectionCutInTheMiddleOfAReply) {
  fixtures::TcpGate gate(server_.port());
  const auto remote = MustOpen({.url = server_.TcpUrl(gate.port())});
  ASSERT_TRUE(Insert(*remote, 1).ok());
  gate.CutAfter(100);
  const auto rows =
      remote->Query({"numbers", "SELECT CAST(i AS BIGINT) FROM generate_series(1, 10000) AS g(i)"});
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kUnavailable) << rows.status();
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return Insert(*remote, 2).ok(); }));
}

TEST_F(PostgresFaultsTest, DeadlocksAreAborted) {
  ASSERT_TRUE(Insert(*db_, 1).ok());
  ASSERT_TRUE(Insert(*db_, 2).ok());
  const auto first = *db_->Begin();
  const auto second = *db_->Begin();
  const auto touch = [](Session& session, int64_t n) {
    return session.Execute({"touch", "UPDATE t SET n = n WHERE n = $1"}, {n}).status();
  };
  ASSERT_TRUE(touch(*first, 1).ok());
  ASSERT_TRUE(touch(*second, 2).ok());
  std::future<absl::Status> waiting =
      std::async(std::launch::async, [&] { return touch(*first, 2); });
  const absl::Status mine = touch(*second, 1);
  const absl::Status theirs = waiting.get();
  EXPECT_NE(mine.ok(), theirs.ok());
  const absl::Status& victim = mine.ok() ? theirs : mine;
  EXPECT_EQ(victim.code(), absl::StatusCode::kAborted) << victim;
  EXPECT_EQ(SqlStateOf(victim), "40P01");
}

TEST_F(PostgresFaultsTest, WhatTheServerSaysMeansTheSameEverywhere) {
  const struct {
    const char* sqlstate;
    absl::StatusCode code;
  } kCases[] = {
      {"53100", absl::StatusCode::kResourceExhausted},
      {"53200", absl::StatusCode::kResourceExhausted},
      {"53300", absl::StatusCode::kUnavailable},
      {"57P01", absl::StatusCode::kUnavailable},
      {"57P03", absl::StatusCode::kUnavailable},
      {"40001", absl::StatusCode::kAborted},
      {"23505", absl::StatusCode::kAlreadyExists},
      {"23503", absl::StatusCode::kInvalidArgument},
      {"57014", absl::StatusCode::kDeadlineExceeded},
      {"22003", absl::StatusCode::kOutOfRange},
      {"XX001", absl::StatusCode::kDataLoss},
      {"25006", absl::StatusCode::kFailedPrecondition},
      {"P0001", absl::StatusCode::kInvalidArgument},
      {"42P01", absl::StatusCode::kInvalidArgument},
  };
  for (const auto& [sqlstate, code] : kCases) {
    const std::string sql =
        absl::StrCat("DO 'BEGIN RAISE EXCEPTION ''said'' USING ERRCODE = ''", sqlstate, "''; END'");
    const absl::Status status = db_->Execute({"raise", sql}).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(SqlStateOf(status), sqlstate);
  }
  EXPECT_TRUE(Insert(*db_, 1).ok());
}

TEST_F(PostgresFaultsTest, UnknownTypesAndFractionsAskForACast) {
  for (const char* sql : {"SELECT now()", "SELECT 1.5", "SELECT CAST('{}' AS jsonb)"}) {
    EXPECT_EQ(db_->Query({"cast", sql}).status().code(), absl::StatusCode::kInvalidArgument) << sql;
  }
  const struct {
    const char* sql;
    int64_t value;
  } kNumerics[] = {{"SELECT 0.000", 0},
                   {"SELECT 10000.0", 10'000},
                   {"SELECT -20000000000000000.00", -20'000'000'000'000'000},
                   {"SELECT CAST('9223372036854775807' AS numeric)", INT64_MAX},
                   {"SELECT CAST('-9223372036854775808' AS numeric)", INT64_MIN}};
  for (const auto& [sql, value] : kNumerics) EXPECT_EQ(MustCount(*db_, sql), value) << sql;
  for (const char* sql : {"SELECT CAST('9223372036854775808' AS numeric)",
                          "SELECT CAST('1e30' AS numeric)", "SELECT CAST('NaN' AS numeric)"}) {
    EXPECT_EQ(db_->Query({"large", sql}).status().code(), absl::StatusCode::kOutOfRange) << sql;
  }
}

TEST(PostgresPasswordTest, FromTheUrlOrBesideItAndNeverInMessages) {
  const fixtures::PostgresServer server({.password = "s3cret"});
  EXPECT_TRUE(MustOpen({.url = server.url()})->Query({"one", "SELECT 1"}).ok());
  std::string wrong = server.url();
  wrong.replace(wrong.find("s3cret"), 6, "t0pguess");
  const absl::Status refused = Database::Open({.url = wrong}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(refused.ToString(), HasSubstr("password authentication failed"));
  EXPECT_THAT(refused.ToString(), Not(HasSubstr("t0pguess")));
  EXPECT_TRUE(MustOpen({.url = wrong, .password = "s3cret"})->Query({"one", "SELECT 1"}).ok());
  EXPECT_EQ(Database::Open({.url = server.url("no_such_database")}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(PostgresConnectTest, NobodyListensOrAnswers) {
  const fixtures::TempDir dir;
  const absl::Status nobody =
      Database::Open({.url = "postgres://u:p4ssw0rd@localhost:1/db"}).status();
  EXPECT_EQ(nobody.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(nobody.ToString(), Not(HasSubstr("p4ssw0rd")));
  fixtures::PostgresServer server;
  server.Pause();
  const absl::Status silent =
      Database::Open({.url = server.url(), .connect_timeout = absl::Milliseconds(50)}).status();
  EXPECT_EQ(silent.code(), absl::StatusCode::kUnavailable);
  server.Resume();
}

}  // namespace
}  // namespace quotaplane::sql
