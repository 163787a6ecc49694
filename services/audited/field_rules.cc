#include "services/audited/field_rules.h"

#include "absl/strings/str_cat.h"
#include "libs/policy/subject.h"

namespace quotaplane {
namespace {

std::string TooLong(size_t size, size_t most) {
  return absl::StrCat("has ", size, " bytes; at most ", most, " are allowed");
}

}  // namespace

void CheckReason(std::string_view text, const std::string& field, bool required,
                 FieldChecks* checks) {
  if (text.empty()) {
    if (required) checks->Violation(field, "is required");
  } else if (text.size() > kMaxReasonTextBytes) {
    checks->Violation(field, TooLong(text.size(), kMaxReasonTextBytes));
  } else if (!IsUtf8(text)) {
    checks->Violation(field, "is not valid UTF-8");
  } else if (HasControlCharacter(text)) {
    checks->Violation(field, "has a control character; none is allowed");
  }
}

void CheckDocument(std::string_view text, const std::string& field, FieldChecks* checks) {
  if (text.empty()) {
    checks->Violation(field, "is required");
  } else if (text.size() > kMaxDocumentBytes) {
    checks->Violation(field, TooLong(text.size(), kMaxDocumentBytes));
  }
}

void CheckAtLeast(int64_t number, int64_t least, const std::string& field, FieldChecks* checks) {
  if (number >= least) return;
  checks->Violation(field, absl::StrCat("is ", number, "; it must be at least ", least));
}

void CheckRange(int64_t number, int64_t least, int64_t most, const std::string& field,
                FieldChecks* checks) {
  if (number >= least && number <= most) return;
  checks->Violation(field, absl::StrCat("is ", number, "; it must be from ", least, " to ", most));
}

void CheckScope(const NamedValues& scope, const std::string& field, FieldChecks* checks) {
  constexpr size_t kMost = 32;
  if (scope.size() > kMost) {
    return checks->Violation(
        field, absl::StrCat("has ", scope.size(), " dimensions; at most ", kMost, " are allowed"));
  }
  for (const auto& [name, value] : scope) {
    const std::string key = absl::StrCat(field, "[", Quoted(name), "]");
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (!dimension.ok()) {
      checks->Violation(key, std::string(dimension.status().message()));
      continue;
    }
    if (dimension->kind == DimensionKind::kOrg) {
      checks->Violation(key, "the org has a field of its own");
      continue;
    }
    const absl::Status fit = CheckValue(value);
    if (!fit.ok()) checks->Violation(key, std::string(fit.message()));
  }
}

size_t PageSizeOf(int page_size, FieldChecks* checks) {
  CheckRange(page_size, 0, kMaxPageSize, "page_size", checks);
  return page_size <= 0 ? kDefaultPageSize : static_cast<size_t>(page_size);
}

}  // namespace quotaplane
