// What the stores of this library share: etags, and the refusals that admin.proto lists.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/error.h"
#include "libs/control/policy_rows.h"  // EtagOf

namespace quotaplane {

inline constexpr size_t kMaxReasonTextBytes = 1'000;
// Of changes that nobody asked for.
inline constexpr std::string_view kUpkeepActor = "quotaplane";

// ABORTED, ETAG_MISMATCH.
absl::Status CheckEtag(std::string_view given, std::string_view present);

// FAILED_PRECONDITION, WRONG_STATE: `what` ("the key") is in `state`, so it cannot be `done`.
absl::Status WrongState(std::string_view what, std::string_view state, std::string_view done);
// RESOURCE_EXHAUSTED, TOO_MANY.
absl::Status TooMany(std::string_view message);

// Files a violation of `field` where the value breaks the rule of subjects' values (CheckValue).
void RequireValue(const std::string& field, std::string_view value,
                  std::vector<FieldViolation>* wrong);
// As RequireValue, but an empty one may be.
void CheckOptionalValue(const std::string& field, std::string_view value,
                        std::vector<FieldViolation>* wrong);
// Files a violation where it is empty, too long, or has control characters.
void RequireReason(const std::string& field, std::string_view text,
                   std::vector<FieldViolation>* wrong);

// "2026-11-26T08:00:00.25Z": RFC 3339 in UTC, with as many decimals as there are.
std::string FormatUtc(int64_t us);

}  // namespace quotaplane
