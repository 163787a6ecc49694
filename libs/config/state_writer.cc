#include <algorithm>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/config/policy_writer.h"
#include "libs/config/state_document.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {
namespace {

std::string TimeText(int64_t us) {
  return absl::StrCat(
      "\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(us), absl::UTCTimeZone()),
      "\"");
}

std::string HashText(const Hash256& hash) {
  return absl::StrCat(
      "\"blake2b:", absl::BytesToHexString(absl::string_view(hash.data(), hash.size())), "\"");
}

template <typename Texts>
std::string ListText(const Texts& texts) {
  std::string out = "[";
  for (const auto& text : texts) absl::StrAppend(&out, out.size() > 1 ? ", " : "", TextOf(text));
  return out + "]";
}

template <typename T>
std::vector<const T*> Sorted(const std::vector<T>& entries) {
  std::vector<const T*> sorted;
  sorted.reserve(entries.size());
  for (const T& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const T* a, const T* b) { return a->id < b->id; });
  return sorted;
}

// By as many dimensions as the scope names: that is what a raise without `per` has.
bool HasWholeScope(const StateRaise& raise, const StateException& exception) {
  return raise.per.size() == exception.scope.size();
}

void WriteException(const StateException& exception, std::string* out) {
  absl::StrAppend(out, "  - id: ", TextOf(exception.id), "\n");
  if (!exception.scope.empty()) {
    absl::string_view separator = "    scope: {";
    for (const auto& [name, value] : exception.scope) {
      absl::StrAppend(out, separator, name, ": ", TextOf(value));
      separator = ", ";
    }
    out->append("}\n");
  }
  out->append("    raises:\n");
  std::vector<StateRaise> raises = exception.raises;
  std::stable_sort(raises.begin(), raises.end(), [](const StateRaise& a, const StateRaise& b) {
    return a.limit_id < b.limit_id;
  });
  for (const StateRaise& raise : raises) {
    absl::StrAppend(out, "      - {limit: ", TextOf(raise.limit_id), ", amount: ", raise.amount);
    if (!HasWholeScope(raise, exception)) absl::StrAppend(out, ", per: ", ListText(raise.per));
    out->append("}\n");
  }
  if (exception.start_us.has_value()) {
    absl::StrAppend(out, "    start: ", TimeText(*exception.start_us), "\n");
  }
  absl::StrAppend(out, "    end: ", TimeText(exception.end_us), "\n");
  absl::StrAppend(out, "    reason: ", TextOf(exception.reason), "\n");
}

void WriteKey(const StateKey& key, std::string* out) {
  absl::StrAppend(out, "  - id: ", TextOf(key.id), "\n");
  const auto text = [&](absl::string_view name, const std::string& value) {
    if (!value.empty()) absl::StrAppend(out, "    ", name, ": ", TextOf(value), "\n");
  };
  text("display_name", key.display_name);
  text("team", key.team);
  text("project", key.project);
  text("user", key.user);
  if (!key.models.empty()) absl::StrAppend(out, "    models: ", ListText(key.models), "\n");
  if (key.expires_at_us != 0) {
    absl::StrAppend(out, "    expires: ", TimeText(key.expires_at_us), "\n");
  }
  absl::StrAppend(out, "    hash: ", HashText(key.hash), "\n");
  if (key.previous_until_us == 0) return;
  absl::StrAppend(out, "    previous_hash: ", HashText(key.previous_hash), "\n");
  absl::StrAppend(out, "    previous_until: ", TimeText(key.previous_until_us), "\n");
}

template <typename T, typename Write>
void WritePart(absl::string_view name, const std::optional<std::vector<T>>& part, Write write,
               std::string* out) {
  if (!part.has_value()) return;
  absl::StrAppend(out, name, part->empty() ? ": []\n" : ":\n");
  for (const T* entry : Sorted(*part)) write(*entry, out);
}

}  // namespace

std::string WriteState(const StateDocument& state) {
  std::string out = "quotaplane_state: 1\n";
  if (!state.org.empty()) absl::StrAppend(&out, "org: ", TextOf(state.org), "\n");
  if (state.policy != nullptr) {
    out.append("policy:\n");
    const std::string policy = WritePolicy(state.policy->document());
    for (const absl::string_view line : absl::StrSplit(policy, '\n', absl::SkipEmpty())) {
      absl::StrAppend(&out, "  ", line, "\n");
    }
  }
  WritePart("exceptions", state.exceptions, WriteException, &out);
  WritePart("keys", state.keys, WriteKey, &out);
  return out;
}

}  // namespace quotaplane
