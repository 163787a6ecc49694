// What a month's statements charge beside usage, and how. Plain data.
//
// A statement's total is, in this order:
//   usage       what was used in the month, plus late usage and corrections
//   markup      of that usage, in millionths: 50'000 is 5 % more, -100'000 a discount of 10 %;
//               rounded to the nearest nano-USD, halves away from zero
//   seat fees   seats times the fee
//   shared      the cost center's share of each shared cost
// and once more in the currency: the total times the rate, rounded to the currency's decimals,
// halves away from zero.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quotaplane {

// Bounds. An amount is from 0 to 9 million USD, as a limit's is.
inline constexpr size_t kMaxFees = 100;                // seat fees, and as many shared costs
inline constexpr size_t kMaxNamedCostCenters = 2'000;  // of one map
inline constexpr int64_t kMaxFeeNanoUsd = (int64_t{1} << 53) - 1;
inline constexpr int64_t kMaxSeats = 1'000'000;
inline constexpr int64_t kMaxWeight = 1'000'000'000;
inline constexpr int64_t kMinMarkupMillionths = -1'000'000;
inline constexpr int64_t kMaxMarkupMillionths = 10'000'000;
inline constexpr int64_t kMaxNanoPerUsd = 1'000'000'000'000'000;  // a million units for a USD
inline constexpr int kMaxCurrencyDecimals = 9;

// By cost center; the empty name is that of what no rule of the policy maps.
using ByCostCenter = std::map<std::string, int64_t>;

struct SeatFee {
  std::string name;
  int64_t nano_usd_per_seat = 0;
  // How many seats each cost center has; or, where `per_active_user`, one for each user who made a
  // request in the month.
  ByCostCenter seats;
  bool per_active_user = false;

  friend bool operator==(const SeatFee&, const SeatFee&) = default;
};

enum class Allocation {
  kEven,      // the same for every statement of the month
  kByUsage,   // as usage (with late usage and corrections) is; evenly where nobody has any
  kByWeight,  // as the weights are; only for those that have one
};

struct SharedCost {
  std::string name;
  int64_t amount_nano_usd = 0;
  Allocation allocation = Allocation::kEven;
  ByCostCenter weights;  // kByWeight only; at least one above 0

  friend bool operator==(const SharedCost&, const SharedCost&) = default;
};

struct Currency {
  std::string code = "USD";              // ISO 4217: three capital letters
  int64_t nano_per_usd = 1'000'000'000;  // 1e-9 units of it for one USD
  int decimals = 2;                      // to which the amount due is rounded

  friend bool operator==(const Currency&, const Currency&) = default;
};

struct ChargebackRules {
  std::vector<SeatFee> seat_fees;
  std::vector<SharedCost> shared_costs;
  int64_t markup_millionths = 0;       // of those that the map does not name
  ByCostCenter markup_by_cost_center;  // in place of it
  Currency currency;

  int64_t MarkupOf(const std::string& cost_center) const {
    const auto found = markup_by_cost_center.find(cost_center);
    return found == markup_by_cost_center.end() ? markup_millionths : found->second;
  }
  friend bool operator==(const ChargebackRules&, const ChargebackRules&) = default;
};

}  // namespace quotaplane
