#include "libs/alerts/signal.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/sql/check.h"

namespace quotaplane {
namespace {

constexpr std::array<std::string_view, 5> kKinds = {"threshold", "forecast", "anomaly", "runaway",
                                                    "operations"};
constexpr std::array<std::string_view, 3> kSeverities = {"info", "warning", "critical"};

template <typename Enum, size_t N>
std::optional<Enum> Parse(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(std::distance(names.begin(), found));
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool IsDimensionName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDimensionNameBytes &&
         absl::ascii_islower(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                  absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_' || c == '.';
         });
}

class Check {
 public:
  explicit Check(std::string_view prefix) : prefix_(prefix) {}

  void Text(std::string_view field, std::string_view text, size_t least, size_t most) {
    if (text.size() < least) Wrong(field, "must not be empty");
    if (text.size() > most) Wrong(field, absl::StrCat("must have at most ", most, " bytes"));
    if (!sql::IsText(text) || std::any_of(text.begin(), text.end(), IsControl)) {
      Wrong(field, "must be UTF-8 without control characters");
    }
  }
  void Count(std::string_view field, size_t count, size_t most) {
    if (count > most) Wrong(field, absl::StrCat("must be at most ", most, ", not ", count));
  }
  void Range(std::string_view field, int64_t value, int64_t least, int64_t most) {
    if (value < least || value > most) {
      Wrong(field, absl::StrCat("must be from ", least, " to ", most, ", not ", value));
    }
  }
  void Wrong(std::string_view field, std::string what) {
    std::string path(prefix_);
    violations_.push_back({path.append(field), std::move(what)});
  }
  absl::Status status() const {
    return violations_.empty() ? absl::OkStatus() : FieldError(violations_);
  }

 private:
  const std::string_view prefix_;
  std::vector<FieldViolation> violations_;
};

void CheckDimensions(const Signal& signal, Check* check) {
  check->Count("dimensions", signal.dimensions.size(), kMaxSignalDimensions);
  std::set<std::string_view> names;
  for (const auto& [name, value] : signal.dimensions) {
    const std::string field = absl::StrCat("dimensions[", names.size(), "]");
    if (!IsDimensionName(name)) check->Wrong(field, "must be named [a-z][a-z0-9_.]*");
    if (!names.insert(name).second) check->Wrong(field, "is there twice");
    check->Text(field, value, 1, kMaxDimensionValueBytes);
  }
}

void CheckAction(const WantedAction& action, Check* check) {
  const bool throttle = action.kind == WantedAction::Kind::kThrottle;
  check->Range("action.share_permille", action.share_permille, throttle ? 1 : 0,
               throttle ? 999 : 0);
  check->Range("action.for_us", action.for_us, 1'000'000, kMaxActionUs);
}

}  // namespace

std::string_view AlertKindName(AlertKind kind) { return kKinds.at(static_cast<size_t>(kind)); }
std::optional<AlertKind> ParseAlertKind(std::string_view name) {
  return Parse<AlertKind>(kKinds, name);
}
std::string_view SeverityName(Severity severity) {
  return kSeverities.at(static_cast<size_t>(severity));
}
std::optional<Severity> ParseSeverity(std::string_view name) {
  return Parse<Severity>(kSeverities, name);
}

absl::Status CheckSignal(const Signal& signal, std::string_view prefix) {
  Check check(prefix);
  check.Text("org", signal.org, 0, kMaxSignalNameBytes);
  check.Text("rule_id", signal.rule_id, 1, kMaxSignalNameBytes);
  check.Text("scope", signal.scope, 0, kMaxScopeBytes);
  check.Text("key", signal.key, 1, kMaxAlertKeyBytes);
  check.Text("occurrence", signal.occurrence, 1, kMaxAlertKeyBytes);
  check.Text("summary", signal.summary, 0, kMaxSummaryBytes);
  check.Text("over_because", signal.over_because, 0, kMaxOverBecauseBytes);
  check.Text("unit", signal.unit, 0, kMaxSignalNameBytes);
  CheckDimensions(signal, &check);
  check.Count("contributors", signal.contributors.size(), kMaxSignalContributors);
  for (const Contributor& contributor : signal.contributors) {
    check.Text("contributors", contributor.dimension, 1, kMaxDimensionNameBytes);
    check.Text("contributors", contributor.value, 0, kMaxDimensionValueBytes);
  }
  if (signal.at_us <= 0) check.Wrong("at_us", "must be after 1970");
  check.Count("receivers", signal.receivers.size(), kMaxSignalReceivers);
  for (const std::string& receiver : signal.receivers) {
    check.Text("receivers", receiver, 1, kMaxSignalNameBytes);
  }
  check.Range("hold_off_us", signal.hold_off_us, 0, kMaxHoldOffUs);
  if (signal.action.has_value()) CheckAction(*signal.action, &check);
  return check.status();
}

std::string FitText(std::string_view text, size_t bytes) {
  static constexpr std::string_view kMore = "…";
  std::string fit;
  fit.reserve(std::min(text.size(), bytes));
  size_t keep = 0;  // where it may be cut so that kMore fits
  while (!text.empty()) {
    size_t size = 1;
    while (size < 4 && size < text.size() && !sql::IsText(text.substr(0, size))) ++size;
    const bool whole = sql::IsText(text.substr(0, size)) && !IsControl(text[0]);
    if (!whole) size = 1;
    const std::string_view character = whole ? text.substr(0, size) : std::string_view(" ");
    if (fit.size() + character.size() > bytes) {
      fit.resize(keep);
      if (bytes >= kMore.size()) fit.append(kMore);
      return fit;
    }
    fit.append(character);
    if (fit.size() + kMore.size() <= bytes) keep = fit.size();
    text.remove_prefix(size);
  }
  return fit;
}

}  // namespace quotaplane
