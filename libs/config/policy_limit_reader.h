// One entry of a policy's `limits`, `models`, `tiers` or `cost_centers`, from YAML. A part of
// policy_reader.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/config/yaml_reader.h"
#include "libs/policy/policy.h"

namespace quotaplane {

// The document's `defaults`.
struct PolicyDefaults {
  std::optional<OnOutage> on_outage;
  absl::TimeZone time_zone = absl::UTCTimeZone();
  // Of limits that would have one without it too (DefaultAlertAt).
  std::optional<std::vector<int>> alert_at;
};

// All of these file a problem with the document for whatever they cannot read, and then return a
// value that is fit for nothing but finding more problems, or nullopt.

Limit ReadLimit(const YamlNode& node, const PolicyDefaults& defaults, std::string_view file);
ModelRule ReadModelRule(const YamlNode& node);
CostCenterRule ReadCostCenter(const YamlNode& node);
TierRule ReadTierRule(const YamlNode& node);

// Parts that several of them have.
std::string ReadId(const YamlNode& node);
std::vector<Glob> ReadGlobs(const YamlNode& node);  // one, or a list
std::vector<Condition> ReadWhen(const YamlNode& node);
std::vector<Dimension> ReadPer(const YamlNode& node);
// "[50%, 80%, 100%]".
std::vector<int> ReadAlertAt(const YamlNode& node);

// A zone of the IANA database.
std::optional<absl::TimeZone> ReadTimeZone(const YamlNode& node);
std::optional<OnOutage> ReadOnOutage(const YamlNode& node);

// One of `words`, or `word` with a model: {word: MODEL} or "word: MODEL". The model is empty for
// the former; for the latter, `choice` is words.size().
struct ChoiceOrModel {
  size_t choice = 0;
  std::string model;
};
std::optional<ChoiceOrModel> ReadChoiceOrModel(const YamlNode& node,
                                               std::initializer_list<std::string_view> words,
                                               std::string_view word);

}  // namespace quotaplane
