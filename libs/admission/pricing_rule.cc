#include "libs/admission/pricing_rule.h"

namespace quotaplane {

PricingRule FindPricing(const Policy& policy, const PriceBook& prices, std::string_view model,
                        int64_t at_us) {
  PricingRule rule;
  rule.entry = prices.Find(model, at_us);
  const PolicyDocument& document = policy.document();
  if (rule.entry == nullptr && document.unpriced_models == UnpricedModels::kPriceAs) {
    rule.entry = prices.Find(document.price_as, at_us);
    if (rule.entry != nullptr) rule.priced_as = document.price_as;
  }
  return rule;
}

absl::StatusOr<PricedUsage> PriceBy(const PricingRule& rule, ServiceTier tier, const Usage& usage) {
  if (rule.entry != nullptr) return PriceUsage(*rule.entry, tier, usage);
  PricedUsage priced;
  for (const auto& [meter, quantity] : usage) {
    if (quantity > 0) priced.lines.push_back({meter, quantity, 0, 0});
  }
  return priced;
}

}  // namespace quotaplane
