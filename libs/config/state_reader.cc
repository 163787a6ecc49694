#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_node.h"
#include "libs/config/state_document.h"
#include "libs/config/yaml_reader.h"

namespace quotaplane {
namespace {

// The end of the year 9999.
constexpr int64_t kMaxTimeUs = 253'402'300'799'999'999;

int64_t ReadTime(const YamlNode& node) {
  const std::optional<std::string_view> text = node.String();
  if (!text.has_value()) return 0;
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, AbslView(*text), &time, nullptr) ||
      time != absl::FromUnixMicros(absl::ToUnixMicros(time)) || time <= absl::UnixEpoch() ||
      time > absl::FromUnixMicros(kMaxTimeUs)) {
    node.Report(absl::StrCat("must be a time such as \"2026-12-01T00:00:00Z\", not ",
                             QuoteForMessage(*text)));
    return 0;
  }
  return absl::ToUnixMicros(time);
}

Hash256 ReadHash(const YamlNode& node) {
  Hash256 hash{};
  const std::optional<std::string_view> text = node.String();
  if (!text.has_value()) return hash;
  absl::string_view hex = AbslView(*text);
  const bool named = absl::ConsumePrefix(&hex, "blake2b:");
  const bool digits = hex.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
  if (!named || !digits || hex.size() != 2 * hash.size()) {
    node.Report("must be \"blake2b:\" and 64 lower-case hexadecimal digits");
    return hash;
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

std::string ReadText(const YamlNode& holder, std::string_view key) {
  const std::optional<YamlNode> node = holder.Find(key);
  return node.has_value() ? std::string(node->String().value_or("")) : "";
}

std::string RequireText(const YamlNode& holder, std::string_view key, std::string_view hint) {
  const std::optional<YamlNode> node = holder.Require(key, hint);
  return node.has_value() ? std::string(node->String().value_or("")) : "";
}

std::vector<std::string> ReadTexts(const YamlNode& node) {
  std::vector<std::string> texts;
  if (!node.ExpectList()) return texts;
  for (const YamlNode item : node) texts.emplace_back(item.String().value_or(""));
  return texts;
}

StateRaise ReadRaise(const YamlNode& node, const std::map<std::string, std::string>& scope) {
  StateRaise raise;
  if (!node.ExpectMap()) return raise;
  node.ExpectKeys({"limit", "amount", "per"});
  raise.limit_id = RequireText(node, "limit", "write the id of the limit");
  if (const auto amount = node.Require("amount", "write what it is raised to")) {
    raise.amount = amount->Int64(1, kMaxAmount).value_or(0);
  }
  if (const auto per = node.Find("per")) {
    raise.per = ReadTexts(*per);
    std::sort(raise.per.begin(), raise.per.end());
    for (const std::string& name : raise.per) {
      if (!scope.contains(name)) {
        per->Report(absl::StrCat("names ", QuoteForMessage(name), ", which the scope does not"));
      }
    }
    if (std::adjacent_find(raise.per.begin(), raise.per.end()) != raise.per.end()) {
      per->Report("names a dimension twice");
    }
  } else {
    for (const auto& [name, value] : scope) raise.per.push_back(name);
  }
  return raise;
}

StateException ReadException(const YamlNode& node) {
  StateException exception;
  if (!node.ExpectMap()) return exception;
  node.ExpectKeys({"id", "scope", "raises", "start", "end", "reason"});
  exception.id = RequireText(node, "id", "an export has it; of a new one, `quotactl` makes it");
  if (const auto scope = node.Find("scope"); scope.has_value() && scope->ExpectMap()) {
    for (const YamlNode entry : *scope) {
      exception.scope[std::string(entry.key())] = std::string(entry.String().value_or(""));
    }
  }
  if (const auto raises = node.Require("raises", "write what it raises");
      raises.has_value() && raises->ExpectList()) {
    for (const YamlNode item : *raises) {
      exception.raises.push_back(ReadRaise(item, exception.scope));
    }
    std::stable_sort(
        exception.raises.begin(), exception.raises.end(),
        [](const StateRaise& a, const StateRaise& b) { return a.limit_id < b.limit_id; });
  }
  if (const auto start = node.Find("start")) exception.start_us = ReadTime(*start);
  if (const auto end = node.Require("end", "an exception has an end")) {
    exception.end_us = ReadTime(*end);
  }
  exception.reason = RequireText(node, "reason", "an exception has a reason");
  return exception;
}

StateKey ReadKey(const YamlNode& node) {
  StateKey key;
  if (!node.ExpectMap()) return key;
  node.ExpectKeys({"id", "display_name", "team", "project", "user", "models", "expires", "hash",
                   "previous_hash", "previous_until"});
  key.id = RequireText(node, "id", "keys are made by CreateKey and exported");
  key.display_name = ReadText(node, "display_name");
  key.team = ReadText(node, "team");
  key.project = ReadText(node, "project");
  key.user = ReadText(node, "user");
  if (const auto models = node.Find("models")) key.models = ReadTexts(*models);
  if (const auto expires = node.Find("expires")) key.expires_at_us = ReadTime(*expires);
  if (const auto hash = node.Require("hash", "keys are made by CreateKey and exported")) {
    key.hash = ReadHash(*hash);
  }
  const auto previous = node.Find("previous_hash");
  const auto until = node.Find("previous_until");
  if (previous.has_value() != until.has_value()) {
    node.Report("has one of `previous_hash` and `previous_until`; write both or none");
  }
  if (previous.has_value()) key.previous_hash = ReadHash(*previous);
  if (until.has_value()) key.previous_until_us = ReadTime(*until);
  return key;
}

// Sorted by id.
template <typename T, typename Read>
std::optional<std::vector<T>> ReadPart(const YamlNode& root, std::string_view key, size_t bound,
                                       Read read) {
  const std::optional<YamlNode> node = root.Find(key);
  if (!node.has_value()) return std::nullopt;
  std::vector<T> entries;
  if (!node->ExpectList()) return entries;
  if (node->size() > bound) {
    node->Report(absl::StrCat("has ", node->size(), " entries; at most ", bound, " are allowed"));
    return entries;
  }
  entries.reserve(node->size());
  std::set<std::string> ids;
  for (const YamlNode item : *node) {
    entries.push_back(read(item));
    if (!ids.insert(entries.back().id).second) {
      item.Report(absl::StrCat("has the id ", QuoteForMessage(entries.back().id), " once more"));
    }
  }
  std::sort(entries.begin(), entries.end(), [](const T& a, const T& b) { return a.id < b.id; });
  return entries;
}

}  // namespace

absl::StatusOr<StateDocument> ParseState(std::string_view text, std::string_view name) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> file, YamlDocument::Parse(text, name));
  StateDocument state;
  const YamlNode root = file->root();
  if (root.ExpectMap()) {
    root.ExpectKeys({"quotaplane_state", "org", "policy", "exceptions", "keys"});
    if (const auto version = root.Require("quotaplane_state", "write `quotaplane_state: 1`")) {
      version->Int64(1, 1);
    }
    state.org = ReadText(root, "org");
    if (const auto policy = root.Find("policy")) state.policy = ReadPolicy(*file, *policy);
    state.exceptions =
        ReadPart<StateException>(root, "exceptions", kMaxStateExceptions, ReadException);
    state.keys = ReadPart<StateKey>(root, "keys", kMaxStateKeys, ReadKey);
  }
  QP_RETURN_IF_ERROR(file->status());
  return state;
}

}  // namespace quotaplane
