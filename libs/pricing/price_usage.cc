#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "libs/money/money.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {
namespace {

// Where to look for a price, in order.
using Layers = absl::InlinedVector<const MeterPrices*, 8>;

void AddLayers(const std::map<ServiceTier, MeterPrices>& by_tier, ServiceTier tier,
               Layers& layers) {
  for (ServiceTier each : {tier, ServiceTier::kStandard}) {
    auto found = by_tier.find(each);
    if (found != by_tier.end()) layers.push_back(&found->second);
    if (tier == ServiceTier::kStandard) break;
  }
}

Layers LayersOf(const PriceEntry& entry, ServiceTier tier, int64_t prompt_tokens) {
  Layers layers;
  for (auto each = entry.long_context.rbegin(); each != entry.long_context.rend(); ++each) {
    if (prompt_tokens > each->above_prompt_tokens) AddLayers(each->by_tier, tier, layers);
  }
  AddLayers(entry.by_tier, tier, layers);
  return layers;
}

std::optional<int64_t> Listed(const Layers& layers, std::string_view meter) {
  for (const MeterPrices* prices : layers) {
    auto found = prices->find(meter);
    if (found != prices->end()) return found->second;
  }
  return std::nullopt;
}

int64_t UnitPrice(const Layers& layers, std::string_view meter) {
  if (std::optional<int64_t> price = Listed(layers, meter)) return *price;
  if (meter == kMeterCacheWrite1h) return UnitPrice(layers, kMeterCacheWrite5m);
  if (meter == kMeterCacheRead || meter == kMeterCacheWrite5m)
    return UnitPrice(layers, kMeterInput);
  return 0;
}

bool IsPromptMeter(std::string_view meter) {
  return meter == kMeterInput || meter == kMeterCacheRead || meter == kMeterCacheWrite5m ||
         meter == kMeterCacheWrite1h;
}

}  // namespace

absl::StatusOr<PricedUsage> PriceUsage(const PriceEntry& entry, ServiceTier tier,
                                       const Usage& usage) {
  int64_t prompt_tokens = 0;
  for (const auto& [meter, units] : usage) {
    if (units < 0 || units > kMaxUnits) {
      return absl::OutOfRangeError(
          absl::StrCat(meter, ": ", units, " units are not from 0 to ", kMaxUnits));
    }
    if (IsPromptMeter(meter)) prompt_tokens += units;
  }

  const Layers layers = LayersOf(entry, tier, prompt_tokens);
  PricedUsage priced;
  priced.lines.reserve(usage.size());
  for (const auto& [meter, units] : usage) {
    if (units == 0) continue;
    const int64_t unit_price = UnitPrice(layers, meter);
    const std::optional<int64_t> cost = LineCost(units, unit_price);
    if (!cost || *cost > kMaxCostNanoUsd - priced.cost_nano_usd) {
      return absl::OutOfRangeError(absl::StrCat(meter, ": ", units, " units at ", unit_price,
                                                " nano-USD per million take the cost past ",
                                                kMaxCostNanoUsd, " nano-USD"));
    }
    priced.cost_nano_usd += *cost;
    priced.lines.push_back({meter, units, unit_price, *cost});
  }
  return priced;
}

}  // namespace quotaplane
