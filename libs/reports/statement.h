// Chargeback: a month's statements, one for each cost center, from what was used and the rules.
// Pure.
//
// A statement has the usage of its month, line by line; what was charged in earlier months but
// reached the ledger only after those were closed ("late"); and the corrections made in the month
// (or in an earlier one, if they came late), with the month of what they correct. Statements are
// final: whatever comes afterwards is in the next one. So the lines of all statements of a month,
// whichever statement they stand in, add up to what the ledger has of that month.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/chargeback/rules.h"
#include "libs/reports/query.h"

namespace quotaplane::reports {

// Of one close. More of them are RESOURCE_EXHAUSTED, with reason REPORT_TOO_LARGE.
inline constexpr size_t kMaxStatements = 10'000;

// "2026-10". The year is from 2000 to 2199.
std::string MonthName(absl::CivilMonth month);
// nullopt unless MonthName gives just that.
std::optional<absl::CivilMonth> ParseMonthName(std::string_view text);
// From the month's first instant to the next month's, in the zone.
Range MonthRange(absl::CivilMonth month, absl::TimeZone zone);
// The month that holds the instant.
absl::CivilMonth MonthAt(int64_t us, absl::TimeZone zone);

enum class LineKind { kUsage, kLate, kCorrection };

// What lines are told apart by.
struct LineKey {
  LineKind kind = LineKind::kUsage;
  std::string month;  // in which it was charged
  // Of a correction: the month in which that was charged which it corrects.
  std::string corrects_month;
  std::string team, project, model, meter;

  friend auto operator<=>(const LineKey&, const LineKey&) = default;
};

struct Amounts {
  int64_t quantity = 0;
  int64_t cost_nano_usd = 0;
  int64_t requests = 0;
  int64_t overrun_nano_usd = 0;

  // OUT_OF_RANGE where a sum does not fit.
  absl::Status Add(const Amounts& other);
  absl::Status Subtract(const Amounts& other);
  bool zero() const { return *this == Amounts(); }
  friend bool operator==(const Amounts&, const Amounts&) = default;
};

using Lines = std::map<LineKey, Amounts>;
// By (day "2026-10-31", name); only of the month's usage, never of late usage and corrections.
using DayCosts = std::map<std::pair<std::string, std::string>, int64_t>;

// What is known of one cost center.
struct CenterUsage {
  Lines lines;  // without any that are zero
  DayCosts by_team, by_model;
  int64_t active_users = 0;  // who made a request in the month
};

struct SeatCharge {
  std::string name;
  int64_t seats = 0;
  int64_t nano_usd_per_seat = 0;
  int64_t amount_nano_usd = 0;

  friend bool operator==(const SeatCharge&, const SeatCharge&) = default;
};

struct SharedCharge {
  std::string name;
  Allocation allocation = Allocation::kEven;
  int64_t of_nano_usd = 0;  // the whole cost
  int64_t amount_nano_usd = 0;

  friend bool operator==(const SharedCharge&, const SharedCharge&) = default;
};

struct Totals {
  int64_t usage_nano_usd = 0;
  int64_t late_nano_usd = 0;
  int64_t corrections_nano_usd = 0;
  int64_t markup_nano_usd = 0;
  int64_t seat_fees_nano_usd = 0;
  int64_t shared_costs_nano_usd = 0;
  int64_t total_nano_usd = 0;
  int64_t due_nano = 0;  // the total in the currency, rounded to its decimals

  friend bool operator==(const Totals&, const Totals&) = default;
};

// What all statements of a close share.
struct MonthHead {
  std::string org;
  std::string month;
  std::string time_zone;
  Range range;
  int64_t closed_at_us = 0;  // 0: a preview, which is stored nowhere and may change

  bool preview() const { return closed_at_us == 0; }
};

struct Statement {
  MonthHead head;
  int64_t number = 0;  // of the org, from 1; 0 in a preview
  std::string cost_center;
  CenterUsage usage;
  std::vector<SeatCharge> seat_fees;
  std::vector<SharedCharge> shared_costs;
  int64_t markup_millionths = 0;
  Currency currency;
  Totals totals;
};

// "2026-10-0017", or "preview of 2026-10".
std::string StatementName(const Statement& statement);

// In the order of their cost centers: one for each that has lines or that the rules name; shared
// costs of a month that has none make one of the empty name. Numbered from `first_number`.
// OUT_OF_RANGE: a sum does not fit. RESOURCE_EXHAUSTED: more than kMaxStatements.
absl::StatusOr<std::vector<Statement>> MakeStatements(const MonthHead& head,
                                                      std::map<std::string, CenterUsage> usage,
                                                      const ChargebackRules& rules,
                                                      int64_t first_number);

}  // namespace quotaplane::reports
