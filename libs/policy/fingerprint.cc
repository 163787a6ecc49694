#include "libs/policy/fingerprint.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "libs/base/hash.h"
#include "libs/policy/alert_digest.h"
#include "libs/policy/counter_identity.h"
#include "libs/policy/risk_tier.h"
#include "libs/policy/when_digest.h"

namespace quotaplane {
namespace {

template <typename Enum>
int64_t Number(Enum value) {
  return static_cast<int64_t>(value);
}

int64_t Count(size_t n) { return static_cast<int64_t>(n); }

Digest OverrideDigest(const Override& entry, FieldBuffer* buffer) {
  buffer->Clear();
  buffer->Add(entry.amount);
  for (const auto& [dimension, value] : entry.match) buffer->Add(dimension.ToString()).Add(value);
  return buffer->digest();
}

void AddLimit(const Limit& limit, const Digest& tiers, FieldBuffer* buffer) {
  // The family covers per, when, unit, window and tier.
  buffer->Add(limit.id).Add(CounterFamily(limit, tiers).view()).Add(limit.amount);
  buffer->Add(Number(limit.on_exceed)).Add(limit.downgrade_model);
  buffer->Add(Number(limit.on_outage)).Add(Number(limit.hold)).Add(Count(limit.overrides.size()));
  std::vector<Digest> digests;
  digests.reserve(limit.overrides.size());
  FieldBuffer scratch;
  for (const Override& entry : limit.overrides) digests.push_back(OverrideDigest(entry, &scratch));
  std::sort(digests.begin(), digests.end(),
            [](const Digest& a, const Digest& b) { return a.bytes < b.bytes; });
  for (const Digest& digest : digests) buffer->Add(digest.view());
}

// Only where it is not the default: policies without it keep the fingerprints they have had.
void AddAlertAt(const std::vector<Limit>& limits, FieldBuffer* buffer) {
  for (const Limit& limit : limits) {
    const std::vector<int>& shares = AlertAt(limit);
    if (shares == DefaultAlertAt(limit)) continue;
    buffer->Add("alert_at").Add(limit.id).Add(Count(shares.size()));
    for (const int share : shares) buffer->Add(int64_t{share});
  }
}

}  // namespace

std::string Fingerprint(const PolicyDocument& document) {
  const Digest tiers = TiersDigest(document.tiers);
  FieldBuffer buffer;
  buffer.Add(Number(document.unpriced_models)).Add(document.price_as);
  buffer.Add(Count(document.limits.size()));
  for (const Limit& limit : document.limits) AddLimit(limit, tiers, &buffer);
  buffer.Add(Count(document.model_rules.size()));
  for (const ModelRule& rule : document.model_rules) {
    buffer.Add(rule.id);
    AddWhen(rule.when, &buffer);
    AddGlobs(rule.allow, &buffer);
    AddGlobs(rule.deny, &buffer);
  }
  if (const RetentionAges& ages = document.retention; ages != RetentionAges{}) {
    buffer.Add("retention").Add(int64_t{ages.entries_days}).Add(int64_t{ages.hours_days});
    buffer.Add(int64_t{ages.days_days}).Add(int64_t{ages.below_floor});
  }
  buffer.Add(Count(document.cost_centers.size()));
  for (const CostCenterRule& rule : document.cost_centers) {
    AddWhen(rule.when, &buffer);
    buffer.Add(rule.cost_center).Add(rule.from.has_value() ? rule.from->ToString() : "");
  }
  if (!document.tiers.empty()) {
    buffer.Add("tiers").Add(tiers.view());
    for (const ModelRule& rule : document.model_rules) buffer.Add(rule.tier);
  }
  AddAlertAt(document.limits, &buffer);
  if (!HasDefaultAlertRules(document)) {
    buffer.Add("alerts").Add(AlertRulesDigest(*document.alerts).view());
  }
  if (document.approvals != 0) buffer.Add("approvals").Add(int64_t{document.approvals});
  return absl::StrFormat("%016x", buffer.digest().low64());
}

}  // namespace quotaplane
