#include "libs/ledger/usage_minutes.h"

#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;

constexpr sql::Statement kCharged{
    "usage of minutes",
    "SELECT occurred_at_us / 60000000, team, project, user_name, model, labels, "
    "SUM(cost_nano_usd), "
    "SUM(CASE WHEN meter IN ('input', 'output', 'cache_read', 'cache_write_5m', 'cache_write_1h') "
    "THEN quantity ELSE 0 END), SUM(CASE WHEN line = 0 THEN 1 ELSE 0 END), 0 "
    "FROM ledger_entries WHERE org = $1 AND occurred_at_us >= $2 AND occurred_at_us < $3 "
    "AND kind = 'usage' GROUP BY 1, team, project, user_name, model, labels"};

constexpr sql::Statement kRefused{
    "refusals of minutes",
    "SELECT occurred_at_us / 60000000, team, project, user_name, model, labels, 0, 0, 0, "
    "SUM(denied) "
    "FROM ledger_refusals WHERE org = $1 AND occurred_at_us >= $2 AND occurred_at_us < $3 "
    "GROUP BY 1, team, project, user_name, model, labels"};

// Labels that cannot be read have no session: they were written by ourselves, and who watches spend
// goes on.
std::string SessionIn(std::string_view labels) {
  const nlohmann::json json = nlohmann::json::parse(labels, nullptr, false);
  if (!json.is_object()) return "";
  const auto found = json.find("session");
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

using Who = std::tuple<int64_t, std::string, std::string, std::string, std::string, std::string>;
using Sums = std::map<Who, UsageRow>;

absl::Status AddRow(const sql::Row& row, Sums* sums) {
  std::string_view labels;
  UsageRow read;
  QP_RETURN_IF_ERROR(row.Read(read.minute_us, read.team, read.project, read.user, read.model,
                              labels, read.cost_nano_usd, read.tokens, read.requests,
                              read.refusals));
  read.minute_us *= kMinuteUs;
  read.session = SessionIn(labels);
  const auto [found, added] = sums->try_emplace(
      {read.minute_us, read.team, read.project, read.user, read.model, read.session}, read);
  if (added) return absl::OkStatus();
  UsageRow& sum = found->second;
  sum.cost_nano_usd += read.cost_nano_usd;
  sum.tokens += read.tokens;
  sum.requests += read.requests;
  sum.refusals += read.refusals;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<UsageRow>> ReadUsage(sql::Session& session, std::string_view org,
                                                int64_t from_us, int64_t to_us) {
  Sums sums;
  for (const sql::Statement& statement : {kCharged, kRefused}) {
    QP_RETURN_IF_ERROR(session.Stream(statement, {org, from_us, to_us},
                                      [&](const sql::Row& row) { return AddRow(row, &sums); }));
  }
  std::vector<UsageRow> rows;
  rows.reserve(sums.size());
  for (auto& [who, row] : sums) rows.push_back(std::move(row));
  return rows;
}

}  // namespace quotaplane
