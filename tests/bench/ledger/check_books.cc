#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/testing/fatal.h"
#include "tests/bench/ledger/ledger.h"

namespace quotaplane::bench {
namespace {

constexpr absl::Duration kScan = absl::Minutes(15);

int64_t Number(sql::Database& database, std::string_view sql) {
  const absl::StatusOr<sql::Rows> rows = database.Query({"check", sql, kScan});
  if (!rows.ok()) fixtures::Fatal(rows.status().ToString());
  return (*rows)[0][0].integer();
}

void Same(std::string_view what, int64_t one, int64_t other) {
  if (one == other) return;
  fixtures::Fatal(absl::StrCat("the books are wrong: ", AbslView(what), " ", one, " and ", other));
}

// Groups (org, team, user, model, meter) whose sums in the rollup are not those of the entries.
std::string Differing(std::string_view rollup) {
  constexpr char kGroup[] = "org, cost_center, team, project, user_name, model, meter";
  return absl::StrCat(
      "SELECT COUNT(*) FROM (SELECT ", kGroup,
      ", SUM(quantity) AS q, SUM(cost) AS c, SUM(requests) ",
      "AS n, SUM(overrun) AS o FROM (SELECT ", kGroup,
      ", quantity, cost_nano_usd AS cost, CASE WHEN line = 0 THEN 1 ELSE 0 END AS requests, "
      "overrun_nano_usd AS overrun FROM ledger_entries UNION ALL SELECT ",
      kGroup, ", -quantity, -cost_nano_usd, -requests, -overrun_nano_usd FROM ", AbslView(rollup),
      ") AS both_sides GROUP BY ", kGroup,
      ") AS differences WHERE q <> 0 OR c <> 0 OR n <> 0 OR o <> 0");
}

}  // namespace

void CheckBooks(sql::Database& database, const Backlog* whole) {
  Same("groups of rollup_hour that differ", Number(database, Differing("rollup_hour")), 0);
  Same("groups of rollup_day that differ", Number(database, Differing("rollup_day")), 0);
  const int64_t keys = Number(database, "SELECT COUNT(*) FROM ledger_keys");
  Same("charges and keys", Number(database, "SELECT COUNT(*) FROM ledger_entries WHERE line = 0"),
       keys);
  if (whole == nullptr) return;
  Same("charges put and written", whole->charges, keys);
  Same("entries put and written", whole->entries,
       Number(database, "SELECT COUNT(*) FROM ledger_entries"));
  Same("cost put and written", whole->cost_nano_usd,
       Number(database, "SELECT SUM(cost_nano_usd) FROM ledger_entries"));
}

}  // namespace quotaplane::bench
