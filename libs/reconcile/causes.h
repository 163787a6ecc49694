// Why a provider and the ledger differ: the likely cause, by rules that are tried in this order.
//
//   no model      the provider's row belongs to no model (web searches, sessions)
//   day edge      days in a row differ, and are equal when taken together: the one side counted
//                 some calls a day later than the other (streams over midnight, late batches)
//   missing       one side has nothing of the model on that day
//   cached twice  the inputs differ by exactly the cached tokens, and nothing else does
//   rounding      the tokens are equal, and the costs differ by no more than rounding moves them
//   service tier  the tokens are equal, or not told, and some are of another tier than standard,
//                 or the one cost is half of the other: the discount of batches
//   price         the tokens are equal, the costs are not: the unit prices that the costs imply
//   missing       all meters that differ are higher on the same side: a part is missing on the
//   other
#pragma once

#include <span>
#include <string>
#include <vector>

#include "libs/reconcile/reconcile.h"

namespace quotaplane::reconcile {

// Whether the two are the same as far as the tolerance goes. `fixed` is in the values' unit.
bool Same(int64_t a, int64_t b, int64_t fixed, int64_t millionths);

// The rules over one outcome. `meters` are those that are compared.
class Causes {
 public:
  Causes(std::vector<std::string> meters, Tolerance tolerance)
      : meters_(std::move(meters)), tolerance_(tolerance) {}

  bool Differs(const Comparison& comparison) const;

  // The differences among one model's comparisons, which are in the order of days.
  std::vector<Difference> Explain(std::span<const Comparison> model) const;

 private:
  bool SameUsage(const Comparison& comparison) const;
  bool SameCost(const Comparison& comparison) const;
  // How many comparisons from the first on, two or more, are equal when taken together; 0 if none.
  size_t MovedDays(std::span<const Comparison> days) const;
  Difference ExplainDay(const Comparison& day) const;
  // Each says whether its rule fits, and fills in cause and evidence.
  bool IsCachedTwice(const Comparison& day, Difference* difference) const;
  bool IsOtherTier(const Comparison& day, Difference* difference) const;
  bool IsPartlyMissing(const Comparison& day, Difference* difference) const;
  void ExplainPrice(const Comparison& day, Difference* difference) const;

  const std::vector<std::string> meters_;
  const Tolerance tolerance_;
};

}  // namespace quotaplane::reconcile
