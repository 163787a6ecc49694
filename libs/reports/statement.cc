#include "libs/reports/statement.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/chargeback/arithmetic.h"
#include "libs/reports/measures.h"
#include "libs/window/window.h"

namespace quotaplane::reports {
namespace {

constexpr int64_t kMillion = 1'000'000;

absl::StatusOr<int64_t> Fit(std::optional<int64_t> value) {
  if (value.has_value()) return *value;
  return absl::OutOfRangeError("an amount of a statement does not fit into 64 bits");
}

WindowSpec MonthsOf(absl::TimeZone zone) {
  WindowSpec window;
  window.kind = WindowKind::kCalendar;
  window.unit = CalendarUnit::kMonth;
  window.zone = zone;
  return window;
}

std::set<std::string> CentersOf(const std::map<std::string, CenterUsage>& usage,
                                const ChargebackRules& rules) {
  std::set<std::string> centers;
  for (const auto& [center, its] : usage) centers.insert(center);
  for (const SeatFee& fee : rules.seat_fees) {
    for (const auto& [center, seats] : fee.seats) {
      if (seats > 0) centers.insert(center);
    }
  }
  for (const SharedCost& cost : rules.shared_costs) {
    for (const auto& [center, weight] : cost.weights) {
      if (weight > 0) centers.insert(center);
    }
  }
  if (centers.empty() && !rules.shared_costs.empty()) centers.insert("");
  return centers;
}

// Usage, late usage and corrections.
absl::StatusOr<int64_t> UsageOf(const Totals& totals) {
  QP_ASSIGN_OR_RETURN(const int64_t sum, Plus(totals.usage_nano_usd, totals.late_nano_usd));
  return Plus(sum, totals.corrections_nano_usd);
}

absl::Status SumLines(Statement* statement) {
  for (const auto& [key, amounts] : statement->usage.lines) {
    int64_t& sum = key.kind == LineKind::kUsage  ? statement->totals.usage_nano_usd
                   : key.kind == LineKind::kLate ? statement->totals.late_nano_usd
                                                 : statement->totals.corrections_nano_usd;
    QP_ASSIGN_OR_RETURN(sum, Plus(sum, amounts.cost_nano_usd));
  }
  return absl::OkStatus();
}

absl::Status AddSeatFees(const ChargebackRules& rules, Statement* statement) {
  for (const SeatFee& fee : rules.seat_fees) {
    SeatCharge charge{fee.name, 0, fee.nano_usd_per_seat, 0};
    const auto given = fee.seats.find(statement->cost_center);
    if (fee.per_active_user) {
      charge.seats = statement->usage.active_users;
    } else if (given != fee.seats.end()) {
      charge.seats = given->second;
    }
    if (charge.seats == 0) continue;
    QP_ASSIGN_OR_RETURN(charge.amount_nano_usd,
                        Fit(Scale(charge.seats, charge.nano_usd_per_seat, 1)));
    int64_t& sum = statement->totals.seat_fees_nano_usd;
    QP_ASSIGN_OR_RETURN(sum, Plus(sum, charge.amount_nano_usd));
    statement->seat_fees.push_back(std::move(charge));
  }
  return absl::OkStatus();
}

// As the rule has it, for the statements in their order; not all 0.
absl::StatusOr<std::vector<int64_t>> WeightsOf(const SharedCost& cost,
                                               const std::vector<Statement>& statements) {
  std::vector<int64_t> weights;
  for (const Statement& statement : statements) {
    int64_t weight = 1;
    if (cost.allocation == Allocation::kByUsage) {
      QP_ASSIGN_OR_RETURN(const int64_t used, UsageOf(statement.totals));
      weight = std::max<int64_t>(used, 0);
    } else if (cost.allocation == Allocation::kByWeight) {
      const auto found = cost.weights.find(statement.cost_center);
      weight = found == cost.weights.end() ? 0 : found->second;
    }
    weights.push_back(weight);
  }
  if (std::all_of(weights.begin(), weights.end(), [](int64_t weight) { return weight == 0; })) {
    std::fill(weights.begin(), weights.end(), 1);
  }
  return weights;
}

absl::Status AddSharedCosts(const ChargebackRules& rules, std::vector<Statement>* statements) {
  if (statements->empty()) return absl::OkStatus();
  for (const SharedCost& cost : rules.shared_costs) {
    QP_ASSIGN_OR_RETURN(const std::vector<int64_t> weights, WeightsOf(cost, *statements));
    const std::vector<int64_t> shares = Allocate(cost.amount_nano_usd, weights);
    for (size_t i = 0; i < shares.size(); ++i) {
      if (weights[i] == 0) continue;
      Statement& statement = (*statements)[i];
      statement.shared_costs.push_back(
          {cost.name, cost.allocation, cost.amount_nano_usd, shares[i]});
      int64_t& sum = statement.totals.shared_costs_nano_usd;
      QP_ASSIGN_OR_RETURN(sum, Plus(sum, shares[i]));
    }
  }
  return absl::OkStatus();
}

absl::Status AddTotal(Statement* statement) {
  Totals& totals = statement->totals;
  QP_ASSIGN_OR_RETURN(const int64_t usage, UsageOf(totals));
  QP_ASSIGN_OR_RETURN(totals.markup_nano_usd,
                      Fit(Scale(usage, statement->markup_millionths, kMillion)));
  QP_ASSIGN_OR_RETURN(int64_t total, Plus(usage, totals.markup_nano_usd));
  QP_ASSIGN_OR_RETURN(total, Plus(total, totals.seat_fees_nano_usd));
  QP_ASSIGN_OR_RETURN(totals.total_nano_usd, Plus(total, totals.shared_costs_nano_usd));
  const Currency& currency = statement->currency;
  QP_ASSIGN_OR_RETURN(totals.due_nano, Fit(Convert(totals.total_nano_usd, currency.nano_per_usd,
                                                   currency.decimals)));
  return absl::OkStatus();
}

}  // namespace

std::string MonthName(absl::CivilMonth month) {
  return absl::StrFormat("%04d-%02d", month.year(), month.month());
}

std::optional<absl::CivilMonth> ParseMonthName(std::string_view text) {
  absl::CivilMonth month;
  if (!absl::ParseCivilTime(AbslView(text), &month) || MonthName(month) != text ||
      month.year() < 2000 || month.year() > 2199) {
    return std::nullopt;
  }
  return month;
}

Range MonthRange(absl::CivilMonth month, absl::TimeZone zone) {
  // Noon of the 15th is in it whatever clocks do.
  const absl::CivilHour inside(month.year(), month.month(), 15, 12);
  const Period period = PeriodAt(MonthsOf(zone), absl::ToUnixMicros(absl::FromCivil(inside, zone)));
  return {period.start_us, period.end_us};
}

absl::CivilMonth MonthAt(int64_t us, absl::TimeZone zone) {
  return absl::CivilMonth(absl::ToCivilDay(absl::FromUnixMicros(us), zone));
}

absl::Status Amounts::Add(const Amounts& other) {
  QP_ASSIGN_OR_RETURN(quantity, Plus(quantity, other.quantity));
  QP_ASSIGN_OR_RETURN(cost_nano_usd, Plus(cost_nano_usd, other.cost_nano_usd));
  QP_ASSIGN_OR_RETURN(requests, Plus(requests, other.requests));
  QP_ASSIGN_OR_RETURN(overrun_nano_usd, Plus(overrun_nano_usd, other.overrun_nano_usd));
  return absl::OkStatus();
}

absl::Status Amounts::Subtract(const Amounts& other) {
  QP_ASSIGN_OR_RETURN(quantity, Minus(quantity, other.quantity));
  QP_ASSIGN_OR_RETURN(cost_nano_usd, Minus(cost_nano_usd, other.cost_nano_usd));
  QP_ASSIGN_OR_RETURN(requests, Minus(requests, other.requests));
  QP_ASSIGN_OR_RETURN(overrun_nano_usd, Minus(overrun_nano_usd, other.overrun_nano_usd));
  return absl::OkStatus();
}

std::string StatementName(const Statement& statement) {
  const MonthHead& head = statement.head;
  return head.preview() ? absl::StrCat("preview of ", head.month)
                        : absl::StrFormat("%s-%04d", head.month, statement.number);
}

absl::StatusOr<std::vector<Statement>> MakeStatements(const MonthHead& head,
                                                      std::map<std::string, CenterUsage> usage,
                                                      const ChargebackRules& rules,
                                                      int64_t first_number) {
  const std::set<std::string> centers = CentersOf(usage, rules);
  if (centers.size() > kMaxStatements) {
    return ReasonedError(absl::StatusCode::kResourceExhausted, "REPORT_TOO_LARGE",
                         absl::StrCat("the month has ", centers.size(), " cost centers; at most ",
                                      kMaxStatements, " are allowed"));
  }
  std::vector<Statement> statements;
  for (const std::string& center : centers) {
    Statement statement;
    statement.head = head;
    if (!head.preview()) {
      statement.number = first_number + static_cast<int64_t>(statements.size());
    }
    statement.cost_center = center;
    statement.usage = std::move(usage[center]);
    statement.markup_millionths = rules.MarkupOf(center);
    statement.currency = rules.currency;
    QP_RETURN_IF_ERROR(SumLines(&statement));
    QP_RETURN_IF_ERROR(AddSeatFees(rules, &statement));
    statements.push_back(std::move(statement));
  }
  QP_RETURN_IF_ERROR(AddSharedCosts(rules, &statements));
  for (Statement& statement : statements) QP_RETURN_IF_ERROR(AddTotal(&statement));
  return statements;
}

}  // namespace quotaplane::reports
