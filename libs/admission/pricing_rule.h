// Which prices a model's usage is charged at, by price book and policy.
#pragma once

#include <cstdint>
#include <string_view>

#include "libs/policy/policy.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

struct PricingRule {
  // Null: unpriced.
  const PriceEntry* entry = nullptr;
  // The model whose prices these are, where the policy says `unpriced_models: {price_as: MODEL}`.
  std::string_view priced_as;

  bool unpriced() const { return entry == nullptr; }
  // No usage of the model costs anything.
  bool free() const { return entry == nullptr || IsFree(*entry); }
};

// Views and pointers live as long as policy and book.
PricingRule FindPricing(const Policy& policy, const PriceBook& prices, std::string_view model,
                        int64_t at_us);

// PriceUsage, or every line at 0 where the model is unpriced.
absl::StatusOr<PricedUsage> PriceBy(const PricingRule& rule, ServiceTier tier, const Usage& usage);

}  // namespace quotaplane
