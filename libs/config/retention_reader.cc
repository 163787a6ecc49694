#include "libs/config/retention_reader.h"

#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

// "400d"; 0 where it cannot be read.
int ReadAge(const YamlNode& node, bool below_floor) {
  const std::optional<std::string_view> text = node.String();
  if (!text.has_value()) return 0;
  const std::string_view digits = text->substr(0, text->size() - 1);
  const bool shaped = text->ends_with('d') && !digits.empty() &&
                      digits.find_first_not_of("0123456789") == std::string_view::npos;
  int days = 0;
  if (!shaped || !absl::SimpleAtoi(AbslView(digits), &days) || days < 1 ||
      days > kMaxRetentionDays) {
    node.Report(absl::StrCat("must be from 1d to ", kMaxRetentionDays, "d, such as 400d, not ",
                             QuoteForMessage(*text)));
    return 0;
  }
  if (days < kMinRetentionDays && !below_floor) {
    node.Report(absl::StrCat("must be at least ", kMinRetentionDays,
                             "d; if less is meant, write `below_floor: true` beside it"));
    return 0;
  }
  return days;
}

}  // namespace

RetentionAges ReadRetention(const YamlNode& node) {
  RetentionAges ages;
  if (!node.ExpectMap()) return ages;
  node.ExpectKeys({"entries", "hours", "days", "below_floor"});
  if (const auto below = node.Find("below_floor"); below.has_value()) {
    ages.below_floor = below->OneOf({"true", "false"}) == size_t{0};
  }
  const auto read = [&](std::string_view key, int* days) {
    if (const auto age = node.Find(key); age.has_value()) *days = ReadAge(*age, ages.below_floor);
  };
  read("entries", &ages.entries_days);
  read("hours", &ages.hours_days);
  read("days", &ages.days_days);
  return ages;
}

}  // namespace quotaplane
