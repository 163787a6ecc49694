// A provider's export against the ledger, by UTC day and model.
//
// What is compared is what the export tells: the meters it has (of those that are not tokens, only
// those that the ledger has as well), and costs. Models that the export names otherwise than the
// ledger are compared under one name (model_names.h), and said.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "libs/policy/policy.h"
#include "libs/reconcile/provider_report.h"

namespace quotaplane::reconcile {

// The ledger's sum of one meter of one model on one UTC day. Costs and quantities may be negative:
// corrections.
struct LedgerRow {
  absl::CivilDay day;
  std::string model;
  std::string meter;  // empty: requests that used nothing
  int64_t quantity = 0;
  int64_t cost_nano_usd = 0;
  int64_t requests = 0;
};

// What may differ without being a difference. Either suffices.
struct Tolerance {
  int64_t cost_nano_usd = 0;  // of a day and model; tokens have to be equal
  int64_t millionths = 0;     // of the larger side, of tokens and of costs
};

struct Options {
  // Days that are compared: from inclusive, to exclusive.
  absl::CivilDay from, to;
  // Which of the ledger's models the provider serves, besides those that the export names.
  std::vector<Glob> models;
  Tolerance tolerance;
};

// One side of a day and model.
struct Side {
  bool any = false;  // has rows
  std::map<std::string, int64_t> quantities;
  std::map<std::string, int64_t> costs_nano_usd;  // by meter; "" where the export does not say
  int64_t cost_nano_usd = 0;
  int64_t requests = 0;  // the ledger's

  int64_t Quantity(const std::string& meter) const;
};

struct Comparison {
  absl::CivilDay day;
  std::string model;  // as the provider names it; empty: all models, or what belongs to none
  Side provider, ledger;
  // Which of these the export tells of this model.
  bool compares_usage = false;
  bool compares_cost = false;
  // Charges that the provider ties to no model, while it does so with others.
  bool is_no_model = false;
  // The provider's tokens by tier; its costs where it tells no tokens.
  std::map<std::string, int64_t> tiers;
  // By how much rounding alone may move the cost: the provider's written digits, and the ledger's
  // rounding up by less than a nano for each meter of each request.
  int64_t rounding_nano_usd = 0;
};

enum class Cause {
  kMissingInLedger,    // went past the gateway
  kMissingAtProvider,  // charged here, not billed there (yet)
  kDayEdge,            // counted on a neighbouring day
  kCachedTwice,        // cached tokens are in the input as well
  kServiceTier,        // batch, flex or priority, at another price
  kPrice,              // the same tokens at another price
  kRounding,
  kNoModel,      // a charge of the provider that belongs to no model
  kUnexplained,  // no rule fits
};

// "missing_in_ledger", …: for programs.
const char* NameOf(Cause cause);

struct Difference {
  Comparison of;
  Cause cause = Cause::kUnexplained;
  std::string evidence;  // a sentence with the numbers that speak for the cause
};

// One model under several names.
struct Renaming {
  std::string model;  // as the comparison names it
  std::vector<std::string> provider, ledger;
};

struct Outcome {
  std::vector<Difference> differences;  // by day, then model
  std::vector<Renaming> renamings;      // by model
  std::vector<std::string> meters;      // that were compared
  bool compared_cost = false;
  int64_t compared = 0;  // days and models
  // Over all of them.
  int64_t provider_cost_nano_usd = 0;
  int64_t ledger_cost_nano_usd = 0;
};

// OUT_OF_RANGE: a sum is over 2^59 nano-USD or units.
absl::StatusOr<Outcome> Reconcile(const ProviderReport& report,
                                  const std::vector<LedgerRow>& ledger, const Options& options);

}  // namespace quotaplane::reconcile
