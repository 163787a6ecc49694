#include "libs/reconcile/provider_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quotaplane::reconcile {

absl::Status ProviderReport::Add(ProviderReport other) {
  if (rows.size() + other.rows.size() > kMaxRows) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMaxRows, " rows; reconcile a shorter time"));
  }
  // One page that ends its listing is enough: the others come before it.
  usage_goes_on = has_usage && other.has_usage ? usage_goes_on && other.usage_goes_on
                                               : usage_goes_on || other.usage_goes_on;
  cost_goes_on = has_cost && other.has_cost ? cost_goes_on && other.cost_goes_on
                                            : cost_goes_on || other.cost_goes_on;
  has_usage |= other.has_usage;
  has_cost |= other.has_cost;
  if (other.from.has_value()) from = from.has_value() ? std::min(*from, *other.from) : *other.from;
  if (other.to.has_value()) to = to.has_value() ? std::max(*to, *other.to) : *other.to;
  std::move(other.rows.begin(), other.rows.end(), std::back_inserter(rows));
  return absl::OkStatus();
}

}  // namespace quotaplane::reconcile
