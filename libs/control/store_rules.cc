#include "libs/control/store_rules.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/control/audit_json.h"
#include "libs/policy/subject.h"
#include "libs/sql/check.h"

namespace quotaplane {

absl::Status CheckEtag(std::string_view given, std::string_view present) {
  if (given == present) return absl::OkStatus();
  return ReasonedError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                       "it has changed since it was read; read it again");
}

absl::Status WrongState(std::string_view what, std::string_view state, std::string_view done) {
  return ReasonedError(
      absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
      absl::StrCat(AbslView(what), " is ", AbslView(state), ", so it cannot be ", AbslView(done)),
      {{"state", std::string(state)}});
}

absl::Status TooMany(std::string_view message) {
  return ReasonedError(absl::StatusCode::kResourceExhausted, "TOO_MANY", message);
}

void RequireValue(const std::string& field, std::string_view value,
                  std::vector<FieldViolation>* wrong) {
  if (!sql::IsText(value)) {
    wrong->push_back({field, "must be UTF-8 without NUL"});
  } else if (const absl::Status status = CheckValue(value); !status.ok()) {
    wrong->push_back({field, std::string(status.message())});
  }
}

void CheckOptionalValue(const std::string& field, std::string_view value,
                        std::vector<FieldViolation>* wrong) {
  if (!value.empty()) RequireValue(field, value, wrong);
}

void RequireReason(const std::string& field, std::string_view text,
                   std::vector<FieldViolation>* wrong) {
  if (!text.empty() && PrintableText(text, kMaxReasonTextBytes) == text) return;
  wrong->push_back({field, absl::StrCat("must be 1 to ", kMaxReasonTextBytes,
                                        " bytes of UTF-8 without control characters")});
}

std::string FormatUtc(int64_t us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(us), absl::UTCTimeZone());
}

}  // namespace quotaplane
