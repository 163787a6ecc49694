// Many rows at once: over both databases.
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sql/errors.h"
#include "libs/sql/test_database.h"

namespace quotaplane::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

class BulkTest : public DatabaseTest {
 protected:
  BulkTest() {
    if (postgres()) {
      Must(
          "CREATE TABLE t (k BYTEA PRIMARY KEY, n BIGINT, small SMALLINT, d DOUBLE PRECISION, s "
          "TEXT);"
          "CREATE TABLE sums (s TEXT, h BIGINT, n BIGINT NOT NULL, m BIGINT NOT NULL,"
          " PRIMARY KEY (s, h))");
    } else {
      Must(
          "CREATE TABLE t (k BLOB PRIMARY KEY, n INTEGER, small INTEGER, d REAL, s TEXT) STRICT;"
          "CREATE TABLE sums (s TEXT, h INTEGER, n INTEGER NOT NULL, m INTEGER NOT NULL,"
          " PRIMARY KEY (s, h)) STRICT, WITHOUT ROWID");
    }
  }

  static Batch Entries() {
    return {.table = "t",
            .columns = {{"k", Type::kBytes},
                        {"n", Type::kInt},
                        {"small", Type::kInt},
                        {"d", Type::kDouble},
                        {"s", Type::kText}},
            .values = {}};
  }
  static void Add(Batch& batch, std::string_view key, Value n, Value s) {
    batch.values.insert(batch.values.end(), {Bytes{key}, n, 1, 0.5, s});
  }
  static Batch Sums(std::vector<Value> values) {
    return {
        .table = "sums",
        .columns = {{"s", Type::kText}, {"h", Type::kInt}, {"n", Type::kInt}, {"m", Type::kInt}},
        .values = std::move(values)};
  }

  std::vector<std::string> AllSums() {
    const auto rows = db_->Query({"sums", "SELECT s, h, n, m FROM sums ORDER BY s, h"});
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> all;
    for (size_t i = 0; i < rows->size(); ++i) {
      std::string s;
      int64_t h = 0, n = 0, m = 0;
      EXPECT_TRUE((*rows)[i].Read(s, h, n, m).ok());
      all.push_back(absl::StrCat(s, "/", h, " ", n, " ", m));
    }
    return all;
  }
};

TEST_P(BulkTest, InsertsAllTypesAndNulls) {
  const std::string key("\0\xff{\"\\,", 6);
  const std::string quoted = "{\"a\",NULL,'\\'} Zoë";
  Batch batch = Entries();
  Add(batch, key, kMax, quoted);
  Add(batch, "", nullptr, "");
  batch.values.insert(batch.values.end(), {Bytes{"x"}, -kMax - 1, nullptr, nullptr, nullptr});
  const auto inserted = db_->InsertMany(batch);
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  EXPECT_EQ(inserted->rows, 3);
  EXPECT_TRUE(inserted->returned.empty());
  const Rows rows = *db_->Query({"all", "SELECT k, n, small, d, s FROM t ORDER BY k"});
  ASSERT_EQ(rows.size(), 3u);
  const Value expected[3][5] = {{Bytes{""}, nullptr, 1, 0.5, ""},
                                {Bytes{key}, kMax, 1, 0.5, quoted},
                                {Bytes{"x"}, -kMax - 1, nullptr, nullptr, nullptr}};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t c = 0; c < 5; ++c) EXPECT_TRUE(rows[i][c] == expected[i][c]) << i << " " << c;
  }
}

TEST_P(BulkTest, SkipsWhatIsThereAndReturnsWhatIsNew) {
  Batch first = Entries();
  Add(first, "b", 1, "first");
  ASSERT_TRUE(db_->InsertMany(first).ok());
  Batch batch = Entries();
  Add(batch, "a", 1, "second");
  Add(batch, "b", 2, "second");
  Add(batch, "c", 3, "second");
  Add(batch, "a", 4, "again");
  const auto inserted = db_->InsertMany(batch, {.skip_existing = true, .returning = "k"});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  EXPECT_EQ(inserted->rows, 2);
  std::set<std::string> keys;
  for (size_t i = 0; i < inserted->returned.size(); ++i) {
    keys.emplace(inserted->returned[i][0].bytes());
  }
  EXPECT_THAT(keys, ElementsAre("a", "c"));
  EXPECT_EQ(MustCount(*db_, "SELECT SUM(n) FROM t"), 1 + 1 + 3);

  const auto again = db_->InsertMany(batch, {.skip_existing = true, .returning = "k"});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->rows, 0);
  EXPECT_TRUE(again->returned.empty());
}

TEST_P(BulkTest, OtherwiseADuplicateFailsTheBatchAsAWhole) {
  Batch batch = Entries();
  Add(batch, "a", 1, "secret");
  Add(batch, "b", 1, "secret");
  Add(batch, "a", 2, "secret");
  const absl::Status status = db_->InsertMany(batch).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ConstraintOf(status), postgres() ? "t_pkey" : "t.k");
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM t"), 0);
}

TEST_P(BulkTest, LargeBatches) {
  Batch batch = Entries();
  std::vector<std::string> keys;
  for (int i = 0; i < 20'000; ++i) keys.push_back(absl::StrCat("key ", i));
  const std::string megabyte(1 << 20, 'm');
  for (size_t i = 0; i < keys.size(); ++i) {
    Add(batch, keys[i], static_cast<int64_t>(i), i % 1000 == 0 ? megabyte : keys[i]);
  }
  const auto inserted = db_->InsertMany(batch, {.skip_existing = true, .returning = "n"});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  EXPECT_EQ(inserted->rows, 20'000);
  EXPECT_EQ(inserted->returned.size(), 20'000u);
  EXPECT_EQ(MustCount(*db_, "SELECT SUM(LENGTH(s)) FROM t WHERE LENGTH(s) > 100"), 20 << 20);
}

TEST_P(BulkTest, AddInsertsOrAdds) {
  ASSERT_TRUE(db_->AddMany(Sums({"b", 1, 10, 100,  //
                                 "a", 2, 1, 1,     //
                                 "b", 1, 5, 50,    //
                                 "a", 1, 7, -7}),
                           2)
                  .ok());
  EXPECT_THAT(AllSums(), ElementsAre("a/1 7 -7", "a/2 1 1", "b/1 15 150"));
  ASSERT_TRUE(db_->AddMany(Sums({"b", 1, -15, 1, "c", 0, 0, kMax}), 2).ok());
  EXPECT_THAT(AllSums(),
              ElementsAre("a/1 7 -7", "a/2 1 1", "b/1 0 151", absl::StrCat("c/0 0 ", kMax)));
  ASSERT_TRUE(db_->AddMany(Sums({}), 2).ok());
}

TEST_P(BulkTest, SumsThatDoNotFit) {
  ASSERT_TRUE(db_->AddMany(Sums({"a", 1, kMax, 0, "b", 1, 5, 5}), 2).ok());
  // With what is there, and within the batch.
  EXPECT_EQ(db_->AddMany(Sums({"b", 1, 1, 1, "a", 1, 1, 0}), 2).code(),
            absl::StatusCode::kOutOfRange);
  const absl::Status within = db_->AddMany(Sums({"c", 1, kMax, 1, "c", 1, 1, 1}), 2);
  EXPECT_EQ(within.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(within.message()), HasSubstr("a sum of n"));
  EXPECT_THAT(AllSums(), ElementsAre(absl::StrCat("a/1 ", kMax, " 0"), "b/1 5 5"));
}

TEST_P(BulkTest, BatchesAtOnceNeitherDeadlockNorLoseAnything) {
  const auto add = [&](int thread) {
    for (int round = 0; round < 30; ++round) {
      std::vector<Value> values;
      for (int i = 0; i < 200; ++i) {
        const int key = thread % 2 == 0 ? i : 199 - i;
        values.insert(values.end(), {"s", key, 1, thread});
      }
      const absl::Status status = db_->AddMany(Sums(std::move(values)), 2);
      ASSERT_TRUE(status.ok()) << status;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(add, i);
  }
  EXPECT_EQ(MustCount(*db_, "SELECT SUM(n) FROM sums"), 4 * 30 * 200);
  EXPECT_EQ(MustCount(*db_, "SELECT MIN(n) FROM sums"), 4 * 30);
}

TEST_P(BulkTest, MalformedBatchesAreRefused) {
  const auto refused = [&](const Batch& batch, const InsertOptions& options, const char* what) {
    const absl::Status status = db_->InsertMany(batch, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  };
  Batch batch = Entries();
  Add(batch, "a", 1, "x");
  refused(batch, {.returning = "nothing"}, "to return");
  batch.table = "t; DROP TABLE t";
  refused(batch, {}, "no name");
  batch = Entries();
  batch.columns[1].name = "n) --";
  refused(batch, {}, "bad name");
  batch = Entries();
  refused({.table = "t", .columns = {}, .values = {}}, {}, "no columns");
  batch.values = {1};
  refused(batch, {}, "not complete");
  batch = Entries();
  Add(batch, "a", "not an integer", "x");
  refused(batch, {}, "n of row 1 is of another type");
  batch = Entries();
  Add(batch, "a", 1, "ok");
  Add(batch, "b", 1, "\xff");
  refused(batch, {}, "s of row 2");
  batch = {.table = "t", .columns = {{"n", Type::kInt}}, .values = {}};
  batch.values.assign(kMaxBatchRows + 1, 1);
  refused(batch, {}, "at most");
  for (const size_t keys : {0, 4}) {
    EXPECT_EQ(db_->AddMany(Sums({"a", 1, 1, 1}), keys).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(db_->AddMany(Sums({"a", nullptr, 1, 1}), 2).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM t"), 0);
}

QP_OVER_BOTH_DATABASES(BulkTest);

}  // namespace
}  // namespace quotaplane::sql
