// What goes in comes out, and nothing else gets in: over both databases.
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sql/errors.h"
#include "libs/sql/test_database.h"

namespace quotaplane::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ValuesTest : public DatabaseTest {
 protected:
  ValuesTest() {
    const char* const blob = postgres() ? "BYTEA" : "BLOB";
    Must(std::string("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, d DOUBLE PRECISION, s TEXT,"
                     " b ") +
         blob + ")");
  }

  // Stores the four values, and reads them back.
  Rows RoundTrip(Value n, Value d, Value s, Value b) {
    const absl::StatusOr<int64_t> stored = db_->Execute(
        {"store", "INSERT INTO t VALUES ($1, $2, $3, $4, $5)"}, {++last_id_, n, d, s, b});
    EXPECT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(*stored, 1);
    absl::StatusOr<Rows> rows =
        db_->Query({"load", "SELECT n, d, s, b FROM t WHERE id = $1"}, {last_id_});
    EXPECT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->size(), 1u);
    return *std::move(rows);
  }

  int64_t last_id_ = 0;
};

TEST_P(ValuesTest, RoundTrip) {
  const std::string all_bytes = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
  }();
  const std::string large(1 << 20, 'x');
  struct Case {
    int64_t n;
    double d;
    std::string s, b;
  };
  const Case cases[] = {
      {0, 0.0, "", ""},
      {std::numeric_limits<int64_t>::max(), 1.7976931348623157e308, "plain", all_bytes},
      {std::numeric_limits<int64_t>::min(), -5e-324, "Zoë 🦊 \U0010FFFF",
       "\xff\xfe\x80 no UTF-8"},
      {-1, 0.1, "'; DROP TABLE t; --", "'; DROP TABLE t; --"},
      {1, std::numeric_limits<double>::infinity(), "a\nb\t\\x41 %s $1 \"q\" {1,NULL}", "{\"\\"},
      {1'793'491'200'000'001, 1e15, large, large},
  };
  for (const Case& c : cases) {
    const Rows rows = RoundTrip(c.n, c.d, c.s, Bytes{c.b});
    int64_t n = 7;
    double d = 7;
    std::string s;
    Bytes b;
    ASSERT_TRUE(rows[0].Read(n, d, s, b).ok());
    EXPECT_EQ(n, c.n);
    EXPECT_EQ(d, c.d);
    EXPECT_TRUE(s == c.s);
    EXPECT_TRUE(b.data == c.b);
  }
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM t"), int64_t{std::size(cases)});
}

TEST_P(ValuesTest, NullIsNotEmpty) {
  const Rows rows = RoundTrip(nullptr, nullptr, nullptr, nullptr);
  std::optional<int64_t> n = 1;
  std::optional<double> d = 1;
  std::optional<std::string> s = "x";
  std::optional<Bytes> b = Bytes{"x"};
  ASSERT_TRUE(rows[0].Read(n, d, s, b).ok());
  EXPECT_FALSE(n || d || s || b);
  // A NULL where none is expected, and a value of another type, are errors that name the column.
  int64_t number = 0;
  EXPECT_THAT(std::string(rows[0].Read(n, number, s, b).message()), HasSubstr("column 2"));
  EXPECT_EQ(rows[0].Read(n, d).code(), absl::StatusCode::kInternal);
  const Rows empty = RoundTrip(1, 1.0, "", Bytes{""});
  EXPECT_FALSE(empty[0][2].is_null());
  EXPECT_FALSE(empty[0][3].is_null());
  EXPECT_EQ(empty[0].Read(n, d, n, b).code(), absl::StatusCode::kInternal);

  const std::optional<std::string> none;
  EXPECT_EQ((*db_->Query({"is null", "SELECT COUNT(*) FROM t WHERE $1 IS NULL"}, {none}))[0][0],
            Value(2));
  EXPECT_EQ((*db_->Query({"is null", "SELECT COUNT(*) FROM t WHERE $1 IS NULL"},
                         {Value::Null(Type::kInt)}))[0][0],
            Value(2));
}

TEST_P(ValuesTest, RefusedBeforeTheDatabaseSeesThem) {
  const struct {
    Value value;
    const char* what;
  } kCases[] = {
      {Value(std::string_view("a\0b", 3)), "NUL"},
      {"12345678\xff", "UTF-8"},
      {"\xc0\xaf", "UTF-8"},
      {"\xed\xa0\x80", "UTF-8"},
      {"\xf4\x90\x80\x80", "UTF-8"},
      {"cut \xe2\x82", "UTF-8"},
      {Value(std::nan("")), "not a number"},
  };
  for (const auto& [value, what] : kCases) {
    const auto stored =
        db_->Execute({"store", "INSERT INTO t (id, s) VALUES ($1, $2)"}, {1, value});
    EXPECT_EQ(stored.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(stored.status().message()), HasSubstr("SQL store: parameter $2"));
    EXPECT_THAT(std::string(stored.status().message()), HasSubstr(what));
  }
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM t"), 0);
}

TEST_P(ValuesTest, ParametersInAnyOrderAndRepeated) {
  const auto rows = db_->Query(
      {"order", "SELECT CAST($2 AS TEXT), CAST($1 AS BIGINT) + $1, CAST($2 AS TEXT)"}, {21, "x"});
  ASSERT_TRUE(rows.ok()) << rows.status();
  std::string a, b;
  int64_t n = 0;
  ASSERT_TRUE((*rows)[0].Read(a, n, b).ok());
  EXPECT_EQ(a + b, "xx");
  EXPECT_EQ(n, 42);
  EXPECT_EQ(
      db_->Query({"too few", "SELECT id FROM t WHERE id = $1 OR n = $2"}, {1}).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST_P(ValuesTest, SumsAreIntegersOrOutOfRange) {
  RoundTrip(std::numeric_limits<int64_t>::max() - 5, nullptr, nullptr, nullptr);
  RoundTrip(5, nullptr, nullptr, nullptr);
  EXPECT_EQ(MustCount(*db_, "SELECT SUM(n) FROM t"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(MustCount(*db_, "SELECT -SUM(n) FROM t"), -std::numeric_limits<int64_t>::max());
  EXPECT_TRUE((*db_->Query({"none", "SELECT SUM(n) FROM t WHERE id < 0"}))[0][0].is_null());
  RoundTrip(1, nullptr, nullptr, nullptr);
  const auto sum = db_->Query({"total", "SELECT SUM(n) FROM t"});
  EXPECT_EQ(sum.status().code(), absl::StatusCode::kOutOfRange) << sum.status();
  EXPECT_THAT(std::string(sum.status().message()), HasSubstr("SQL total: "));
}

TEST_P(ValuesTest, TextIsComparedByItsBytesWhereAsked) {
  for (const char* s : {"b", "B", "a", "é", "Z"}) RoundTrip(1, 1.0, s, nullptr);
  const auto rows = db_->Query({"order", "SELECT s FROM t ORDER BY s COLLATE \"C\""});
  ASSERT_TRUE(rows.ok()) << rows.status();
  std::string joined;
  for (size_t i = 0; i < rows->size(); ++i) joined += (*rows)[i][0].text();
  EXPECT_EQ(joined, "BZabé");
  EXPECT_EQ(MustCount(*db_, "SELECT COUNT(*) FROM t WHERE s LIKE 'b%'"), 1);
}

TEST_P(ValuesTest, ErrorsNameTheStatementButShowNoValues) {
  const std::string secret = "s3cret-value";
  Must(
      "CREATE TABLE u (s TEXT CONSTRAINT u_s_key UNIQUE, n BIGINT CONSTRAINT positive CHECK (n > "
      "0))");
  const Statement insert{"add secret", "INSERT INTO u VALUES ($1, $2)"};
  ASSERT_TRUE(db_->Execute(insert, {secret, 1}).ok());
  const absl::Status twice = db_->Execute(insert, {secret, 1}).status();
  EXPECT_EQ(twice.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ConstraintOf(twice), postgres() ? "u_s_key" : "u.s");
  EXPECT_EQ(SqlStateOf(twice), postgres() ? "23505" : "2067");
  const absl::Status negative = db_->Execute(insert, {secret + "2", -4711}).status();
  EXPECT_EQ(negative.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ConstraintOf(negative), "positive");
  const absl::Status syntax = db_->Execute({"add secret", "INSERT OR"}, {}).status();
  EXPECT_EQ(syntax.code(), absl::StatusCode::kInvalidArgument);
  const absl::Status missing =
      db_->Query({"add secret", "SELECT * FROM nowhere WHERE s = $1"}, {secret}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("nowhere"));
  for (const absl::Status& status : {twice, negative, syntax, missing}) {
    EXPECT_THAT(status.ToString(), HasSubstr("SQL add secret: "));
    EXPECT_THAT(status.ToString(), Not(HasSubstr("s3cret")));
    EXPECT_THAT(status.ToString(), Not(HasSubstr("4711")));
  }
  if (postgres()) {
    const absl::Status cast =
        db_->Query({"cast", "SELECT CAST($1 AS BIGINT) + n FROM u"}, {secret}).status();
    EXPECT_EQ(SqlStateOf(cast), "22P02");
    EXPECT_THAT(cast.ToString(), Not(HasSubstr("s3cret")));
  }
}

QP_OVER_BOTH_DATABASES(ValuesTest);

}  // namespace
}  // namespace quotaplane::sql
