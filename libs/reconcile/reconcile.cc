#include "libs/reconcile/reconcile.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/money/money.h"
#include "libs/pricing/price_book.h"
#include "libs/reconcile/causes.h"
#include "libs/reconcile/model_names.h"

namespace quotaplane::reconcile {
namespace {

// Sums of a day are bounded by this, so that those of a week, and differences, fit without a check.
constexpr int64_t kMaxSum = int64_t{1} << 59;

absl::Status AddTo(int64_t* sum, int64_t value) {
  const std::optional<int64_t> added = CheckedAdd(*sum, value);
  if (!added.has_value() || *added > kMaxSum || *added < -kMaxSum) {
    return absl::OutOfRangeError("a sum is over 2^59; reconcile a shorter time");
  }
  *sum = *added;
  return absl::OkStatus();
}

// Under which name a model is compared. Names that mean one model are compared each for itself
// where both sides have the same, and together where not.
class Names {
 public:
  void AddProvider(const std::string& model) {
    classes_[CanonicalModel(model)].first.insert(model);
  }
  void AddLedger(const std::string& model) { classes_[CanonicalModel(model)].second.insert(model); }

  bool ProviderKnows(const std::string& model) const {
    const auto found = classes_.find(CanonicalModel(model));
    return found != classes_.end() && !found->second.first.empty();
  }
  std::string Of(const std::string& model) const {
    const auto found = classes_.find(CanonicalModel(model));
    return found == classes_.end() || !Together(found->second) ? model : NameOf(*found);
  }
  std::vector<Renaming> Renamings() const {
    std::vector<Renaming> all;
    for (const auto& one : classes_) {
      const auto& [provider, ledger] = one.second;
      if (!Together(one.second)) continue;
      all.push_back(
          {NameOf(one), {provider.begin(), provider.end()}, {ledger.begin(), ledger.end()}});
    }
    return all;
  }

 private:
  using Class = std::pair<std::set<std::string>, std::set<std::string>>;  // provider's, ledger's

  static bool Together(const Class& names) {
    return !names.first.empty() && !names.second.empty() && names.first != names.second;
  }
  static std::string NameOf(const std::pair<const std::string, Class>& one) {
    return one.second.first.size() == 1 ? *one.second.first.begin() : one.first;
  }

  std::map<std::string, Class> classes_;  // by canonical name
};

class Reconciliation {
 public:
  Reconciliation(const ProviderReport& report, const Options& options)
      : report_(report), options_(options) {
    for (const ProviderRow& row : report.rows) {
      if (!row.model.empty()) names_.AddProvider(row.model);
      usage_by_model_ |= row.quantity.has_value() && !row.model.empty();
      cost_by_model_ |= row.cost_nano_usd.has_value() && !row.model.empty();
    }
    // Without a row of usage, there is none of any model.
    if (report.rows.empty()) usage_by_model_ = cost_by_model_ = true;
  }

  absl::Status Add(const std::vector<LedgerRow>& ledger) {
    std::vector<const LedgerRow*> taken;
    std::set<std::string> ledger_meters;
    for (const LedgerRow& row : ledger) {
      if (!InRange(row.day) || !Serves(row.model)) continue;
      taken.push_back(&row);
      names_.AddLedger(row.model);
      ledger_meters.insert(row.meter);
    }
    for (const ProviderRow& row : report_.rows) {
      if (!row.quantity.has_value()) continue;
      if (IsTokenMeter(row.meter) || ledger_meters.count(row.meter) > 0) meters_.insert(row.meter);
    }
    for (const LedgerRow* row : taken) QP_RETURN_IF_ERROR(AddLedger(*row));
    for (const ProviderRow& row : report_.rows) {
      if (InRange(row.day)) QP_RETURN_IF_ERROR(AddProvider(row));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Outcome> Finish() {
    Outcome outcome;
    outcome.renamings = names_.Renamings();
    outcome.meters.assign(meters_.begin(), meters_.end());
    outcome.compared_cost = report_.has_cost;
    outcome.compared = static_cast<int64_t>(comparisons_.size());
    const Causes causes(outcome.meters, options_.tolerance);
    std::vector<Comparison> model;  // one model's days
    const auto explain = [&] {
      if (model.empty()) return;
      for (Difference& each : causes.Explain(model)) {
        outcome.differences.push_back(std::move(each));
      }
      model.clear();
    };
    for (auto& [key, comparison] : comparisons_) {
      if (!model.empty() && model.back().model != key.first) explain();
      Settle(key, &comparison);
      if (comparison.compares_cost) {
        QP_RETURN_IF_ERROR(
            AddTo(&outcome.provider_cost_nano_usd, comparison.provider.cost_nano_usd));
        QP_RETURN_IF_ERROR(AddTo(&outcome.ledger_cost_nano_usd, comparison.ledger.cost_nano_usd));
      }
      model.push_back(std::move(comparison));
    }
    explain();
    std::stable_sort(outcome.differences.begin(), outcome.differences.end(),
                     [](const Difference& a, const Difference& b) { return a.of.day < b.of.day; });
    return outcome;
  }

 private:
  using Key = std::pair<std::string, absl::CivilDay>;  // model, day

  bool InRange(absl::CivilDay day) const { return day >= options_.from && day < options_.to; }
  bool Serves(const std::string& model) const {
    return names_.ProviderKnows(model) ||
           std::any_of(options_.models.begin(), options_.models.end(),
                       [&](const Glob& glob) { return glob.Matches(model); });
  }

  absl::Status AddLedger(const LedgerRow& row) {
    const std::string model = names_.Of(row.model);
    if (report_.has_usage) {
      Side& usage = comparisons_[{usage_by_model_ ? model : "", row.day}].ledger;
      usage.any = true;
      if (!row.meter.empty()) {
        QP_RETURN_IF_ERROR(AddTo(&usage.quantities[row.meter], row.quantity));
      }
    }
    if (!report_.has_cost) return absl::OkStatus();
    Side& cost = comparisons_[{cost_by_model_ ? model : "", row.day}].ledger;
    cost.any = true;
    QP_RETURN_IF_ERROR(AddTo(&cost.costs_nano_usd[row.meter], row.cost_nano_usd));
    QP_RETURN_IF_ERROR(AddTo(&cost.cost_nano_usd, row.cost_nano_usd));
    return AddTo(&cost.requests, row.requests);
  }

  absl::Status AddProvider(const ProviderRow& row) {
    Comparison& comparison = comparisons_[{names_.Of(row.model), row.day}];
    comparison.provider.any = true;
    if (row.quantity.has_value()) {
      QP_RETURN_IF_ERROR(AddTo(&comparison.provider.quantities[row.meter], *row.quantity));
    }
    if (row.cost_nano_usd.has_value()) {
      QP_RETURN_IF_ERROR(AddTo(&comparison.provider.costs_nano_usd[row.meter], *row.cost_nano_usd));
      QP_RETURN_IF_ERROR(AddTo(&comparison.provider.cost_nano_usd, *row.cost_nano_usd));
      QP_RETURN_IF_ERROR(AddTo(&comparison.rounding_nano_usd, row.rounding_nano_usd));
    }
    const bool by_usage = report_.has_usage && row.quantity.has_value() && IsTokenMeter(row.meter);
    const int64_t amount = by_usage            ? *row.quantity
                           : report_.has_usage ? 0
                                               : row.cost_nano_usd.value_or(0);
    if (amount > 0) QP_RETURN_IF_ERROR(AddTo(&comparison.tiers[row.tier], amount));
    return absl::OkStatus();
  }

  void Settle(const Key& key, Comparison* comparison) const {
    comparison->model = key.first;
    comparison->day = key.second;
    comparison->compares_usage = report_.has_usage && key.first.empty() != usage_by_model_;
    // What belongs to no model is looked at where the provider charges for it.
    const bool charges = !comparison->provider.costs_nano_usd.empty();
    comparison->compares_cost =
        report_.has_cost && (key.first.empty() ? !cost_by_model_ || charges : cost_by_model_);
    comparison->is_no_model = key.first.empty() && cost_by_model_ && charges;
    // Each entry of the ledger was rounded up by less than a nano.
    const auto meters = static_cast<int64_t>(comparison->ledger.costs_nano_usd.size());
    comparison->rounding_nano_usd += comparison->ledger.requests * meters;
  }

  const ProviderReport& report_;
  const Options& options_;
  Names names_;
  bool usage_by_model_ = false;
  bool cost_by_model_ = false;
  std::set<std::string> meters_;
  std::map<Key, Comparison> comparisons_;
};

}  // namespace

int64_t Side::Quantity(const std::string& meter) const {
  const auto found = quantities.find(meter);
  return found == quantities.end() ? 0 : found->second;
}

absl::StatusOr<Outcome> Reconcile(const ProviderReport& report,
                                  const std::vector<LedgerRow>& ledger, const Options& options) {
  Reconciliation reconciliation(report, options);
  QP_RETURN_IF_ERROR(reconciliation.Add(ledger));
  return reconciliation.Finish();
}

}  // namespace quotaplane::reconcile
