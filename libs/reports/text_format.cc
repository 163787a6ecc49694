#include "libs/reports/text_format.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"

namespace quotaplane::reports {

void AppendCsv(std::string_view field, std::string* out) {
  const bool plain = field.find_first_of(",\"\r\n") == std::string_view::npos &&
                     !field.starts_with(' ') && !field.ends_with(' ');
  if (plain) {
    out->append(field);
    return;
  }
  out->push_back('"');
  for (const char c : field) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

std::string FormatUtcMicros(int64_t us) {
  std::string text = FormatUtcSeconds(us);
  const int64_t past = us % 1'000'000;
  text.pop_back();
  absl::StrAppendFormat(&text, ".%06dZ", past < 0 ? past + 1'000'000 : past);
  return text;
}

std::string FormatUtcSeconds(int64_t us) {
  const absl::CivilSecond at = absl::ToCivilSecond(absl::FromUnixMicros(us), absl::UTCTimeZone());
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02dZ", at.year(), at.month(), at.day(),
                         at.hour(), at.minute(), at.second());
}

std::string FormatHex(std::string_view bytes) { return absl::BytesToHexString(AbslView(bytes)); }

}  // namespace quotaplane::reports
