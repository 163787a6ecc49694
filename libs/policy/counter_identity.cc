#include "libs/policy/counter_identity.h"

#include <algorithm>

namespace quotaplane {
namespace {

constexpr std::string_view kVersion = "quotaplane.counter.v1";

int64_t Count(size_t n) { return static_cast<int64_t>(n); }

}  // namespace

Digest CounterFamily(const Limit& limit) {
  FieldBuffer buffer;
  buffer.Add(kVersion).Add(Count(limit.per.size()));
  for (const Dimension& dimension : limit.per) buffer.Add(dimension.ToString());
  buffer.Add(Count(limit.when.size()));
  for (const Condition& condition : limit.when) {
    std::vector<std::string_view> patterns;
    for (const Glob& glob : condition.any_of) patterns.push_back(glob.pattern());
    std::sort(patterns.begin(), patterns.end());
    patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
    buffer.Add(condition.dimension.ToString()).Add(Count(patterns.size()));
    for (const std::string_view pattern : patterns) buffer.Add(pattern);
  }
  buffer.Add(limit.unit.ToString()).Add(limit.window.ToString());
  return buffer.digest();
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
