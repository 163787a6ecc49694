#include "libs/policy/counter_identity.h"

#include "libs/policy/risk_tier.h"
#include "libs/policy/when_digest.h"

namespace quotaplane {
namespace {

constexpr std::string_view kVersion = "quotaplane.counter.v1";

int64_t Count(size_t n) { return static_cast<int64_t>(n); }

}  // namespace

Digest CounterFamily(const Limit& limit, const Digest& tiers) {
  FieldBuffer buffer;
  buffer.Add(kVersion).Add(Count(limit.per.size()));
  for (const Dimension& dimension : limit.per) buffer.Add(dimension.ToString());
  AddWhen(limit.when, &buffer);
  buffer.Add(limit.unit.ToString()).Add(limit.window.ToString());
  if (!limit.tier.empty()) buffer.Add("tier").Add(limit.tier).Add(tiers.view());
  return buffer.digest();
}

std::vector<Digest> CounterFamilies(const PolicyDocument& document) {
  const Digest tiers = TiersDigest(document.tiers);
  std::vector<Digest> families;
  families.reserve(document.limits.size());
  for (const Limit& limit : document.limits) families.push_back(CounterFamily(limit, tiers));
  return families;
}

Digest ScopeDigest(const std::vector<Dimension>& per, const Subject& subject,
                   std::string_view model, FieldBuffer* buffer) {
  buffer->Clear();
  buffer->Add(subject.org);
  for (const Dimension& dimension : per) buffer->Add(dimension.ValueIn(subject, model));
  return buffer->digest();
}

Digest CounterName(const Digest& family, const Digest& scope) {
  Digest name;
  for (size_t i = 0; i < name.bytes.size(); ++i) {
    name.bytes[i] = static_cast<char>(family.bytes[i] ^ scope.bytes[i]);
  }
  return name;
}

}  // namespace quotaplane
