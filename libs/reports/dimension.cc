#include "libs/reports/dimension.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::reports {
namespace {

constexpr std::string_view kLabelPrefix = "labels.";

struct Named {
  Field field;
  std::string_view name;
  std::string_view column;
};
constexpr Named kFields[] = {
    {Field::kTeam, "team", "team"},         {Field::kProject, "project", "project"},
    {Field::kUser, "user", "user_name"},    {Field::kModel, "model", "model"},
    {Field::kMeter, "meter", "meter"},      {Field::kCostCenter, "cost_center", "cost_center"},
    {Field::kApiKey, "api_key", "api_key"},
};

bool IsLabelName(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

}  // namespace

absl::StatusOr<Dimension> ParseDimension(std::string_view text) {
  for (const Named& named : kFields) {
    if (text == named.name) return Dimension{named.field, ""};
  }
  if (text.starts_with(kLabelPrefix) && IsLabelName(text.substr(kLabelPrefix.size()))) {
    return Dimension{Field::kLabel, std::string(text.substr(kLabelPrefix.size()))};
  }
  return absl::InvalidArgumentError(
      "is no dimension; there are team, project, user, model, meter, cost_center, api_key and "
      "labels.NAME");
}

std::string ToString(const Dimension& dimension) {
  if (dimension.field == Field::kLabel) {
    return absl::StrCat(AbslView(kLabelPrefix), dimension.label);
  }
  for (const Named& named : kFields) {
    if (named.field == dimension.field) return std::string(named.name);
  }
  return "";
}

bool InRollups(const Dimension& dimension) {
  return dimension.field != Field::kApiKey && dimension.field != Field::kLabel;
}

std::string_view ColumnOf(Field field) {
  for (const Named& named : kFields) {
    if (named.field == field) return named.column;
  }
  return "";
}

}  // namespace quotaplane::reports
