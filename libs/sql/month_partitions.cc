#include "libs/sql/month_partitions.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/base/status_macros.h"
#include "libs/sql/errors.h"

namespace quotaplane::sql {
namespace {

// Of the advisory lock.
constexpr int64_t kLock = 0x5155'4f54'5041'5254;

constexpr std::string_view kPartitions =
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = CAST('ledger_entries' AS regclass)";

absl::CivilMonth MonthOf(int64_t time_us) {
  return absl::ToCivilMonth(absl::FromUnixMicros(time_us), absl::UTCTimeZone());
}

int64_t StartUs(absl::CivilMonth month) {
  return absl::ToUnixMicros(absl::FromCivil(month, absl::UTCTimeZone()));
}

absl::StatusOr<absl::flat_hash_set<std::string>> Existing(Session& session) {
  QP_ASSIGN_OR_RETURN(const Rows rows, session.Query({"partitions", kPartitions}));
  absl::flat_hash_set<std::string> names;
  for (size_t i = 0; i < rows.size(); ++i) names.emplace(rows[i][0].text());
  return names;
}

std::string NameOf(absl::CivilMonth month) {
  return absl::StrFormat("ledger_entries_%04d_%02d", month.year(), month.month());
}

absl::StatusOr<std::vector<absl::CivilMonth>> Missing(Session& session, absl::CivilMonth from,
                                                      absl::CivilMonth to) {
  QP_ASSIGN_OR_RETURN(const auto existing, Existing(session));
  std::vector<absl::CivilMonth> missing;
  for (absl::CivilMonth month = from; month <= to; ++month) {
    if (!existing.contains(NameOf(month))) missing.push_back(month);
  }
  return missing;
}

// The month of a partition's name; nullopt for others.
std::optional<absl::CivilMonth> MonthOfName(const std::string& name) {
  constexpr size_t kPrefix = std::string_view("ledger_entries_").size();
  int year = 0, month = 0;
  if (name.size() != kPrefix + 7 || !absl::SimpleAtoi(name.substr(kPrefix, 4), &year) ||
      !absl::SimpleAtoi(name.substr(kPrefix + 5), &month)) {
    return std::nullopt;
  }
  const absl::CivilMonth civil(year, month);
  return NameOf(civil) == name ? std::optional(civil) : std::nullopt;
}

}  // namespace

int64_t StartOfMonthUs(int64_t time_us) { return StartUs(MonthOf(time_us)); }

absl::Status EnsureMonthPartitions(Database& database, int64_t from_us, int64_t to_us) {
  const absl::CivilMonth from = MonthOf(from_us);
  const absl::CivilMonth to = MonthOf(to_us);
  if (to < from || to - from >= kMaxMonthsAtOnce) {
    return absl::InvalidArgumentError(
        absl::StrCat("partitions are made for 1 to ", kMaxMonthsAtOnce, " months at once"));
  }
  if (database.dialect() != Dialect::kPostgres) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(auto missing, Missing(database, from, to));
  if (missing.empty()) return absl::OkStatus();

  QP_ASSIGN_OR_RETURN(const auto transaction, database.Begin());
  QP_RETURN_IF_ERROR(
      transaction->Query({"partition lock", "SELECT pg_advisory_xact_lock($1)"}, {kLock}).status());
  QP_ASSIGN_OR_RETURN(missing, Missing(*transaction, from, to));  // by now
  for (const absl::CivilMonth month : missing) {
    // Attached rather than made as a partition, which would lock out readers of the whole ledger.
    const std::string sql = absl::StrFormat(
        "CREATE TABLE %s (LIKE ledger_entries INCLUDING ALL);"
        "ALTER TABLE ledger_entries ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)",
        NameOf(month), NameOf(month), StartUs(month), StartUs(month + 1));
    QP_RETURN_IF_ERROR(transaction->RunScript({"make partition", sql}));
  }
  return transaction->Commit();
}

absl::StatusOr<int64_t> DropMonthPartitions(Database& database, int64_t before_us) {
  if (database.dialect() != Dialect::kPostgres) return 0;
  QP_ASSIGN_OR_RETURN(const auto existing, Existing(database));
  std::vector<absl::CivilMonth> past;
  for (const std::string& name : existing) {
    const std::optional<absl::CivilMonth> month = MonthOfName(name);
    if (month.has_value() && StartUs(*month + 1) <= before_us) past.push_back(*month);
  }
  std::sort(past.begin(), past.end());
  int64_t dropped = 0;
  for (const absl::CivilMonth month : past) {
    QP_ASSIGN_OR_RETURN(const auto transaction, database.Begin());
    // Everybody who comes after this waits too: not for long.
    QP_RETURN_IF_ERROR(transaction->RunScript({"lock timeout", "SET LOCAL lock_timeout = '2s'"}));
    QP_RETURN_IF_ERROR(
        transaction->Query({"partition lock", "SELECT pg_advisory_xact_lock($1)"}, {kLock})
            .status());
    const absl::Status done = transaction->RunScript(
        {"drop partition", absl::StrCat("DROP TABLE IF EXISTS ", NameOf(month))});
    if (SqlStateOf(done) == "55P03") {
      return absl::DeadlineExceededError(
          absl::StrCat("the month ", NameOf(month), " is being read, and stays for now"));
    }
    QP_RETURN_IF_ERROR(done);
    QP_RETURN_IF_ERROR(transaction->Commit());
    ++dropped;
  }
  return dropped;
}

}  // namespace quotaplane::sql
