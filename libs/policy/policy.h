// The policy: which limits apply to a subject, and which models it may use. An immutable snapshot:
// build it once, share it between threads, swap it whole.
//
// Semantics, exactly:
// - Every limit that matches applies; there is no precedence between limits. A limit matches a
// subject that has every
//   dimension of `per` and whose values match every glob list in `when`.
// - The org is part of every scope, written or not: no counter is shared between orgs.
// - Within a limit, the override that names the most dimensions sets the amount. Two overrides of
// equal rank that
//   could both match one scope are a validation error, even where a third would decide.
// - A limit or model rule with a tier applies only to requests of that tier (TierRule).
// - A counter is (org, the values of `per`, `when`, unit, window), and of a limit with a tier also
// that and all tier rules. Limits that agree in all of these share the counter;
//   neither id, amount, on_exceed nor overrides are part of it, so editing them keeps the count.
// - Model rules: every rule whose `when` matches must be satisfied: a model on its `deny` list is
// refused, and where it
//   has an `allow` list, one that is not on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/policy/alert_rule.h"
#include "libs/policy/condition.h"
#include "libs/policy/subject.h"
#include "libs/window/window.h"

namespace quotaplane {

// Amounts and counters stay below 2^53: the counter store computes in doubles, which are exact up
// to there.
inline constexpr int64_t kMaxAmount = (int64_t{1} << 53) - 1;

// Bounds of a document. That on `per` keeps the number of ways to specialise a limit by overrides
// small (70 of equal rank).
inline constexpr size_t kMaxLimits = 10'000;
inline constexpr size_t kMaxModelRules = 10'000;
inline constexpr size_t kMaxCostCenterRules = 10'000;
inline constexpr size_t kMaxTierRules = 10'000;
inline constexpr size_t kMaxOverrides = 1'000'000;  // of all limits
inline constexpr size_t kMaxPerDimensions = 8;
inline constexpr size_t kMaxGlobs = 256;         // of one list
inline constexpr int kMaxAlertAt = 10'000;       // permille
inline constexpr size_t kMaxAlertAtShares = 10;  // of one limit
// Problems that one error lists; the others are only counted.
inline constexpr size_t kMaxProblems = 50;

enum class OnExceed { kDeny, kSoft, kShadow, kDowngrade };
enum class OnOutage { kAllow, kDeny };
// kEstimate: a reservation holds its estimate. kNone: it holds nothing, is admitted while used <
// amount, and is charged at commit.
enum class HoldMode { kEstimate, kNone };
enum class UnpricedModels { kDeny, kFlag, kPriceAs };

// What a limit counts. Any unit that is not one of the named ones is the meter of that name.
enum class UnitKind {
  kUsd,
  kRequests,
  kInputTokens,
  kOutputTokens,
  kTotalTokens,
  kConcurrency,
  kMeter
};
struct Unit {
  UnitKind kind = UnitKind::kUsd;
  std::string meter;  // kMeter only

  std::string ToString() const;
  friend auto operator<=>(const Unit&, const Unit&) = default;
};
// "usd", "requests" … or a meter name [a-z][a-z0-9_]{0,62}. INVALID_ARGUMENT otherwise.
absl::StatusOr<Unit> ParseUnit(std::string_view text);

bool MatchesAll(const std::vector<Condition>& when, const Subject& subject, std::string_view model);

struct Override {
  // Some of the limit's `per`, or the org, with exact values. Not empty.
  std::vector<std::pair<Dimension, std::string>> match;
  int64_t amount = 0;
  // Where it was written ("policy.yaml:12: limits[3].overrides[7]"), for messages.
  std::string source;
};

struct Limit {
  std::string id;               // [a-z0-9][a-z0-9._-]{0,62}
  std::vector<Dimension> per;   // Build sorts it, and drops org and repetitions
  std::vector<Condition> when;  // one each; Build sorts them by dimension
  Unit unit;
  int64_t amount = 0;  // nano-USD for usd; 0 to kMaxAmount
  WindowSpec window;   // kLifetime for concurrency
  std::vector<Override> overrides;
  OnExceed on_exceed = OnExceed::kDeny;
  std::string downgrade_model;  // kDowngrade only
  OnOutage on_outage = OnOutage::kDeny;
  HoldMode hold = HoldMode::kEstimate;
  std::string source;
  // Applies only to subjects of this tier; empty: to all. Part of the counter, together with what
  // the tiers' rules say: when they change, it counts anew (and is filled from the ledger).
  std::string tier = {};
  // At which shares of the amount a crossing is told, in permille, ascending, each once, 1 to
  // kMaxAlertAt; empty: never; absent: DefaultAlertAt. Not part of the counter.
  std::optional<std::vector<int>> alert_at = {};
};

// Where the policy says nothing: 50, 80 and 100 % of what lasts a day or longer (calendar periods,
// lifetimes, sliding windows of at least 24 h). A limit of a shorter window is there to be reached,
// and concurrency comes and goes: none.
const std::vector<int>& DefaultAlertAt(const Limit& limit);
// `alert_at`, or the default.
const std::vector<int>& AlertAt(const Limit& limit);

struct ModelRule {
  std::string id;
  std::vector<Condition> when;  // on team and user
  std::vector<Glob> allow;      // empty: all
  std::vector<Glob> deny;
  std::string source;
  std::string tier = {};  // as a limit's
};

// For how many days the ledger keeps what; 0: for ever. Of all orgs.
struct RetentionAges {
  int entries_days = 0;  // raw entries
  int hours_days = 0;    // sums by hour
  int days_days = 0;     // sums by day
  // Ages may be below kMinRetentionDays: somebody said so.
  bool below_floor = false;

  friend bool operator==(const RetentionAges&, const RetentionAges&) = default;
};
inline constexpr int kMinRetentionDays = 90;
inline constexpr int kMaxRetentionDays = 36'500;

// Whose cost it is (libs/policy/cost_center.h).
struct CostCenterRule {
  std::vector<Condition> when;    // on team, project and labels; empty: every subject
  std::string cost_center;        // or
  std::optional<Dimension> from;  // the subject's own value of this one
  std::string source;
};

// Which risk tier a subject is of: the first rule that matches it decides. No rule: none.
struct TierRule {
  std::string tier;             // [a-z0-9][a-z0-9._-]{0,62}
  std::vector<Condition> when;  // on team, project, model; empty: every subject
  std::string source;
};

// Of others than the author, for a version to be activated.
inline constexpr int kMaxApprovals = 5;

// A whole document, as read. Plain data.
struct PolicyDocument {
  std::vector<Limit> limits;
  std::vector<ModelRule> model_rules;
  std::vector<CostCenterRule> cost_centers;  // the first that maps a subject decides
  UnpricedModels unpriced_models = UnpricedModels::kDeny;
  std::string price_as;  // kPriceAs only
  RetentionAges retention;
  std::vector<TierRule> tiers;
  int approvals = 0;  // that the next version needs (libs/control), 0 to kMaxApprovals
  std::optional<std::vector<AlertRule>> alerts;  // absent: DefaultAlertRules()
};

// A limit that applies to a subject: the amount for its scope, and its counter.
struct AppliedLimit {
  const Limit* limit = nullptr;  // lives as long as the Policy
  int64_t amount = 0;
  Digest counter;  // identity of the counter, the same on every replica
};

class Policy {
 public:
  // Checks everything the types do not say (ids and their uniqueness, override ties, override
  // dimensions outside `per`, amounts out of range, concurrency with a window, `hold: none` with
  // concurrency, bounds …) and builds the indexes. INVALID_ARGUMENT lists every problem, at most
  // kMaxProblems, one a line, with its source. 100,000 overrides take well under 1 s.
  static absl::StatusOr<std::shared_ptr<const Policy>> Build(PolicyDocument document);

  // Appends every limit that applies, in policy order. `model` stands in for subject.model (an
  // attempt of a fallback chain has its own). Under 2 µs with 6 limits that apply and 100,000
  // overrides. Thread-safe.
  void Match(const Subject& subject, std::string_view model,
             std::vector<AppliedLimit>* applied) const;

  // The first rule, in policy order, that refuses `model` to `subject`; null if none does.
  // Thread-safe.
  const ModelRule* RefusingRule(const Subject& subject, std::string_view model) const;

  // The tier of the subject with `model`; empty where no rule gives one. A view into the policy.
  // Thread-safe.
  std::string_view TierOf(const Subject& subject, std::string_view model) const;

  // Which cost center the subject's spend belongs to; empty where no rule maps it. A view into the
  // policy or the subject. Under 1 µs for a thousand rules by team. Thread-safe.
  std::string_view CostCenterOf(const Subject& subject) const;

  const PolicyDocument& document() const;
  // What all counters of document().limits[limit] have in common (counter_identity.h).
  const Digest& family(size_t limit) const;
  // Of the document's meaning: equal for equal policies, wherever they were written; 16 hexadecimal
  // digits. For logs and messages. Thread-safe; the first call makes it.
  const std::string& fingerprint() const;

  ~Policy();

 private:
  struct Impl;
  explicit Policy(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

// "{org=acme, user=alice}". Dimensions that only `when` names come after those of `per`, with their
// globs as written:
// "{org=acme, team=search, model=claude-opus-*|gpt-*}"; and then the tier, if the limit has one:
// "{org=acme, user=alice, tier=restricted}".
std::string ScopeString(const Limit& limit, const Subject& subject, std::string_view model);

}  // namespace quotaplane
