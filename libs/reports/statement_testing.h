// Statements for tests: with every kind of line, and names that do not mean well.
#pragma once

#include <string>
#include <utility>

#include "libs/reports/statement.h"

namespace quotaplane::reports {

// October 2026 in Berlin, closed on 2026-11-02T08:00Z.
inline MonthHead TestHead() {
  return {"acme",
          "2026-10",
          "Europe/Berlin",
          {1'790'805'600'000'000, 1'793'487'600'000'000},
          1'793'606'400'000'000};
}

inline LineKey UsageLine(std::string team, std::string model, std::string meter = "input",
                         std::string project = "web") {
  return {LineKind::kUsage, "2026-10",       "", std::move(team), std::move(project),
          std::move(model), std::move(meter)};
}

inline ChargebackRules TestRules() {
  ChargebackRules rules;
  rules.seat_fees = {{"Platform seat", 19'000'000'000, {{"R-100 \"the\" <b>&amp;</b>", 14}}, false},
                     {"Editor plug-in", 4'500'000'000, {}, true}};
  rules.shared_costs = {
      {"Gateway operations", 1'200'000'000'000, Allocation::kByUsage, {}},
      {"On-call <img src=x onerror=alert(1)>", 300'000'000'000, Allocation::kEven, {}},
      {"Support contract", 250'000'000'000, Allocation::kByWeight, {{"R-200", 3}, {"R-9", 1}}}};
  rules.markup_millionths = 35'000;
  rules.markup_by_cost_center = {{"", 0}, {"R-200", -50'000}};
  rules.currency = {"EUR", 923'450'000, 2};
  return rules;
}

// A month of three teams on three models, with late usage and corrections.
inline CenterUsage TestUsage() {
  CenterUsage usage;
  usage.active_users = 12;
  const std::pair<std::string, int64_t> teams[] = {
      {"search", 9}, {"<script>alert('team')</script>", 5}, {"", 2}};
  const std::pair<std::string, int64_t> models[] = {
      {"claude-sonnet-4-5", 7}, {"gpt-5-mini", 3}, {"\" onload=\"alert(2)", 1}};
  for (const auto& [team, team_factor] : teams) {
    for (const auto& [model, factor] : models) {
      const int64_t cost = team_factor * factor * 3'141'592'653;
      usage.lines[UsageLine(team, model, "input")] = {cost / 3'000, cost, 220 * team_factor, 0};
      usage.lines[UsageLine(team, model, "output")] = {cost / 15'000, cost / 2, 0, 1'000};
      for (int day = 1; day <= 31; ++day) {
        const absl::CivilDay at(2026, 10, day);
        const bool weekend = absl::GetWeekday(at) == absl::Weekday::saturday ||
                             absl::GetWeekday(at) == absl::Weekday::sunday;
        const int64_t daily = cost * (weekend ? 1 : 4 + day % 3) / 100;
        usage.by_team[{absl::FormatCivilTime(at), team}] += daily;
        usage.by_model[{absl::FormatCivilTime(at), model}] += daily;
      }
    }
  }
  LineKey late = UsageLine("search", "claude-sonnet-4-5");
  late.kind = LineKind::kLate;
  late.month = "2026-09";
  usage.lines[late] = {1'204'000, 3'612'000'000, 31, 0};
  LineKey correction = UsageLine("search", "gpt-5-mini", "output");
  correction.kind = LineKind::kCorrection;
  correction.corrects_month = "2026-08";
  usage.lines[correction] = {-40'000, -612'500'000, 0, 0};
  return usage;
}

inline Statement TestStatement() {
  std::map<std::string, CenterUsage> usage;
  usage["R-100 \"the\" <b>&amp;</b>"] = TestUsage();
  usage["R-200"].lines[UsageLine("ads", "gpt-5-mini")] = {1, 40'000'000'000, 1, 0};
  usage[""].lines[UsageLine("", "gpt-5-mini")] = {1, 11'000'000'000, 1, 0};
  std::vector<Statement> made = *MakeStatements(TestHead(), std::move(usage), TestRules(), 16);
  return std::move(made[1]);
}

}  // namespace quotaplane::reports
