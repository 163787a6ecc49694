// The ledger as FOCUS 1.2 (FinOps Open Cost and Usage Specification), one row for each entry.
//
// How an entry maps:
//   BilledCost, EffectiveCost, ContractedCost, ListCost   its cost, in USD: there is no discount
//   BillingPeriod    the UTC month in which it was charged
//   ChargePeriod     the UTC hour of the usage; of a correction, the hour of what it corrects
//   ChargeCategory   Usage. ChargeClass: Correction for a correction, else null
//   quantities       ConsumedQuantity and PricingQuantity are the meter's units, which are Tokens
//                    for the token meters and Units for others; unit prices are for one of them.
//                    A correction of money alone has no quantity, and none has a unit price
//   Sku              SkuId MODEL/METER by the model that was priced; SkuPriceId adds the tier and
//                    the price book's version
//   BillingAccount   the org. SubAccount: the team. Resource: the API key. Tags: the labels
//   x_…              what FOCUS has no column for
// Costs are rounded up to the nano per entry, so PricingQuantity times ListUnitPrice may be less
// than ListCost by under a nano. Entries that used and cost nothing are left out.
#pragma once

#include <memory>
#include <string>

#include "libs/reports/entry.h"

namespace quotaplane::reports {

struct FocusNames {
  std::string invoice_issuer = "Quotaplane";
  std::string provider = "Quotaplane";
  std::string publisher = "Quotaplane";
};

// CSV (RFC 4180) with a header; a null is an empty field.
std::unique_ptr<EntryWriter> FocusWriter(FocusNames names);

}  // namespace quotaplane::reports
