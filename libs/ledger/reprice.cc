#include "libs/ledger/reprice.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "libs/admission/pricing_rule.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_reader.h"
#include "libs/money/money.h"

namespace quotaplane {
namespace {

absl::Status Add(int64_t amount, int64_t* sum) {
  const std::optional<int64_t> added = CheckedAdd(*sum, amount);
  if (!added.has_value()) return absl::OutOfRangeError("the costs do not fit into a sum");
  *sum = *added;
  return absl::OkStatus();
}

absl::Status AddLine(int64_t before, int64_t after, RerateSums* sums) {
  ++sums->entries;
  sums->changed += before == after ? 0 : 1;
  QP_RETURN_IF_ERROR(Add(before, &sums->before_nano_usd));
  return Add(after, &sums->after_nano_usd);
}

absl::Status Tell(const BookedLine& line, int64_t after, RerateReport* report) {
  const bool known = report->by_model.contains(line.model);
  const bool room = report->by_model.size() < kMaxModelsOfReport;
  QP_RETURN_IF_ERROR(AddLine(line.cost_left_nano_usd, after,
                             &report->by_model[known || room ? line.model : std::string()]));
  return AddLine(line.cost_left_nano_usd, after, &report->total);
}

// One attempt, which is priced as a whole: what each of its lines costs. Empty: unpriced.
absl::StatusOr<std::vector<LineCorrection>> PriceAttempt(std::span<const BookedLine> lines,
                                                         const PricingRule& rule,
                                                         std::string_view version) {
  Usage usage;
  for (const BookedLine& line : lines) usage.emplace_back(line.meter, line.quantity_left);
  QP_ASSIGN_OR_RETURN(const ServiceTier tier, TierOf(lines.front().service_tier));
  QP_ASSIGN_OR_RETURN(const PricedUsage priced, PriceBy(rule, tier, usage));
  std::vector<LineCorrection> result;
  for (const BookedLine& line : lines) {
    LineCorrection correction{&line, 0, -line.cost_left_nano_usd, 0, version, rule.priced_as};
    for (const PricedLine& one : priced.lines) {
      if (one.meter != line.meter) continue;
      correction.cost_nano_usd += one.cost_nano_usd;
      correction.unit_price = one.unit_price;
    }
    result.push_back(correction);
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<LineCorrection>> Reprice(const BookedCharge& charge,
                                                    const Policy& policy, const PriceBook& prices,
                                                    const std::vector<std::string>& models,
                                                    RerateReport* report) {
  ++report->charges;
  report->adjusted += charge.adjusted ? 1 : 0;
  std::vector<LineCorrection> corrections;
  for (size_t from = 0, to = 0; from < charge.lines.size(); from = to) {
    const BookedLine& first = charge.lines[from];
    while (to < charge.lines.size() && charge.lines[to].attempt == first.attempt) ++to;
    if (!models.empty() && std::find(models.begin(), models.end(), first.model) == models.end()) {
      continue;
    }
    const std::span<const BookedLine> lines = std::span(charge.lines).subspan(from, to - from);
    const PricingRule rule = FindPricing(policy, prices, first.model, charge.occurred_at_us);
    const bool used = !first.meter.empty();
    if (rule.unpriced() && used) report->unpriced += static_cast<int64_t>(lines.size());
    if (rule.unpriced() || charge.adjusted || !used) {
      for (const BookedLine& line : lines) {
        QP_RETURN_IF_ERROR(Tell(line, line.cost_left_nano_usd, report));
      }
      continue;
    }
    QP_ASSIGN_OR_RETURN(const std::vector<LineCorrection> priced,
                        PriceAttempt(lines, rule, prices.version()));
    for (const LineCorrection& one : priced) {
      QP_RETURN_IF_ERROR(Tell(*one.line, one.line->cost_left_nano_usd + one.cost_nano_usd, report));
      if (one.cost_nano_usd != 0) corrections.push_back(one);
    }
  }
  return corrections;
}

}  // namespace quotaplane
