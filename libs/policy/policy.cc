#include "libs/policy/policy.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "libs/policy/condition_index.h"
#include "libs/policy/cost_center.h"
#include "libs/policy/counter_identity.h"
#include "libs/policy/fingerprint.h"
#include "libs/policy/override_index.h"
#include "libs/policy/policy_check.h"
#include "libs/policy/problems.h"
#include "libs/policy/risk_tier.h"

namespace quotaplane {
namespace {

template <typename T>
ConditionIndex IndexOf(const std::vector<T>& entries) {
  std::vector<const std::vector<Condition>*> lists;
  for (const T& entry : entries) lists.push_back(&entry.when);
  return ConditionIndex(lists);
}

bool HasAll(const std::vector<Dimension>& per, const Subject& subject, std::string_view model) {
  return std::all_of(per.begin(), per.end(), [&](const Dimension& dimension) {
    return !dimension.ValueIn(subject, model).empty();
  });
}

bool AnyMatches(const std::vector<Glob>& globs, std::string_view model) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const Glob& glob) { return glob.Matches(model); });
}

// The tier of one request, found when the first limit or rule asks for one.
class LazyTier {
 public:
  LazyTier(const TierRules& rules, const Subject& subject, std::string_view model)
      : rules_(rules), subject_(subject), model_(model) {}

  // Whether what has this tier applies. An empty one always does.
  bool Is(const std::string& wanted) {
    if (wanted.empty()) return true;
    if (!known_) tier_ = rules_.TierOf(subject_, model_);
    known_ = true;
    return tier_ == wanted;
  }

 private:
  const TierRules& rules_;
  const Subject& subject_;
  std::string_view model_;
  bool known_ = false;
  std::string_view tier_;
};

}  // namespace

struct Policy::Impl {
  // What is known of a limit before any subject is.
  struct Prepared {
    Digest family;
    uint32_t per_list;  // equal for limits whose `per` are equal
    OverrideIndex overrides;
  };

  Impl(PolicyDocument d, std::vector<Prepared> p)
      : document(std::move(d)),
        prepared(std::move(p)),
        limit_index(IndexOf(document.limits)),
        rule_index(IndexOf(document.model_rules)),
        cost_centers(document.cost_centers),
        tiers(document.tiers) {}

  PolicyDocument document;
  std::vector<Prepared> prepared;  // by limit
  ConditionIndex limit_index;
  ConditionIndex rule_index;
  CostCenterRules cost_centers;
  TierRules tiers;
  // Made when it is asked for: of 100,000 overrides it takes as long as half of the rest, and
  // replicas never ask.
  std::once_flag fingerprint_once;
  std::string fingerprint;
};

absl::StatusOr<std::shared_ptr<const Policy>> Policy::Build(PolicyDocument document) {
  Normalize(&document);
  Problems problems;
  std::vector<bool> indexable;
  CheckDocument(document, &problems, &indexable);
  std::vector<Impl::Prepared> prepared;
  const std::vector<Digest> families = CounterFamilies(document);
  std::map<std::vector<Dimension>, uint32_t> per_lists;
  for (size_t i = 0; i < document.limits.size() && !problems.full(); ++i) {
    const Limit& limit = document.limits[i];
    if (!indexable[i]) continue;
    const uint32_t next = static_cast<uint32_t>(per_lists.size());
    const uint32_t per_list = per_lists.emplace(limit.per, next).first->second;
    prepared.push_back({families[i], per_list, OverrideIndex(limit, &problems)});
  }
  if (absl::Status status = problems.status(); !status.ok()) return status;
  // Moving the document keeps the strings in their vectors' memory, to which the override indexes
  // refer.
  return std::shared_ptr<const Policy>(
      new Policy(std::make_unique<Impl>(std::move(document), std::move(prepared))));
}

Policy::Policy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Policy::~Policy() = default;

void Policy::Match(const Subject& subject, std::string_view model,
                   std::vector<AppliedLimit>* applied) const {
  // Kept per thread, so that a match allocates nothing once its memory has grown.
  static thread_local FieldBuffer buffer;
  LazyTier tier(impl_->tiers, subject, model);
  // The scopes hashed so far.
  absl::InlinedVector<std::pair<uint32_t, Digest>, 8> scopes;
  for (const uint32_t i : impl_->limit_index.Find(subject, model)) {
    const Limit& limit = impl_->document.limits[i];
    if (!HasAll(limit.per, subject, model) || !MatchesAll(limit.when, subject, model)) continue;
    if (!tier.Is(limit.tier)) continue;
    const Impl::Prepared& prepared = impl_->prepared[i];
    auto scope = std::find_if(scopes.begin(), scopes.end(),
                              [&](const auto& entry) { return entry.first == prepared.per_list; });
    if (scope == scopes.end()) {
      scope = scopes.insert(scope,
                            {prepared.per_list, ScopeDigest(limit.per, subject, model, &buffer)});
    }
    applied->push_back({&limit, prepared.overrides.Find(subject, model).value_or(limit.amount),
                        CounterName(prepared.family, scope->second)});
  }
}

const ModelRule* Policy::RefusingRule(const Subject& subject, std::string_view model) const {
  LazyTier tier(impl_->tiers, subject, model);
  for (const uint32_t i : impl_->rule_index.Find(subject, model)) {
    const ModelRule& rule = impl_->document.model_rules[i];
    if (!MatchesAll(rule.when, subject, model) || !tier.Is(rule.tier)) continue;
    if (AnyMatches(rule.deny, model)) return &rule;
    if (!rule.allow.empty() && !AnyMatches(rule.allow, model)) return &rule;
  }
  return nullptr;
}

std::string_view Policy::TierOf(const Subject& subject, std::string_view model) const {
  return impl_->tiers.TierOf(subject, model);
}

std::string_view Policy::CostCenterOf(const Subject& subject) const {
  return impl_->cost_centers.CostCenterOf(subject);
}

const PolicyDocument& Policy::document() const { return impl_->document; }
const Digest& Policy::family(size_t limit) const { return impl_->prepared[limit].family; }
const std::string& Policy::fingerprint() const {
  Impl& impl = *impl_;
  std::call_once(impl.fingerprint_once, [&impl] { impl.fingerprint = Fingerprint(impl.document); });
  return impl.fingerprint;
}

std::string ScopeString(const Limit& limit, const Subject& subject, std::string_view model) {
  std::string scope = absl::StrCat("{org=", subject.org);
  const auto add = [&](const Dimension& dimension, std::string_view value) {
    absl::StrAppend(&scope, ", ", dimension.ToString(), "=", AbslView(value));
  };
  for (const Dimension& dimension : limit.per) add(dimension, dimension.ValueIn(subject, model));
  for (const Condition& condition : limit.when) {
    if (condition.dimension.kind == DimensionKind::kOrg) continue;
    if (std::find(limit.per.begin(), limit.per.end(), condition.dimension) != limit.per.end())
      continue;
    std::string globs;
    for (const Glob& glob : condition.any_of) {
      if (!globs.empty()) globs += '|';
      globs += glob.pattern();
    }
    add(condition.dimension, globs);
  }
  if (!limit.tier.empty()) absl::StrAppend(&scope, ", tier=", limit.tier);
  return scope + "}";
}

}  // namespace quotaplane
