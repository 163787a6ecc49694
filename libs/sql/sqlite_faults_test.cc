// A SQLite file that is locked by another process, on a full disk, damaged, or whose writer is
// killed.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sql/test_database.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::sql {
namespace {

using ::testing::HasSubstr;

// A process that runs `body` with a pipe to write to, and ends by being killed, or with what `body`
// returns.
class Child {
 public:
  explicit Child(const std::function<int(int pipe)>& body) {
    int pipe[2];
    EXPECT_EQ(::pipe(pipe), 0);
    pid_ = ::fork();
    EXPECT_GE(pid_, 0);
    if (pid_ == 0) {
      ::close(pipe[0]);
      ::_exit(body(pipe[1]));
    }
    ::close(pipe[1]);
    pipe_ = pipe[0];
  }
  ~Child() {
    if (pid_ > 0) Kill();
    ::close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next number it writes; -1 when it writes no more.
  int64_t Next() const {
    int64_t number = 0;
    return ::read(pipe_, &number, sizeof(number)) == sizeof(number) ? number : -1;
  }
  void Kill() {
    ::kill(pid_, SIGKILL);
    Wait();
  }
  int Wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

bool Tell(int pipe, int64_t number) {
  return ::write(pipe, &number, sizeof(number)) == sizeof(number);
}

class SqliteFaultsTest : public ::testing::Test {
 protected:
  // Closed again before a test forks: SQLite's locks do not come along into a child.
  SqliteFaultsTest() {
    EXPECT_TRUE(MustOpen({.url = url_})
                    ->RunScript({"create", "CREATE TABLE t (n INTEGER PRIMARY KEY)"})
                    .ok());
  }

  static absl::Status Insert(Session& session, int64_t n) {
    return session.Execute({"insert", "INSERT INTO t VALUES ($1)"}, {n}).status();
  }

  const fixtures::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
  const std::string url_ = "sqlite:" + path_;
};

TEST_F(SqliteFaultsTest, LockedByAnotherProcess) {
  Child holder([&](int pipe) {
    const auto db = *Database::Open({.url = url_});
    const auto transaction = *db->Begin();
    if (!Insert(*transaction, 1).ok() || !Tell(pipe, 1)) return 1;
    ::pause();
    return 0;
  });
  ASSERT_EQ(holder.Next(), 1);
  const auto db = MustOpen({.url = url_, .lock_timeout = absl::Milliseconds(100)});
  EXPECT_EQ(MustCount(*db, "SELECT COUNT(*) FROM t"), 0);  // readers do not wait
  const absl::Time start = absl::Now();
  const absl::Status locked = Insert(*db, 2);
  EXPECT_EQ(locked.code(), absl::StatusCode::kUnavailable) << locked;
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(100));
  EXPECT_EQ(db->Begin().status().code(), absl::StatusCode::kUnavailable);
  holder.Kill();
  EXPECT_TRUE(Insert(*db, 2).ok());
  EXPECT_EQ(MustCount(*db, "SELECT SUM(n) FROM t"), 2);
}

TEST_F(SqliteFaultsTest, WriterKilledBetweenAndWithinTransactions) {
  int64_t kept = 0;
  for (int round = 0; round < 10; ++round) {
    Child writer([&](int pipe) {
      const auto db = *Database::Open({.url = url_});
      for (int64_t n = kept;; n += 10) {
        const auto transaction = *db->Begin();
        for (int64_t i = n; i < n + 10; ++i) {
          if (!Insert(*transaction, i).ok()) return 1;
        }
        if (!transaction->Commit().ok() || !Tell(pipe, n + 10)) return 1;
      }
    });
    int64_t acknowledged = kept;
    for (int i = 0; i < 5 + round; ++i) acknowledged = writer.Next();
    writer.Kill();
    for (int64_t more = writer.Next(); more >= 0; more = writer.Next()) acknowledged = more;
    const auto db = MustOpen({.url = url_});
    kept = MustCount(*db, "SELECT COUNT(*) FROM t");
    EXPECT_GE(kept, acknowledged);
    EXPECT_LE(kept, acknowledged + 10);
    EXPECT_EQ(kept % 10, 0);
    EXPECT_EQ((*db->Query({"check", "PRAGMA integrity_check"}))[0][0].text(), "ok");
  }
}

// The kernel's own limit on the size of a file stands for a disk that is full.
TEST_F(SqliteFaultsTest, FullDisk) {
  Child writer([&](int pipe) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {300'000, 300'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto db = *Database::Open({.url = url_});
    for (int64_t n = 0; n < 1'000'000; ++n) {
      const absl::Status status = Insert(*db, n);
      if (status.ok()) continue;
      // It fails as a whole, and reading goes on.
      const bool says_so = status.code() == absl::StatusCode::kResourceExhausted;
      const bool reads = MustCount(*db, "SELECT COUNT(*) FROM t") == n;
      return Tell(pipe, n) && says_so && reads ? 0 : 1;
    }
    return 2;
  });
  const int64_t rows = writer.Next();
  EXPECT_EQ(writer.Wait(), 0);
  EXPECT_GT(rows, 0);
  const auto db = MustOpen({.url = url_});
  EXPECT_EQ(MustCount(*db, "SELECT COUNT(*) FROM t"), rows);
  EXPECT_TRUE(Insert(*db, rows).ok());  // there is room again
}

TEST_F(SqliteFaultsTest, FullDatabase) {
  const auto db = MustOpen({.url = url_, .max_connections = 1});
  ASSERT_TRUE(db->Query({"limit", "PRAGMA max_page_count = 10"}).ok());
  ASSERT_TRUE(db->Execute({"create", "CREATE TABLE big (b BLOB)"}).ok());
  const std::string large(100'000, 'x');
  EXPECT_EQ(db->Execute({"fill", "INSERT INTO big VALUES ($1)"}, {large}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Insert(*db, 1).ok());
}

TEST_F(SqliteFaultsTest, NotADatabase) {
  const std::string path = dir_.File("other.db");
  std::ofstream(path) << std::string(10'000, 'x');
  EXPECT_EQ(Database::Open({.url = "sqlite:" + path}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteFaultsTest, CommitsAreFlushedAndForeignKeysHold) {
  const auto db = MustOpen({.url = url_});
  EXPECT_EQ((*db->Query({"mode", "PRAGMA journal_mode"}))[0][0].text(), "wal");
  EXPECT_EQ(MustCount(*db, "PRAGMA synchronous"), 2);  // FULL
  ASSERT_TRUE(db->RunScript({"create", "CREATE TABLE child (n INTEGER REFERENCES t (n))"}).ok());
  EXPECT_EQ(db->Execute({"orphan", "INSERT INTO child VALUES (1)"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SqliteFaultsTest, CastsOfTheOtherDialectAreExplained) {
  const auto db = MustOpen({.url = url_});
  const absl::Status status = db->Query({"cast", "SELECT $1::text"}, {"x"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("CAST("));
  EXPECT_EQ(db->Query({"two", "SELECT 1; SELECT 2"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SqliteFaultsTest, ReopenedByManyAtOnce) {
  const std::string url = "sqlite:" + dir_.File("fresh.db");
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(std::make_unique<Child>([&](int) {
      const auto db = Database::Open({.url = url});
      return db.ok() && (*db)->Query({"one", "SELECT 1"}).ok() ? 0 : 1;
    }));
  }
  for (const auto& child : children) EXPECT_EQ(child->Wait(), 0);
}

}  // namespace
}  // namespace quotaplane::sql
