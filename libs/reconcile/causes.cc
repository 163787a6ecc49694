#include "libs/reconcile/causes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/money/decimal.h"
#include "libs/money/money.h"
#include "libs/pricing/price_book.h"

namespace quotaplane::reconcile {
namespace {

constexpr int64_t kMillion = 1'000'000;
// A difference that wanders over more days than these is no matter of midnight.
constexpr size_t kMaxMovedDays = 7;

std::string Day(absl::CivilDay day) { return absl::FormatCivilTime(day); }

std::string Usd(int64_t nano_usd) { return absl::StrCat(FormatUsd(nano_usd), " USD"); }

// `part` of `whole` as "49.9%"; empty where the whole is 0.
std::string Percent(int64_t part, int64_t whole) {
  if (whole == 0) return "";
  const __int128 tenths = static_cast<__int128>(part) * 1'000 / whole;
  return absl::StrCat(FormatDecimal(static_cast<int64_t>(tenths), 1, 1), "%");
}

// USD per million units that a cost implies, to a hundredth of a cent.
std::string UnitPrice(int64_t cost_nano_usd, int64_t units) {
  const __int128 nano = static_cast<__int128>(cost_nano_usd) * kMillion / units;
  return FormatDecimal(static_cast<int64_t>((nano + 50'000) / 100'000), 4, 2);
}

int64_t TokensOf(const Side& side) {
  int64_t sum = 0;
  for (const auto& [meter, quantity] : side.quantities) {
    if (IsTokenMeter(meter)) sum += quantity;
  }
  return sum;
}

bool IsStandard(const std::string& tier) {
  return tier.empty() || tier == "standard" || tier == "default";
}

int64_t CostBound(const Comparison& day, const Tolerance& tolerance) {
  return std::max(tolerance.cost_nano_usd, day.rounding_nano_usd);
}

}  // namespace

bool Same(int64_t a, int64_t b, int64_t fixed, int64_t millionths) {
  const auto size = [](__int128 value) { return value < 0 ? -value : value; };
  const __int128 difference = size(static_cast<__int128>(a) - b);
  return difference <= fixed || difference * kMillion <= std::max(size(a), size(b)) * millionths;
}

const char* NameOf(Cause cause) {
  switch (cause) {
    case Cause::kMissingInLedger:
      return "missing_in_ledger";
    case Cause::kMissingAtProvider:
      return "missing_at_provider";
    case Cause::kDayEdge:
      return "day_edge";
    case Cause::kCachedTwice:
      return "cached_twice";
    case Cause::kServiceTier:
      return "service_tier";
    case Cause::kPrice:
      return "price";
    case Cause::kRounding:
      return "rounding";
    case Cause::kNoModel:
      return "no_model";
    case Cause::kUnexplained:
      break;
  }
  return "unexplained";
}

bool Causes::SameUsage(const Comparison& day) const {
  return std::all_of(meters_.begin(), meters_.end(), [&](const std::string& meter) {
    return Same(day.provider.Quantity(meter), day.ledger.Quantity(meter), 0, tolerance_.millionths);
  });
}

bool Causes::SameCost(const Comparison& day) const {
  return Same(day.provider.cost_nano_usd, day.ledger.cost_nano_usd, tolerance_.cost_nano_usd,
              tolerance_.millionths);
}

bool Causes::Differs(const Comparison& day) const {
  return (day.compares_usage && !SameUsage(day)) || (day.compares_cost && !SameCost(day));
}

std::vector<Difference> Causes::Explain(std::span<const Comparison> model) const {
  std::vector<Difference> differences;
  for (size_t i = 0; i < model.size(); ++i) {
    const Comparison& day = model[i];
    if (!Differs(day)) continue;
    if (day.is_no_model && !day.compares_usage) {
      std::vector<std::string> names;
      for (const auto& [meter, cost] : day.provider.costs_nano_usd) {
        if (!meter.empty()) names.push_back(meter);
      }
      differences.push_back({day, Cause::kNoModel,
                             absl::StrCat("the provider charged ", Usd(day.provider.cost_nano_usd),
                                          names.empty() ? "" : " for ", absl::StrJoin(names, ", "),
                                          ", which it ties to no model")});
      continue;
    }
    const size_t moved = MovedDays(model.subspan(i));
    for (size_t j = i; j < i + moved; ++j) {
      differences.push_back(
          {model[j], Cause::kDayEdge,
           absl::StrCat(Day(day.day), " to ", Day(model[i + moved - 1].day),
                        " together are equal: some calls are counted on another day")});
    }
    if (moved > 0) {
      i += moved - 1;
    } else {
      differences.push_back(ExplainDay(day));
    }
  }
  return differences;
}

size_t Causes::MovedDays(std::span<const Comparison> days) const {
  Comparison sum = days[0];
  for (size_t i = 1; i < std::min(days.size(), kMaxMovedDays); ++i) {
    const Comparison& day = days[i];
    if (day.day != days[i - 1].day + 1 || !Differs(day)) return 0;
    for (const std::string& meter : meters_) {
      sum.provider.quantities[meter] += day.provider.Quantity(meter);
      sum.ledger.quantities[meter] += day.ledger.Quantity(meter);
    }
    sum.provider.cost_nano_usd += day.provider.cost_nano_usd;
    sum.ledger.cost_nano_usd += day.ledger.cost_nano_usd;
    sum.rounding_nano_usd += day.rounding_nano_usd;
    const bool usage = !sum.compares_usage || SameUsage(sum);
    const bool cost =
        !sum.compares_cost ||
        Same(sum.provider.cost_nano_usd, sum.ledger.cost_nano_usd,
             std::max(tolerance_.cost_nano_usd, sum.rounding_nano_usd), tolerance_.millionths);
    if (!usage || !cost) continue;
    // Costs that only wobble around each other are rounding, not calls.
    const bool wobble =
        std::all_of(days.begin(), days.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                    [&](const Comparison& one) {
                      return (!one.compares_usage || SameUsage(one)) &&
                             Same(one.provider.cost_nano_usd, one.ledger.cost_nano_usd,
                                  CostBound(one, tolerance_), tolerance_.millionths);
                    });
    return wobble ? 0 : i + 1;
  }
  return 0;
}

Difference Causes::ExplainDay(const Comparison& day) const {
  Difference found{day, Cause::kUnexplained, ""};
  const Side& provider = day.provider;
  const Side& ledger = day.ledger;
  if (!ledger.any) {
    found.cause = Cause::kMissingInLedger;
    found.evidence = "the ledger has nothing of this model on this day: traffic past the gateway?";
    return found;
  }
  if (!provider.any) {
    found.cause = Cause::kMissingAtProvider;
    found.evidence = "the export has nothing of this model on this day";
    return found;
  }
  if (day.compares_usage && !SameUsage(day)) {
    if (!IsCachedTwice(day, &found) && !IsPartlyMissing(day, &found)) {
      found.evidence = "some meters are higher here, some there";
    }
    return found;
  }
  if (Same(provider.cost_nano_usd, ledger.cost_nano_usd, CostBound(day, tolerance_), 0)) {
    found.cause = Cause::kRounding;
    found.evidence = absl::StrCat("within the ", Usd(day.rounding_nano_usd),
                                  " by which rounding may move the cost");
  } else if (!IsOtherTier(day, &found)) {
    ExplainPrice(day, &found);
  }
  return found;
}

bool Causes::IsCachedTwice(const Comparison& day, Difference* found) const {
  for (const std::string& meter : meters_) {
    if (meter != kMeterInput && day.provider.Quantity(meter) != day.ledger.Quantity(meter)) {
      return false;
    }
  }
  const std::string input(kMeterInput);
  const int64_t more = day.ledger.Quantity(input) - day.provider.Quantity(input);
  const Side& twice = more > 0 ? day.ledger : day.provider;
  const int64_t read = twice.Quantity(std::string(kMeterCacheRead));
  const int64_t written = twice.Quantity(std::string(kMeterCacheWrite5m)) +
                          twice.Quantity(std::string(kMeterCacheWrite1h));
  const int64_t size = more < 0 ? -more : more;
  if (size == 0 || (size != read && size != read + written)) return false;
  found->cause = Cause::kCachedTwice;
  found->evidence = absl::StrCat(
      "input is ", size, more > 0 ? " higher in the ledger" : " higher at the provider",
      ", exactly the ", size == read ? "cache_read" : "cached", " tokens: ",
      more > 0 ? "the gateway reports input that includes them"
               : "the export's input includes them (--map input_with_cached=…)");
  return true;
}

bool Causes::IsOtherTier(const Comparison& day, Difference* found) const {
  const int64_t provider = day.provider.cost_nano_usd, ledger = day.ledger.cost_nano_usd;
  std::vector<std::string> others;
  int64_t all = 0, other = 0;
  for (const auto& [tier, amount] : day.tiers) {
    all += amount;
    if (IsStandard(tier)) continue;
    other += amount;
    others.push_back(tier);
  }
  const std::string share =
      absl::StrCat("the provider's cost is ", Percent(provider, ledger), " of the ledger's");
  if (!others.empty()) {
    found->cause = Cause::kServiceTier;
    found->evidence = absl::StrCat(Percent(other, all), " is ", absl::StrJoin(others, ", "),
                                   ledger == 0 ? "" : "; ", ledger == 0 ? "" : share);
    return true;
  }
  const auto half_of = [&](int64_t half, int64_t whole) {
    return half > 0 && half < whole && whole - half >= half - CostBound(day, tolerance_) * 2 &&
           whole - half <= half + CostBound(day, tolerance_) * 2;
  };
  if (!half_of(provider, ledger) && !half_of(ledger, provider)) return false;
  found->cause = Cause::kServiceTier;
  found->evidence = absl::StrCat(share, ": the discount of batches?");
  return true;
}

bool Causes::IsPartlyMissing(const Comparison& day, Difference* found) const {
  std::vector<std::string> higher, lower;
  for (const std::string& meter : meters_) {
    const int64_t more = day.provider.Quantity(meter) - day.ledger.Quantity(meter);
    if (more > 0) higher.push_back(absl::StrCat(meter, " by ", more));
    if (more < 0) lower.push_back(absl::StrCat(meter, " by ", -more));
  }
  if (higher.empty() == lower.empty()) return false;
  if (lower.empty()) {
    found->cause = Cause::kMissingInLedger;
    found->evidence = absl::StrCat("the provider has more ", absl::StrJoin(higher, ", "),
                                   ": part of the traffic past the gateway?");
  } else {
    found->cause = Cause::kMissingAtProvider;
    found->evidence = absl::StrCat("the ledger has more ", absl::StrJoin(lower, ", "),
                                   ": estimates, or calls that were not billed?");
  }
  return true;
}

void Causes::ExplainPrice(const Comparison& day, Difference* found) const {
  if (!day.compares_usage) {
    found->evidence = "costs alone do not tell usage from price: add the export of usage";
    return;
  }
  std::vector<std::string> prices;
  for (const std::string& meter : meters_) {
    const auto cost = day.provider.costs_nano_usd.find(meter);
    const auto charged = day.ledger.costs_nano_usd.find(meter);
    const int64_t units = day.ledger.Quantity(meter);
    if (units <= 0 || cost == day.provider.costs_nano_usd.end() ||
        charged == day.ledger.costs_nano_usd.end()) {
      continue;
    }
    const std::string there = UnitPrice(cost->second, day.provider.Quantity(meter));
    const std::string here = UnitPrice(charged->second, units);
    if (there != here) prices.push_back(absl::StrCat(meter, " ", there, " against ", here));
  }
  const int64_t tokens = TokensOf(day.provider), charged = TokensOf(day.ledger);
  if (prices.empty() && tokens > 0 && charged > 0) {
    prices.push_back(absl::StrCat("all tokens ", UnitPrice(day.provider.cost_nano_usd, tokens),
                                  " against ", UnitPrice(day.ledger.cost_nano_usd, charged)));
  }
  found->cause = Cause::kPrice;
  found->evidence = prices.empty() ? "the usage is the same, the cost is not"
                                   : absl::StrCat(
                                         "the same usage at other prices, in USD per "
                                         "million, provider against ledger: ",
                                         absl::StrJoin(prices, "; "));
}

}  // namespace quotaplane::reconcile
