#include "libs/ledger/retention.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/audit.h"
#include "libs/ledger/ledger_rows.h"
#include "libs/sql/month_partitions.h"

namespace quotaplane {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;
constexpr absl::Duration kTimeout = absl::Minutes(10);

// A table that is dropped row by row, in portions of time.
struct Table {
  std::string_view name;
  std::string_view time;
  int64_t portion_us;
};
constexpr Table kEntries = {"ledger_entries", "occurred_at_us", kHourUs};
constexpr Table kRefusals = {"ledger_refusals", "occurred_at_us", kDayUs};
constexpr Table kHours = {"rollup_hour", "bucket_us", kDayUs};
constexpr Table kDays = {"rollup_day", "bucket_us", 30 * kDayUs};

absl::StatusOr<sql::Rows> One(sql::Session& session, const std::string& sql,
                              absl::Span<const sql::Value> parameters) {
  return session.Query({"retention", sql, kTimeout}, parameters);
}

absl::StatusOr<int64_t> DropOfOrg(sql::Database& database, const Table& table,
                                  const std::string& org, int64_t before_us) {
  const absl::string_view name = AbslView(table.name), time = AbslView(table.time);
  const std::string first =
      absl::StrCat("SELECT MIN(", time, ") FROM ", name, " WHERE org = $1 AND ", time, " < $2");
  const std::string drop =
      absl::StrCat("DELETE FROM ", name, " WHERE org = $1 AND ", time, " < $2");
  int64_t dropped = 0;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const sql::Rows rows, One(database, first, {org, before_us}));
    if (rows.empty() || rows[0][0].is_null()) return dropped;
    const int64_t to_us = std::min(before_us, HourOf(rows[0][0].integer()) + table.portion_us);
    QP_ASSIGN_OR_RETURN(const int64_t count,
                        database.Execute({"retention", drop, kTimeout}, {org, to_us}));
    dropped += count;
  }
}

// Of all orgs. Each org's rows of a time lie together, by an index of each table.
absl::StatusOr<int64_t> DropBefore(sql::Database& database, const Table& table, int64_t before_us) {
  const std::string next =
      absl::StrCat("SELECT MIN(org) FROM ", AbslView(table.name), " WHERE org > $1");
  int64_t dropped = 0;
  std::string org;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const sql::Rows rows, One(database, next, {org}));
    if (rows.empty() || rows[0][0].is_null()) return dropped;
    org = std::string(rows[0][0].text());
    QP_ASSIGN_OR_RETURN(const int64_t count, DropOfOrg(database, table, org, before_us));
    dropped += count;
  }
}

// PostgreSQL, which knows where keys of a time are.
absl::StatusOr<int64_t> DropKeysByTime(sql::Database& database, int64_t from_us,
                                       int64_t before_us) {
  if (from_us == INT64_MIN) {
    QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                        One(database, "SELECT MIN(occurred_at_us) FROM ledger_keys", {}));
    if (rows[0][0].is_null()) return 0;
    from_us = rows[0][0].integer();
  }
  int64_t dropped = 0;
  while (from_us < before_us) {
    const int64_t to_us = std::min(before_us, DayOf(from_us) + kDayUs);
    QP_ASSIGN_OR_RETURN(const int64_t count,
                        database.Execute({"drop keys",
                                          "DELETE FROM ledger_keys WHERE occurred_at_us >= $1 AND "
                                          "occurred_at_us < $2",
                                          kTimeout},
                                         {from_us, to_us}));
    dropped += count;
    from_us = to_us;
  }
  return dropped;
}

// SQLite, whose table of keys is ordered by key alone: all of it, in 256 portions.
absl::StatusOr<int64_t> DropKeysByKey(sql::Database& database, int64_t before_us) {
  int64_t dropped = 0;
  for (int first = 0; first < 256; ++first) {
    const std::string low(1, static_cast<char>(first));
    // Behind all keys, which have 16 bytes, that start with it.
    const std::string high = low + std::string(16, '\xff');
    QP_ASSIGN_OR_RETURN(
        const int64_t count,
        database.Execute({"drop keys",
                          "DELETE FROM ledger_keys WHERE charge_key >= $1 AND charge_key < $2 AND "
                          "occurred_at_us < $3",
                          kTimeout},
                         {sql::Bytes{low}, sql::Bytes{high}, before_us}));
    dropped += count;
  }
  return dropped;
}

absl::StatusOr<int64_t> ReadBound(sql::Session& session, std::string_view kind) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"bound", "SELECT from_us FROM ledger_kept WHERE kind = $1"}, {kind}));
  return rows.empty() ? INT64_MIN : rows[0][0].integer();
}

// Never back. Whether it moved.
absl::StatusOr<bool> MoveBound(sql::Session& session, std::string_view kind, int64_t from_us) {
  QP_ASSIGN_OR_RETURN(
      const int64_t moved,
      session.Execute({"move bound",
                       "INSERT INTO ledger_kept (kind, from_us) VALUES ($1, $2) ON CONFLICT (kind) "
                       "DO UPDATE SET from_us = excluded.from_us WHERE excluded.from_us > "
                       "ledger_kept.from_us"},
                      {kind, from_us}));
  return moved > 0;
}

struct Bound {
  std::string_view kind;
  int age_days;
  int64_t from_us;
};

// Those that have an age.
std::vector<Bound> BoundsOf(const RetentionAges& ages, int64_t now_us) {
  std::vector<Bound> bounds;
  const auto before = [&](int days) { return now_us - days * kDayUs; };
  if (ages.entries_days > 0) {
    bounds.push_back(
        {"entries", ages.entries_days, sql::StartOfMonthUs(before(ages.entries_days))});
  }
  if (ages.hours_days > 0) {
    bounds.push_back({"hours", ages.hours_days, DayOf(before(ages.hours_days))});
  }
  if (ages.days_days > 0) bounds.push_back({"days", ages.days_days, DayOf(before(ages.days_days))});
  return bounds;
}

// Says from when on there is data, before any of it is dropped.
absl::Status MoveBounds(sql::Database& database, const std::vector<Bound>& bounds, int64_t now_us,
                        std::string_view actor) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database.Begin());
  std::vector<std::pair<std::string, std::string>> moved;
  for (const Bound& bound : bounds) {
    QP_ASSIGN_OR_RETURN(const bool did, MoveBound(*transaction, bound.kind, bound.from_us));
    if (did) {
      moved.emplace_back(absl::StrCat(AbslView(bound.kind), "_from_us"),
                         absl::StrCat(bound.from_us));
    }
  }
  if (moved.empty()) return absl::OkStatus();
  QP_RETURN_IF_ERROR(
      WriteAudit(*transaction, {now_us, std::string(actor), "retention", "", AuditDetail(moved)}));
  return transaction->Commit();
}

absl::Status CheckAges(const RetentionAges& ages) {
  for (const int days : {ages.entries_days, ages.hours_days, ages.days_days}) {
    const int least = ages.below_floor ? 1 : kMinRetentionDays;
    if (days != 0 && (days < least || days > kMaxRetentionDays)) {
      return absl::InvalidArgumentError(
          absl::StrCat("retention of ", days, " days: must be ", least, " to ", kMaxRetentionDays));
    }
  }
  return absl::OkStatus();
}

absl::Status DropKeys(sql::Database& database, int64_t before_us, Dropped* dropped) {
  QP_ASSIGN_OR_RETURN(const int64_t before, ReadBound(database, "keys"));
  if (before >= before_us) return absl::OkStatus();
  if (database.dialect() == sql::Dialect::kPostgres) {
    QP_ASSIGN_OR_RETURN(dropped->keys, DropKeysByTime(database, before, before_us));
  } else {
    QP_ASSIGN_OR_RETURN(dropped->keys, DropKeysByKey(database, before_us));
  }
  QP_RETURN_IF_ERROR(database
                         .Execute({"drop moves",
                                   "DELETE FROM ledger_moves WHERE applied_at_us IS NOT NULL AND "
                                   "recorded_at_us < $1",
                                   kTimeout},
                                  {before_us})
                         .status());
  return MoveBound(database, "keys", before_us).status();
}

// What is there of entries by row: in PostgreSQL those that no month took. Refusals go with them.
absl::Status DropEntries(sql::Database& database, int64_t before_us, Dropped* dropped) {
  QP_ASSIGN_OR_RETURN(dropped->refusals, DropBefore(database, kRefusals, before_us));
  if (database.dialect() == sql::Dialect::kSqlite) {
    QP_ASSIGN_OR_RETURN(dropped->entries, DropBefore(database, kEntries, before_us));
    return absl::OkStatus();
  }
  QP_ASSIGN_OR_RETURN(dropped->entries,
                      database.Execute({"drop entries",
                                        "DELETE FROM ledger_entries_default WHERE occurred_at_us "
                                        "< $1",
                                        kTimeout},
                                       {before_us}));
  QP_ASSIGN_OR_RETURN(dropped->months, sql::DropMonthPartitions(database, before_us));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Kept> ReadKept(sql::Session& session) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"kept", "SELECT kind, from_us FROM ledger_kept"}));
  Kept kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string_view kind;
    int64_t from_us;
    QP_RETURN_IF_ERROR(rows[i].Read(kind, from_us));
    if (kind == "entries") kept.entries_from_us = from_us;
    if (kind == "hours") kept.hours_from_us = from_us;
    if (kind == "days") kept.days_from_us = from_us;
  }
  return kept;
}

absl::StatusOr<Dropped> Retention::Run(const RetentionAges& ages, int64_t now_us,
                                       std::string_view actor) {
  QP_RETURN_IF_ERROR(CheckAges(ages));
  QP_RETURN_IF_ERROR(MoveBounds(*database_, BoundsOf(ages, now_us), now_us, actor));
  Dropped dropped;
  // By the bounds that stand: those of an earlier, stricter policy too, where a run was killed.
  QP_ASSIGN_OR_RETURN(dropped.kept, ReadKept(*database_));
  const Kept& kept = dropped.kept;
  if (kept.hours_from_us != INT64_MIN) {
    QP_ASSIGN_OR_RETURN(dropped.hours, DropBefore(*database_, kHours, kept.hours_from_us));
  }
  if (kept.days_from_us != INT64_MIN) {
    QP_ASSIGN_OR_RETURN(dropped.days, DropBefore(*database_, kDays, kept.days_from_us));
  }
  if (kept.entries_from_us != INT64_MIN) {
    QP_RETURN_IF_ERROR(DropKeys(
        *database_, std::min(kept.entries_from_us, DayOf(now_us - kKeyDays * kDayUs)), &dropped));
    QP_RETURN_IF_ERROR(DropEntries(*database_, kept.entries_from_us, &dropped));
  }
  return dropped;
}

}  // namespace quotaplane
