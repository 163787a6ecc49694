// Migrations over both databases: from nothing, from every version, at once, and into the unknown.
#include "libs/sql/migrate.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sql/month_partitions.h"
#include "libs/sql/test_database.h"

namespace quotaplane::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Migration kFirst = {1, "0001_one",
                              "CREATE TABLE one (n BIGINT); INSERT INTO one VALUES (1)"};
constexpr Migration kSecond = {2, "0002_two",
                               "CREATE TABLE two (n BIGINT); INSERT INTO one VALUES (2)"};
constexpr Migration kAdditive = {
    2, "0002_additive",
    "-- What it is for.\n-- works from: 1\nALTER TABLE one ADD COLUMN m BIGINT"};
constexpr Migration kBroken = {2, "0002_broken", "CREATE TABLE two (n BIGINT); SELECT nonsense"};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

class MigrateTest : public DatabaseTest {
 protected:
  std::string Folder() const {
    return absl::StrCat(QP_SOURCE_DIR, "/migrations/", postgres() ? "postgres" : "sqlite");
  }
  // As it stands in the database, whatever a program makes of it.
  static int64_t VersionOf(Database& db) {
    return MustCount(db, "SELECT MAX(version) FROM schema_migrations");
  }
  // Of a database beside db_, empty.
  std::string FreshUrl(const std::string& name) {
    if (!postgres()) return "sqlite:" + dir_.File(name);
    EXPECT_TRUE(db_->Execute({"create", "CREATE DATABASE " + name}).ok());
    return server_->url(name);
  }
  std::unique_ptr<Database> Fresh(const std::string& name) {
    return MustOpen({.url = FreshUrl(name)});
  }
  // The rows that a program of `version` adds to those of the versions before.
  void Fill(Session& session, int version) const {
    const std::string data = ReadFile(absl::StrFormat("%s/testdata/%04d.sql", Folder(), version));
    const absl::Status filled = session.RunScript({"data", data});
    ASSERT_TRUE(filled.ok()) << version << ": " << filled;
  }
  std::span<const Migration> All() const { return MigrationsFor(GetParam()); }

  // For the table `one`, which `session` has read.
  static void WaitUntilTheMigrationWaits(Session& session) {
    while (MustCount(session,
                     "SELECT COUNT(*) FROM pg_locks WHERE relation = CAST('one' AS regclass) AND "
                     "NOT granted") == 0) {
      std::this_thread::yield();
    }
  }

  // Rows by table; partitions count with their parent.
  std::map<std::string, int64_t> RowsByTable(Database& db) {
    const Statement tables =
        postgres() ? Statement{"tables",
                               "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT"
                               " relispartition AND relnamespace = CAST('public' AS regnamespace)"}
                   : Statement{"tables", "SELECT name FROM sqlite_master WHERE type = 'table'"};
    const auto names = db.Query(tables);
    EXPECT_TRUE(names.ok()) << names.status();
    std::map<std::string, int64_t> rows;
    for (size_t i = 0; i < names->size(); ++i) {
      const std::string name((*names)[i][0].text());
      if (!name.starts_with("schema_")) {
        rows[name] = MustCount(db, "SELECT COUNT(*) FROM " + name);
      }
    }
    return rows;
  }
};

TEST_P(MigrateTest, FromNothing) {
  const absl::StatusOr<Schema> empty = ReadSchema(*db_);
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->version, 0);
  EXPECT_EQ(empty->missing.size(), All().size());
  const int64_t before_us = absl::GetCurrentTimeNanos() / 1000;
  const absl::Status status = Migrate(*db_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(VersionOf(*db_), static_cast<int64_t>(All().size()));
  const Rows rows = *db_->Query(
      {"all",
       "SELECT version, name, checksum, applied_at_us FROM schema_migrations ORDER BY version"});
  ASSERT_EQ(rows.size(), All().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    int64_t version = 0, applied_at_us = 0;
    std::string name, checksum;
    ASSERT_TRUE(rows[i].Read(version, name, checksum, applied_at_us).ok());
    EXPECT_EQ(version, All()[i].version);
    EXPECT_EQ(name, All()[i].name);
    EXPECT_EQ(checksum, ChecksumOf(All()[i]));
    EXPECT_GE(applied_at_us, before_us);
  }
  EXPECT_TRUE(Migrate(*db_).ok());  // nothing more to do
}

TEST_P(MigrateTest, TheBinaryHoldsTheFiles) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (entry.path().extension() == ".sql") files.insert(entry.path().stem());
  }
  std::set<std::string> known;
  for (const Migration& migration : All()) {
    known.emplace(migration.name);
    EXPECT_EQ(migration.sql,
              ReadFile(absl::StrCat(Folder(), "/", std::string(migration.name), ".sql")));
  }
  EXPECT_EQ(known, files);
}

// With the rows of every version that was there before. The version after the newest is the newest
// itself: nothing happens to its rows either.
TEST_P(MigrateTest, FromEveryVersionWithData) {
  for (size_t start = 1; start <= All().size(); ++start) {
    SCOPED_TRACE(absl::StrCat("from version ", start));
    const auto db = Fresh(absl::StrCat("from_", start));
    for (size_t version = 1; version <= start; ++version) {
      ASSERT_TRUE(Migrate(*db, All().first(version)).ok());
      Fill(*db, static_cast<int>(version));
    }
    const std::map<std::string, int64_t> before = RowsByTable(*db);
    for (const auto& [table, rows] : before) EXPECT_GT(rows, 0) << table << ": no data of it";
    const absl::Status status = Migrate(*db);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(VersionOf(*db), static_cast<int64_t>(All().size()));
    const std::map<std::string, int64_t> after = RowsByTable(*db);
    for (const auto& [table, rows] : before) {
      ASSERT_TRUE(after.contains(table)) << table;
      EXPECT_EQ(after.at(table), rows) << table;
    }
  }
}

TEST_P(MigrateTest, OnlyWhatIsMissing) {
  ASSERT_TRUE(Migrate(*db_, {{kFirst}}).ok());
  EXPECT_EQ(VersionOf(*db_), 1);
  ASSERT_TRUE(Migrate(*db_, {{kFirst, kSecond}}).ok());
  EXPECT_EQ(VersionOf(*db_), 2);
  EXPECT_EQ(MustCount(*db_, "SELECT SUM(n) FROM one"), 3);
}

TEST(WorksFromTest, IsALineOfTheMigration) {
  const auto of = [](std::string_view sql) { return WorksFrom({9, "0009_nine", sql}); };
  EXPECT_EQ(of("-- works from: 8\nSELECT 1"), 8);
  EXPECT_EQ(of("-- Notes.\n-- works from: 3\nSELECT 1"), 3);
  EXPECT_EQ(of("SELECT 1"), 9);
  EXPECT_EQ(of("SELECT 1 -- works from: 3"), 9) << "not a line of its own";
  EXPECT_EQ(of("-- works from: 10\nSELECT 1"), 9) << "nobody knows such a program";
  EXPECT_EQ(of("-- works from: 0\nSELECT 1"), 9);
  EXPECT_EQ(of("-- works from: all\nSELECT 1"), 9);
}

TEST_P(MigrateTest, NewerDatabase) {
  ASSERT_TRUE(Migrate(*db_, {{kFirst, kSecond}}).ok());
  for (const absl::Status& status :
       {Migrate(*db_, {{kFirst}}), ReadSchema(*db_, {{kFirst}}).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(std::string(status.message()),
              "the database has schema version 2, which needs a program of version 2 or later; "
              "this one is of version 1: start a newer one, or restore the database's backup of "
              "before the upgrade");
  }
}

TEST_P(MigrateTest, NewerDatabaseThatWorksWithOlderPrograms) {
  ASSERT_TRUE(Migrate(*db_, {{kFirst, kAdditive}}).ok());
  const absl::Status status = Migrate(*db_, {{kFirst}});
  ASSERT_TRUE(status.ok()) << status;
  const absl::StatusOr<Schema> schema = ReadSchema(*db_, {{kFirst}});
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->version, 2);
  EXPECT_EQ(schema->works_from, 1);
  EXPECT_TRUE(schema->missing.empty());
  EXPECT_EQ(VersionOf(*db_), 2);
  Must("INSERT INTO one (n) VALUES (3)");  // as the older program does
  EXPECT_EQ(MustCount(*db_, "SELECT SUM(n) FROM one"), 4);
}

// What is applied later takes nothing back: the last one alone does not decide.
TEST_P(MigrateTest, TheStrictestOfAllMigrationsDecides) {
  constexpr Migration kThird = {3, "0003_three", "-- works from: 1\nCREATE TABLE three (n BIGINT)"};
  ASSERT_TRUE(Migrate(*db_, {{kFirst, kSecond, kThird}}).ok());
  EXPECT_EQ(ReadSchema(*db_, {{kFirst, kSecond}})->works_from, 2);
  EXPECT_TRUE(Migrate(*db_, {{kFirst, kSecond}}).ok());
  EXPECT_EQ(Migrate(*db_, {{kFirst}}).code(), absl::StatusCode::kFailedPrecondition);
}

// As programs left it that wrote nothing down of what works with it.
TEST_P(MigrateTest, DatabaseOfProgramsThatSaidNothing) {
  ASSERT_TRUE(Migrate(*db_, {{kFirst, kAdditive}}).ok());
  Must("DROP TABLE schema_works_from");
  EXPECT_EQ(ReadSchema(*db_, {{kFirst, kAdditive}})->works_from, 2);
  EXPECT_EQ(Migrate(*db_, {{kFirst}}).code(), absl::StatusCode::kFailedPrecondition);
  constexpr Migration kThird = {3, "0003_three", "-- works from: 2\nCREATE TABLE three (n BIGINT)"};
  ASSERT_TRUE(Migrate(*db_, {{kFirst, kAdditive, kThird}}).ok());
  EXPECT_EQ(ReadSchema(*db_, {{kFirst, kAdditive, kThird}})->works_from, 2);
  EXPECT_TRUE(Migrate(*db_, {{kFirst, kAdditive}}).ok());
}

// A migration may say that programs of before work with it only if it takes what they write. Those
// up to 8 say nothing, since programs of then ask no database; they are held to it all the same.
TEST_P(MigrateTest, TakesRowsOfTheProgramsThatWorkWithIt) {
  constexpr int kSilent = 8;
  for (size_t version = 1; version <= All().size(); ++version) {
    SCOPED_TRACE(absl::StrCat("version ", version));
    const Migration& migration = All()[version - 1];
    const int oldest = migration.version <= kSilent ? migration.version - 1 : WorksFrom(migration);
    ASSERT_TRUE(Migrate(*db_, All().first(version)).ok());
    const auto given_up = *db_->Begin();  // the next version begins without rows, too
    for (int program = 1; program <= oldest; ++program) Fill(*given_up, program);
  }
}

TEST_P(MigrateTest, BothDatabasesSayTheSameOfOlderPrograms) {
  const std::span<const Migration> other =
      MigrationsFor(postgres() ? Dialect::kSqlite : Dialect::kPostgres);
  for (size_t i = 0; i < All().size(); ++i) {
    EXPECT_EQ(WorksFrom(All()[i]), WorksFrom(other[i])) << All()[i].name;
    // A line that is not read is one that somebody has mistyped.
    const bool says = All()[i].sql.find("works from") != std::string_view::npos;
    EXPECT_EQ(says, WorksFrom(All()[i]) < All()[i].version) << All()[i].name;
  }
}

TEST_P(MigrateTest, ChangedMigration) {
  ASSERT_TRUE(Migrate(*db_, {{kFirst}}).ok());
  Migration changed = kFirst;
  changed.sql = "CREATE TABLE one (n BIGINT, m BIGINT)";
  const absl::Status status = Migrate(*db_, {{changed, kSecond}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("0001_one was changed after it was applied"));
  EXPECT_EQ(VersionOf(*db_), 1);
}

TEST_P(MigrateTest, AFailureLeavesWhatWasBefore) {
  const absl::Status status = Migrate(*db_, {{kFirst, kBroken}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("0002_broken"));
  EXPECT_EQ(VersionOf(*db_), 1);
  EXPECT_THAT(RowsByTable(*db_), ElementsAre(std::pair("one", 1)));
  EXPECT_TRUE(Migrate(*db_, {{kFirst, kSecond}}).ok());
}

// A migration that waits for a table does not hold up those who come after it.
TEST_P(MigrateTest, LetsOthersGoFirst) {
  if (!postgres()) return;  // SQLite has one writer, and readers that wait for nobody
  ASSERT_TRUE(Migrate(*db_, {{kFirst}}).ok());
  auto reader = *db_->Begin({.read_only = true});
  EXPECT_EQ(MustCount(*reader, "SELECT SUM(n) FROM one"), 1);
  absl::Status migrated;
  {
    const std::jthread migration([&] { migrated = Migrate(*db_, {{kFirst, kAdditive}}); });
    WaitUntilTheMigrationWaits(*reader);
    // Behind the migration in the line of those who want the table.
    EXPECT_EQ(MustCount(*db_, "SELECT SUM(n) FROM one"), 1);
    EXPECT_EQ(VersionOf(*db_), 1);
    reader.reset();
  }
  EXPECT_TRUE(migrated.ok()) << migrated;
  EXPECT_EQ(VersionOf(*db_), 2);
}

// Each with connections of its own, as two servers that start have.
TEST_P(MigrateTest, TwoAtOnceOnAFreshDatabase) {
  for (int round = 0; round < 20; ++round) {
    const std::string fresh = FreshUrl(absl::StrCat("race_", round));
    std::atomic<int> ready = 0;
    const auto start = [&] {
      ++ready;
      while (ready < 2) std::this_thread::yield();
      const auto db = Database::Open({.url = fresh});
      ASSERT_TRUE(db.ok()) << db.status();
      const absl::Status status = Migrate(**db, {{kFirst, kSecond}});
      EXPECT_TRUE(status.ok()) << status;
    };
    {
      const std::jthread one(start);
      const std::jthread other(start);
    }
    const auto db = MustOpen({.url = fresh});
    EXPECT_EQ(VersionOf(*db), 2);
    EXPECT_EQ(MustCount(*db, "SELECT SUM(n) FROM one"), 3);
  }
}

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kNovember2026Us = 1'793'491'200 * kSecondUs;
constexpr int64_t kDecember2026Us = 1'796'083'200 * kSecondUs;

TEST(StartOfMonthTest, InUtc) {
  EXPECT_EQ(StartOfMonthUs(kNovember2026Us), kNovember2026Us);
  EXPECT_EQ(StartOfMonthUs(kDecember2026Us - 1), kNovember2026Us);
  EXPECT_EQ(StartOfMonthUs(kDecember2026Us), kDecember2026Us);
  EXPECT_EQ(StartOfMonthUs(-1), -31 * 86'400 * kSecondUs);  // 1969-12-01
}

class MonthPartitionsTest : public DatabaseTest {
 protected:
  MonthPartitionsTest() { EXPECT_TRUE(Migrate(*db_).ok()); }

  void AddEntry(int64_t occurred_at_us) {
    const absl::Status status =
        db_->Execute(
               {"entry",
                "INSERT INTO ledger_entries (charge_key, line, org, kind, reservation_id, "
                "occurred_at_us, recorded_at_us, attempt, model, subject_model, priced_as, "
                "service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd, "
                "price_version, team, project, user_name, api_key, labels, cost_center, "
                "held_nano_usd, overrun_nano_usd, late, unreserved, recorded, unpriced, spooled) "
                "VALUES ($1, 0, 'acme', 'usage', 'r', $2, $2, 0, 'm', 'm', '', 'standard', "
                "'input', 1, 1, 1, 'v', '', '', '', '', '{}', '', 0, 0, 0, 0, 0, 0, 0)"},
               {Bytes{"0123456789abcdef"}, occurred_at_us})
            .status();
    ASSERT_TRUE(status.ok()) << status;
  }
};

TEST_P(MonthPartitionsTest, MakesWhatIsMissing) {
  const int64_t year_us = 365 * 86'400 * kSecondUs;
  for (int i = 0; i < 2; ++i) {
    const absl::Status status =
        EnsureMonthPartitions(*db_, kNovember2026Us - 1, kDecember2026Us + 5);
    ASSERT_TRUE(status.ok()) << status;
  }
  ASSERT_TRUE(EnsureMonthPartitions(*db_, kNovember2026Us, kNovember2026Us + year_us).ok());
  for (const int64_t at_us : {kNovember2026Us - 1, kNovember2026Us, kDecember2026Us - 1,
                              kDecember2026Us, kNovember2026Us + year_us}) {
    AddEntry(at_us);
  }
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM ledger_entries"), 5);
  if (!postgres()) return;
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM ledger_entries_2026_11"), 2);
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM ledger_entries_2026_12"), 1);
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM ledger_entries_default"), 0);
  // With the indexes of the whole.
  constexpr char kIndexes[] = "SELECT COUNT(*) FROM pg_indexes WHERE tablename = ";
  EXPECT_EQ(MustCount(*db_, std::string(kIndexes) + "'ledger_entries_2026_11'"),
            MustCount(*db_, std::string(kIndexes) + "'ledger_entries'"));
  EXPECT_EQ(MustCount(*db_,
                      "SELECT COUNT(*) FROM pg_inherits WHERE inhparent ="
                      " CAST('ledger_entries' AS regclass)"),
            15);
}

// A report over a month that is there holds up nobody who makes others.
TEST_P(MonthPartitionsTest, AtOnceAndBesideAReader) {
  ASSERT_TRUE(EnsureMonthPartitions(*db_, kNovember2026Us, kNovember2026Us).ok());
  AddEntry(kNovember2026Us);
  const auto reader = *db_->Begin({.read_only = true});
  const std::string month =
      absl::StrCat("SELECT COUNT(*) FROM ledger_entries WHERE occurred_at_us >= ", kNovember2026Us,
                   " AND occurred_at_us < ", kDecember2026Us);
  EXPECT_EQ(MustCount(*reader, month), 1);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const absl::Status status = EnsureMonthPartitions(
            *db_, kNovember2026Us, kNovember2026Us + 300 * 86'400 * kSecondUs);
        EXPECT_TRUE(status.ok()) << status;
      });
    }
  }
  EXPECT_EQ(MustCount(*reader, month), 1);
}

TEST_P(MonthPartitionsTest, BadRangesAndADefaultPartitionThatIsNotEmpty) {
  EXPECT_EQ(EnsureMonthPartitions(*db_, kDecember2026Us, kNovember2026Us).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EnsureMonthPartitions(*db_, 0, INT64_MAX / 2).code(),
            absl::StatusCode::kInvalidArgument);
  if (!postgres()) return;
  AddEntry(kNovember2026Us);
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM ledger_entries_default"), 1);
  EXPECT_EQ(EnsureMonthPartitions(*db_, kNovember2026Us, kNovember2026Us).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(EnsureMonthPartitions(*db_, kDecember2026Us, kDecember2026Us).ok());
}

QP_OVER_BOTH_DATABASES(MigrateTest);
QP_OVER_BOTH_DATABASES(MonthPartitionsTest);

}  // namespace
}  // namespace quotaplane::sql
