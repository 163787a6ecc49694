#include "libs/alerts/alert.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/policy/policy.h"

namespace quotaplane {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"firing", "acknowledged", "silenced",
                                                     "resolved"};
constexpr std::array<std::string_view, 3> kFeedback = {"", "expected", "not_expected"};
constexpr std::array<std::string_view, 4> kActionStates = {"none", "wanted", "in_force", "ended"};

// nullopt: it lacks that.
std::optional<std::string_view> ValueOf(const Signal& signal, std::string_view name) {
  if (name == "kind") return AlertKindName(signal.kind);
  if (name == "rule") return signal.rule_id;
  if (name == "severity") return SeverityName(signal.severity);
  for (const auto& [dimension, value] : signal.dimensions) {
    if (dimension == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view AlertStateName(AlertState state) { return kStates.at(static_cast<size_t>(state)); }

std::optional<AlertState> ParseAlertState(std::string_view name) {
  const auto found = std::find(kStates.begin(), kStates.end(), name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<AlertState>(std::distance(kStates.begin(), found));
}

std::string_view FeedbackName(Feedback feedback) {
  return kFeedback.at(static_cast<size_t>(feedback));
}

std::string_view ActionStateName(ActionState state) {
  return kActionStates.at(static_cast<size_t>(state));
}

std::optional<int64_t> ParseAlertName(std::string_view text) {
  if (text.starts_with("A-") || text.starts_with("a-")) text.remove_prefix(2);
  int64_t number = 0;
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits || !absl::SimpleAtoi(AbslView(text), &number) || number < 1) return std::nullopt;
  return number;
}

bool SilenceMatches(const Silence& silence, const Signal& signal) {
  return std::all_of(silence.matchers.begin(), silence.matchers.end(), [&](const Matcher& matcher) {
    const std::optional<std::string_view> value = ValueOf(signal, matcher.name);
    return value.has_value() && Glob(matcher.pattern).Matches(*value);
  });
}

}  // namespace quotaplane
