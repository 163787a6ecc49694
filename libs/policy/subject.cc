#include "libs/policy/subject.h"

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

constexpr std::string_view kLabelPrefix = "labels.";

// By DimensionKind.
constexpr std::array<std::string_view, 6> kNames = {"org",  "team",    "project",
                                                    "user", "api_key", "model"};

bool IsLabelName(std::string_view name) {
  if (name.empty() || name.size() > 63 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

bool HasControlCharacter(std::string_view value) {
  for (size_t i = 0; i < value.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(value[i]);
    if (c < 0x20 || c == 0x7F) return true;
    // U+0080 to U+009F.
    if (c == 0xC2 && i + 1 < value.size() && static_cast<unsigned char>(value[i + 1]) < 0xA0)
      return true;
  }
  return false;
}

}  // namespace

std::string Dimension::ToString() const {
  if (kind == DimensionKind::kLabel) return absl::StrCat(AbslView(kLabelPrefix), label);
  return std::string(kNames[static_cast<size_t>(kind)]);
}

std::string_view Dimension::ValueIn(const Subject& subject, std::string_view model) const {
  switch (kind) {
    case DimensionKind::kOrg:
      return subject.org;
    case DimensionKind::kTeam:
      return subject.team;
    case DimensionKind::kProject:
      return subject.project;
    case DimensionKind::kUser:
      return subject.user;
    case DimensionKind::kApiKey:
      return subject.api_key;
    case DimensionKind::kModel:
      return model;
    case DimensionKind::kLabel:
      break;
  }
  const auto found =
      std::lower_bound(subject.labels.begin(), subject.labels.end(), label,
                       [](const auto& entry, const std::string& key) { return entry.first < key; });
  if (found == subject.labels.end() || found->first != label) return {};
  return found->second;
}

absl::StatusOr<Dimension> ParseDimension(std::string_view text) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return Dimension{static_cast<DimensionKind>(i), ""};
  }
  if (text.substr(0, kLabelPrefix.size()) == kLabelPrefix) {
    const std::string_view name = text.substr(kLabelPrefix.size());
    if (IsLabelName(name)) return Dimension{DimensionKind::kLabel, std::string(name)};
    return absl::InvalidArgumentError(
        "a label's name begins with a-z and has at most 63 of a-z, 0-9 and _, as in "
        "labels.cost_center");
  }
  return absl::InvalidArgumentError(
      "unknown dimension; there are org, team, project, user, api_key, model and labels.NAME");
}

absl::Status CheckValue(std::string_view value) {
  if (value.empty()) return absl::InvalidArgumentError("must not be empty");
  if (value.size() > kMaxValueBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have at most ", kMaxValueBytes, " bytes, not ", value.size()));
  }
  if (HasControlCharacter(value))
    return absl::InvalidArgumentError("must have no control characters");
  return absl::OkStatus();
}

}  // namespace quotaplane
