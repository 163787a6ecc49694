// Statements, bounds, streams, transactions and the pool: over both databases.
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sql/schema_differs.h"
#include "libs/sql/test_database.h"

namespace quotaplane::sql {
namespace {

using ::testing::HasSubstr;

// Numbers from 1 to $1, in both dialects.
constexpr std::string_view kNumbers =
    "WITH RECURSIVE r(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM r WHERE i < $1)"
    " SELECT i, 'row ' || i FROM r";
// Never done.
constexpr std::string_view kForever =
    "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT COUNT(*) FROM r";

class SessionTest : public DatabaseTest {
 protected:
  SessionTest() { Must("CREATE TABLE t (k TEXT PRIMARY KEY, n BIGINT NOT NULL)"); }

  static absl::Status Insert(Session& session, std::string_view key, int64_t n) {
    return session.Execute({"insert", "INSERT INTO t VALUES ($1, $2)"}, {key, n}).status();
  }
  int64_t Count() { return MustCount(*db_, "SELECT COUNT(*) FROM t"); }
};

TEST_P(SessionTest, ExecuteCountsWhatItChanged) {
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(Insert(*db_, key, 1).ok());
  EXPECT_EQ(*db_->Execute({"update", "UPDATE t SET n = n + $1 WHERE k > $2"}, {1, "a"}), 2);
  EXPECT_EQ(*db_->Execute({"select", "SELECT * FROM t"}), 0);
  EXPECT_EQ(*db_->Execute({"create", "CREATE TABLE u (n BIGINT)"}), 0);
  EXPECT_EQ(*db_->Execute({"delete", "DELETE FROM t WHERE k = $1"}, {"a"}), 1);
  EXPECT_EQ(*db_->Execute({"delete", "DELETE FROM t WHERE k = $1"}, {"a"}), 0);
  EXPECT_EQ(*db_->Execute({"nothing", "INSERT INTO t VALUES ('b', 1) ON CONFLICT DO NOTHING"}), 0);
}

TEST_P(SessionTest, QueryIsBounded) {
  EXPECT_EQ(db_->Query({"numbers", kNumbers}, {10}, 10)->size(), 10u);
  const auto more = db_->Query({"numbers", kNumbers}, {11}, 10);
  EXPECT_EQ(more.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(more.status().message()), HasSubstr("more than 10 rows"));
  const Rows rows = *db_->Query({"numbers", kNumbers}, {1000});
  EXPECT_EQ(rows[999][1].text(), "row 1000");
  EXPECT_TRUE(db_->Query({"none", "SELECT k FROM t"})->empty());
}

TEST_P(SessionTest, StreamHandsOutEveryRowInOrder) {
  int64_t next = 1;
  const absl::Status status =
      db_->Stream({"numbers", kNumbers}, {10'000}, [&](const Row& row) -> absl::Status {
        EXPECT_EQ(row[0].integer(), next);
        EXPECT_EQ(row[1].text(), absl::StrCat("row ", next));
        ++next;
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(next, 10'001);
  int rows = 0;
  EXPECT_TRUE(db_->Stream({"none", "SELECT * FROM t"}, {},
                          [&](const Row&) {
                            ++rows;
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(rows, 0);
}

TEST_P(SessionTest, StreamEndsWithItsCallbacksError) {
  const auto transaction = *db_->Begin();
  ASSERT_TRUE(Insert(*transaction, "before", 1).ok());
  int rows = 0;
  const absl::Status status =
      transaction->Stream({"numbers", kNumbers}, {100'000}, [&](const Row&) {
        return ++rows == 2500 ? absl::CancelledError("enough") : absl::OkStatus();
      });
  EXPECT_EQ(status, absl::CancelledError("enough"));
  EXPECT_EQ(rows, 2500);
  // The transaction goes on.
  ASSERT_TRUE(Insert(*transaction, "after", 1).ok());
  EXPECT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(Count(), 2);
}

TEST_P(SessionTest, StatementsHaveDeadlines) {
  const absl::Time start = absl::Now();
  const absl::Status slow = db_->Query({"forever", kForever, absl::Milliseconds(100)}).status();
  EXPECT_EQ(slow.code(), absl::StatusCode::kDeadlineExceeded) << slow;
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(100));
  EXPECT_THAT(slow.ToString(), HasSubstr("SQL forever: "));
  // The connection is of use afterwards, with its old deadline.
  EXPECT_TRUE(Insert(*db_, "a", 1).ok());

  const auto impatient = MustOpen({.url = url(), .statement_timeout = absl::Milliseconds(50)});
  EXPECT_EQ(impatient->Execute({"forever", kForever}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(
      impatient->Stream({"forever", kForever}, {}, [](const Row&) { return absl::OkStatus(); })
          .code(),
      absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(impatient->Query({"numbers", kNumbers, absl::Seconds(30)}, {50'000})->size(), 50'000u);
}

TEST_P(SessionTest, CommitKeepsAndDestructionRollsBack) {
  {
    const auto transaction = *db_->Begin();
    ASSERT_TRUE(Insert(*transaction, "a", 1).ok());
    EXPECT_EQ(MustCount(*transaction, "SELECT COUNT(*) FROM t"), 1);
    EXPECT_EQ(Count(), 0);  // another connection sees nothing of it
  }
  EXPECT_EQ(Count(), 0);
  const auto transaction = *db_->Begin();
  ASSERT_TRUE(Insert(*transaction, "a", 1).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(Count(), 1);
  EXPECT_EQ(Insert(*transaction, "b", 1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(transaction->Commit().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(SessionTest, TheFirstErrorFailsATransaction) {
  ASSERT_TRUE(Insert(*db_, "taken", 1).ok());
  const Value bad_text = "\xff";
  for (const bool by_database : {true, false}) {
    const auto transaction = *db_->Begin();
    ASSERT_TRUE(Insert(*transaction, "a", 1).ok());
    const absl::Status failed =
        by_database ? Insert(*transaction, "taken", 2) : Insert(*transaction, bad_text.text(), 2);
    EXPECT_FALSE(failed.ok());
    EXPECT_EQ(Insert(*transaction, "b", 1).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(transaction->Commit().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(Count(), 1);
}

TEST_P(SessionTest, ReadOnlyTransactionsWriteNothingAndSeeOneSnapshot) {
  ASSERT_TRUE(Insert(*db_, "a", 1).ok());
  {
    const auto reader = *db_->Begin({.isolation = Isolation::kRepeatableRead, .read_only = true});
    EXPECT_EQ(MustCount(*reader, "SELECT COUNT(*) FROM t"), 1);
    ASSERT_TRUE(Insert(*db_, "b", 1).ok());  // does not wait for the reader
    EXPECT_EQ(MustCount(*reader, "SELECT COUNT(*) FROM t"), 1);
    EXPECT_EQ(Insert(*reader, "c", 1).code(), absl::StatusCode::kFailedPrecondition);
  }
  // The connection that it had may write again.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Insert(*db_, absl::StrCat(i), 1).ok());
  EXPECT_EQ(Count(), 5);
}

TEST_P(SessionTest, WritersThatWouldLoseUpdatesAreAbortedOrWait) {
  ASSERT_TRUE(Insert(*db_, "n", 0).ok());
  std::atomic<int> aborted = 0;
  const auto add = [&] {
    for (int done = 0; done < 50;) {
      auto transaction = db_->Begin({.isolation = Isolation::kRepeatableRead});
      ASSERT_TRUE(transaction.ok()) << transaction.status();
      const auto rows = (*transaction)->Query({"read", "SELECT n FROM t WHERE k = 'n'"});
      ASSERT_TRUE(rows.ok()) << rows.status();
      absl::Status status = (*transaction)
                                ->Execute({"write", "UPDATE t SET n = $1 WHERE k = 'n'"},
                                          {(*rows)[0][0].integer() + 1})
                                .status();
      if (status.ok()) status = (*transaction)->Commit();
      if (status.ok()) {
        ++done;
      } else {
        ASSERT_EQ(status.code(), absl::StatusCode::kAborted) << status;
        ++aborted;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(add);
  }
  EXPECT_EQ(MustCount(*db_, "SELECT n FROM t WHERE k = 'n'"), 200);
  if (!postgres()) {
    EXPECT_EQ(aborted, 0);  // they take turns
  }
}

TEST_P(SessionTest, ThePoolIsBounded) {
  const auto small =
      MustOpen({.url = url(), .max_connections = 2, .pool_timeout = absl::Milliseconds(50)});
  auto first = *small->Begin({.read_only = true});
  const auto second = *small->Begin({.read_only = true});
  const auto third = small->Begin({.read_only = true});
  EXPECT_EQ(third.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(third.status().message()), HasSubstr("all 2 connections"));
  first.reset();
  EXPECT_TRUE(small->Query({"count", "SELECT COUNT(*) FROM t"}).ok());

  // A waiting call is woken by the connection that comes back.
  const auto patient =
      MustOpen({.url = url(), .max_connections = 1, .pool_timeout = absl::Minutes(1)});
  auto only = *patient->Begin({.read_only = true});
  std::future<absl::Status> waiting = std::async(std::launch::async, [&] {
    return patient->Query({"count", "SELECT COUNT(*) FROM t"}).status();
  });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  only.reset();
  EXPECT_TRUE(waiting.get().ok());
}

TEST_P(SessionTest, MoreStatementsThanAreKeptPrepared) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      const auto rows =
          db_->Query({"many", absl::StrCat("SELECT ", i, " + CAST($1 AS BIGINT)")}, {1});
      ASSERT_TRUE(rows.ok()) << rows.status();
      ASSERT_EQ((*rows)[0][0].integer(), i + 1);
    }
  }
}

TEST_P(SessionTest, PreparedStatementsSurviveAChangeOfTheSchema) {
  ASSERT_TRUE(Insert(*db_, "a", 1).ok());
  const Statement all{"all", "SELECT * FROM t"};
  ASSERT_TRUE(db_->Query(all).ok());
  Must("ALTER TABLE t ADD COLUMN x TEXT");
  const auto first = db_->Query(all);
  EXPECT_TRUE(first.ok() || absl::IsAborted(first.status())) << first.status();
  const auto second = db_->Query(all);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)[0].size(), 3u);
}

TEST_P(SessionTest, TablesOfAnotherVersionAreToldFromBadValues) {
  Must("CREATE TABLE known (k BIGINT PRIMARY KEY, must BIGINT NOT NULL, CHECK (must > 0))");
  const auto differs = [this](std::string_view sql, const Value& value = Value()) {
    const auto done =
        value.is_null() ? db_->Execute({"it", sql}) : db_->Execute({"it", sql}, {value});
    EXPECT_FALSE(done.ok()) << std::string(sql);
    return SchemaDiffers(done.status());
  };
  EXPECT_TRUE(differs("INSERT INTO unknown (k) VALUES (1)"));
  EXPECT_TRUE(differs("INSERT INTO known (k, other) VALUES (1, 1)"));
  EXPECT_TRUE(differs("INSERT INTO known (k) VALUES (1)"));
  EXPECT_FALSE(differs("INSERT INTO known (k, must) VALUES (1, $1)", -1));
  EXPECT_FALSE(differs("INSERT INTO known (k, must) VALUES (1, $1)", std::string_view("\0", 1)));
  Must("INSERT INTO known (k, must) VALUES (1, 1)");
  EXPECT_FALSE(differs("INSERT INTO known (k, must) VALUES (1, $1)", 1));
  EXPECT_FALSE(SchemaDiffers(absl::OkStatus()));
}

TEST_P(SessionTest, BadOptionsAndUrls) {
  const auto code = [](DatabaseOptions options) {
    return Database::Open(std::move(options)).status().code();
  };
  EXPECT_EQ(code({.url = url(), .max_connections = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.url = url(), .statement_timeout = absl::ZeroDuration()}),
            absl::StatusCode::kInvalidArgument);
  for (const char* bad :
       {"", "mysql://x", "sqlite:", "sqlite::memory:", "sqlite:/tmp/", "sqlite:file:/x?mode=ro",
        "postgres://h:notaport:x/%zz", "postgres://u:p4ssw0rd@h/db?nonsense=p4ssw0rd"}) {
    const absl::Status status = Database::Open({.url = bad}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(status.ToString(), ::testing::Not(HasSubstr("p4ssw0rd")));
  }
  EXPECT_EQ(code({.url = "sqlite:" + dir_.File("no/such/dir/x.db")}),
            absl::StatusCode::kUnavailable);
}

// A million rows, which would take 100 MB and more at once.
TEST_P(SessionTest, StreamOfAMillionRowsInBoundedMemory) {
  const auto peak_kib = [] {
    std::ifstream file("/proc/self/status");
    std::string line;
    while (std::getline(file, line)) {
      if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
    }
    return 0L;
  };
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  constexpr long kAllowedKib = 400'000;  // it keeps 256 MiB of what was freed
#else
  constexpr long kAllowedKib = 20'000;
#endif
  constexpr int64_t kRows = 1'000'000;
  ASSERT_TRUE(
      db_->Stream({"warm up", kNumbers}, {5000}, [](const Row&) { return absl::OkStatus(); }).ok());
  const long before = peak_kib();
  int64_t sum = 0;
  const absl::Status status = db_->Stream(
      {"numbers",
       "WITH RECURSIVE r(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM r WHERE i < "
       "$1)"
       " SELECT i, 'a row that is padded to more than one hundred bytes, which makes a hundred"
       " megabytes in all for the million ' || i FROM r",
       absl::Minutes(2)},
      {kRows}, [&](const Row& row) {
        sum += row[0].integer();
        return absl::OkStatus();
      });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(sum, kRows * (kRows + 1) / 2);
  EXPECT_LT(peak_kib() - before, kAllowedKib);
}

QP_OVER_BOTH_DATABASES(SessionTest);

}  // namespace
}  // namespace quotaplane::sql
