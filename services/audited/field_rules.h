// The rules for single fields that requests of several services share, each violation collected
// under the field's path.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "services/rpc/field_checks.h"

namespace quotaplane {

inline constexpr size_t kMaxReasonTextBytes = 1'000;
inline constexpr size_t kMaxDocumentBytes = 16 << 20;
inline constexpr int kMaxPageSize = 1'000;
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxBacktestDays = 366;
inline constexpr int64_t kMaxGraceSeconds = int64_t{30} * 24 * 3'600;
// Names of principals carry an issuer's URL.
inline constexpr size_t kMaxActorNameBytes = 1'000;

// Dimension to value.
using NamedValues = std::map<std::string, std::string>;

// A reason, a comment: at most kMaxReasonTextBytes of UTF-8 without control characters.
void CheckReason(std::string_view text, const std::string& field, bool required,
                 FieldChecks* checks);
// A document of YAML: not empty, at most kMaxDocumentBytes of UTF-8.
void CheckDocument(std::string_view text, const std::string& field, FieldChecks* checks);
// From `least` on.
void CheckAtLeast(int64_t number, int64_t least, const std::string& field, FieldChecks* checks);
void CheckRange(int64_t number, int64_t least, int64_t most, const std::string& field,
                FieldChecks* checks);
// Dimensions of a subject but the org, each with a value.
void CheckScope(const NamedValues& scope, const std::string& field, FieldChecks* checks);
// 0 stands for kDefaultPageSize.
size_t PageSizeOf(int page_size, FieldChecks* checks);

}  // namespace quotaplane
