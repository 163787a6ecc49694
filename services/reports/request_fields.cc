#include "services/reports/request_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace quotaplane {

// Absl would open files by some names, and read the environment for others.
absl::TimeZone ZoneOf(const std::string& name, const std::string& field, FieldChecks* checks) {
  if (name.empty()) return absl::UTCTimeZone();
  const bool fit = name.size() <= 64 && absl::ascii_isupper(name.front()) &&
                   std::all_of(name.begin(), name.end(), [](char c) {
                     return absl::ascii_isalnum(c) || c == '_' || c == '+' || c == '-' || c == '/';
                   });
  absl::TimeZone zone;
  if (fit && absl::LoadTimeZone(name, &zone)) return zone;
  checks->Violation(field, absl::StrCat(Quoted(name),
                                        " is no IANA time zone; write it as "
                                        "Europe/Berlin"));
  return absl::UTCTimeZone();
}

int CountOf(int value, int most, int otherwise, const char* field, FieldChecks* checks) {
  if (value < 0 || value > most) {
    checks->Violation(field, absl::StrCat("is ", value, "; it must be from 0 to ", most));
  }
  return value == 0 ? otherwise : value;
}

}  // namespace quotaplane
