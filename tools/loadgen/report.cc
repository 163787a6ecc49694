#include "tools/loadgen/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::loadgen {
namespace {

using nlohmann::ordered_json;
using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::FormatMoney;
using terminal::Table;
using terminal::Tone;

std::string Share(int64_t part, int64_t whole) {
  if (whole == 0) return "";
  return absl::StrFormat("%.1f%%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string Outcomes(const Tally& tally, const terminal::Style& style) {
  Table table({{"REQUESTS"}, {"", Align::kRight}, {"", Align::kRight}});
  const auto add = [&](const char* what, int64_t count, Tone tone) {
    table.AddRow({what, Cell(FormatCount(count), tone), Share(count, tally.requests)});
  };
  add("sent", tally.requests, Tone::kPlain);
  add("allowed", tally.allowed, Tone::kGood);
  add("  past a soft or shadow limit", tally.allowed_soft, Tone::kPlain);
  add("  with a cheaper model", tally.downgraded, Tone::kPlain);
  add("refused", tally.refused, tally.refused > 0 ? Tone::kBad : Tone::kPlain);
  add("committed", tally.committed, Tone::kPlain);
  add("  past their hold", tally.overruns, Tone::kPlain);
  add("  sent twice, charged once", tally.retries, Tone::kPlain);
  add("released", tally.released, Tone::kPlain);
  add("streams extended", tally.extended, Tone::kPlain);
  add("streams cut", tally.cut, Tone::kPlain);
  return table.Render(style);
}

std::string Limits(const Tally& tally, const terminal::Style& style) {
  Table table({{"LIMIT OR RULE"}, {"UNIT"}, {"WHAT IT DID"}, {"REQUESTS", Align::kRight}});
  for (const auto& [limit, count] : tally.by_limit) {
    table.AddRow({Cell(limit.limit_id, Tone::kBold), limit.unit, EffectWord(limit.effect),
                  FormatCount(count)});
  }
  if (table.empty()) return "No limit was met.\n";
  return absl::StrCat(table.Render(style),
                      "A request that several limits refuse counts for each of them.\n");
}

void AddBudgetRows(const Report& report, const Budgets& budgets, Table* table) {
  TeamTally tally;
  const auto found = report.tally.by_team.find(budgets.team);
  if (found != report.tally.by_team.end()) tally = found->second;
  if (budgets.team.empty()) {
    tally = {report.tally.requests, report.tally.refused, report.tally.spent_nano_usd};
  }
  std::vector<Cell> row = {
      Cell(budgets.team.empty() ? absl::StrCat("all of ", report.org) : budgets.team, Tone::kBold),
      FormatCount(tally.requests), FormatCount(tally.refused), FormatMoney(tally.spent_nano_usd)};
  for (const v1::LimitUsage& limit : budgets.limits) {
    row.resize(4, Cell(""));
    row.emplace_back(absl::StrCat(limit.limit_id(), " (", limit.window(), ")"));
    row.emplace_back(FormatMoney(limit.used()));
    row.emplace_back(FormatMoney(limit.amount()));
    row.emplace_back(FormatMoney(limit.remaining()),
                     limit.remaining() < limit.amount() / 10 ? Tone::kBad : Tone::kGood);
    table->AddRow(std::move(row));
    row.clear();
  }
  if (budgets.limits.empty()) table->AddRow(std::move(row));
}

std::string Spending(const Report& report, const terminal::Style& style) {
  Table table({{"TEAM"},
               {"REQUESTS", Align::kRight},
               {"REFUSED", Align::kRight},
               {"SPENT", Align::kRight},
               {"BUDGET"},
               {"USED", Align::kRight},
               {"AMOUNT", Align::kRight},
               {"LEFT", Align::kRight}});
  for (const Budgets& budgets : report.budgets) AddBudgetRows(report, budgets, &table);
  return table.Render(style);
}

std::string Speed(const Tally& tally, const terminal::Style& style) {
  Table table({{"CALL"}, {"CALLS", Align::kRight}, {"P50", Align::kRight}, {"P99", Align::kRight}});
  const auto add = [&](const char* call, const Latencies& latencies) {
    table.AddRow({Cell(call, Tone::kBold), FormatCount(static_cast<int64_t>(latencies.count())),
                  terminal::FormatLatency(latencies.Percentile(0.5)),
                  terminal::FormatLatency(latencies.Percentile(0.99))});
  };
  add("Reserve", tally.reserve);
  add("Commit", tally.commit);
  return table.Render(style);
}

ordered_json SpeedAsJson(const Latencies& latencies) {
  return {{"calls", latencies.count()},
          {"p50_us", absl::ToDoubleMicroseconds(latencies.Percentile(0.5))},
          {"p99_us", absl::ToDoubleMicroseconds(latencies.Percentile(0.99))}};
}

ordered_json BudgetsAsJson(const Budgets& budgets) {
  ordered_json limits = ordered_json::array();
  for (const v1::LimitUsage& limit : budgets.limits) {
    limits.push_back({{"limit_id", limit.limit_id()},
                      {"used_nano_usd", limit.used()},
                      {"amount_nano_usd", limit.amount()},
                      {"remaining_nano_usd", limit.remaining()}});
  }
  return limits;
}

ordered_json SeenAsJson(const SeenLimit& limit) {
  const v1::OnExceed on_exceed = limit.last.on_exceed();
  return {{"limit_id", limit.last.limit_id()},
          {"scope", limit.last.scope()},
          {"unit", limit.last.unit()},
          {"window", limit.last.window()},
          {"refuses", on_exceed == v1::ON_EXCEED_DENY || on_exceed == v1::ON_EXCEED_DOWNGRADE},
          {"amount", limit.last.amount()},
          {"used", limit.last.used()},
          {"held", limit.last.held()},
          {"worst_excess", limit.worst_excess},
          {"looks", limit.looks}};
}

}  // namespace

std::string ReportAsText(const Report& report, const terminal::Style& style) {
  return absl::StrCat(Outcomes(report.tally, style), "\n", Limits(report.tally, style), "\n",
                      Spending(report, style), "\n", Speed(report.tally, style), "\n",
                      FormatCount(report.tally.requests), " requests in ",
                      terminal::FormatSpan(report.elapsed), "\n");
}

std::string ReportAsJson(const Report& report) {
  const Tally& tally = report.tally;
  ordered_json json = {{"requests", tally.requests},
                       {"allowed", tally.allowed},
                       {"allowed_soft", tally.allowed_soft},
                       {"downgraded", tally.downgraded},
                       {"refused", tally.refused},
                       {"committed", tally.committed},
                       {"released", tally.released},
                       {"extended", tally.extended},
                       {"cut", tally.cut},
                       {"retries", tally.retries},
                       {"overruns", tally.overruns},
                       {"spooled", tally.spooled},
                       {"unheld", tally.unheld},
                       {"outage", tally.outage},
                       {"failed", tally.failed},
                       {"first_failure", report.first_failure},
                       {"repeated_calls", report.repeated_calls},
                       {"spent_nano_usd", tally.spent_nano_usd}};
  json["limits"] = ordered_json::array();
  for (const auto& [limit, count] : tally.by_limit) {
    json["limits"].push_back({{"limit_id", limit.limit_id},
                              {"unit", limit.unit},
                              {"effect", EffectWord(limit.effect)},
                              {"requests", count}});
  }
  json["teams"] = ordered_json::array();
  for (const Budgets& budgets : report.budgets) {
    if (budgets.team.empty()) {
      json["org"] = {{"org", report.org}, {"budgets", BudgetsAsJson(budgets)}};
      continue;
    }
    const auto found = tally.by_team.find(budgets.team);
    const TeamTally team = found == tally.by_team.end() ? TeamTally() : found->second;
    json["teams"].push_back({{"team", budgets.team},
                             {"requests", team.requests},
                             {"refused", team.refused},
                             {"spent_nano_usd", team.spent_nano_usd},
                             {"excusable_nano_usd", team.excusable_nano_usd},
                             {"budgets", BudgetsAsJson(budgets)}});
  }
  json["limits_seen"] = ordered_json::array();
  for (const SeenLimit& limit : report.limits) json["limits_seen"].push_back(SeenAsJson(limit));
  json["reserve"] = SpeedAsJson(tally.reserve);
  json["commit"] = SpeedAsJson(tally.commit);
  json["elapsed_s"] = absl::ToDoubleSeconds(report.elapsed);
  return json.dump(2) + "\n";
}

}  // namespace quotaplane::loadgen
