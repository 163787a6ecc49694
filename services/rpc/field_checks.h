// The rules for single fields, each violation collected under the field's path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/base/error.h"

namespace quotaplane {

// Of every id, name and dimension that a caller gives.
inline constexpr size_t kMaxIdBytes = 128;

// Valid UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
bool IsUtf8(std::string_view text);
// Has a C0 or C1 control character or DEL.
bool HasControlCharacter(std::string_view utf8);
// [a-z][a-z0-9_]{0,62}
bool IsName(std::string_view text);

class FieldChecks {
 public:
  void Violation(std::string field, std::string rule);
  // At most kMaxIdBytes of UTF-8 without control characters; not empty where `required`.
  void Text(std::string_view text, std::string_view field, bool required);
  // OK, or a FieldError with every violation.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> violations_;
};

// `text` as it may stand in a message: cut to 40 bytes, everything unprintable replaced.
std::string Quoted(std::string_view text);

}  // namespace quotaplane
