// Who and what a request is for.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane {

// An absent dimension is an empty string. Labels are sorted by key, keys unique and values not
// empty. Whoever builds a Subject from outside input validates it first
// (services/quota/quota_convert.h).
struct Subject {
  std::string org;
  std::string team;
  std::string project;
  std::string user;
  std::string api_key;
  std::string model;
  std::vector<std::pair<std::string, std::string>> labels;

  friend bool operator==(const Subject&, const Subject&) = default;
};

// The dimensions of a subject that have a name of their own, and labels.
enum class DimensionKind { kOrg, kTeam, kProject, kUser, kApiKey, kModel, kLabel };

// One dimension, as a policy writes it: "user", or "labels.session".
struct Dimension {
  DimensionKind kind = DimensionKind::kOrg;
  std::string label;  // kLabel only

  std::string ToString() const;
  // The subject's value, empty where absent. `model` stands in for subject.model.
  std::string_view ValueIn(const Subject& subject, std::string_view model) const;
  friend auto operator<=>(const Dimension&, const Dimension&) = default;
};

// "org", "team", "project", "user", "api_key", "model", or "labels.NAME" with NAME
// [a-z][a-z0-9_]{0,62}. INVALID_ARGUMENT otherwise, with the names there are.
absl::StatusOr<Dimension> ParseDimension(std::string_view text);

inline constexpr size_t kMaxValueBytes = 128;

// The rule for every value of a subject, and for every value and glob that a policy writes: 1 to
// 128 bytes without control characters. INVALID_ARGUMENT says which part is broken ("must have …").
absl::Status CheckValue(std::string_view value);

}  // namespace quotaplane
