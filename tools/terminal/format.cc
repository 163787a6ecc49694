#include "tools/terminal/format.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/money/money.h"

namespace quotaplane::terminal {
namespace {

// `digits` may have a sign before and a fraction after its whole part.
std::string WithSeparators(std::string_view digits) {
  const size_t begin = digits.starts_with('-') ? 1 : 0;
  const size_t end = std::min(digits.find('.'), digits.size());
  std::string out(digits.substr(0, begin));
  for (size_t i = begin; i < end; ++i) {
    if (i > begin && (end - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  out += digits.substr(end);
  return out;
}

}  // namespace

std::string FormatCount(int64_t count) { return WithSeparators(absl::StrCat(count)); }

std::string FormatMoney(int64_t nano_usd) {
  const std::string text = WithSeparators(FormatUsd(nano_usd));
  return text.starts_with('-') ? absl::StrCat("-$", text.substr(1)) : absl::StrCat("$", text);
}

std::string FormatAmount(std::string_view unit, int64_t amount) {
  return unit == "usd" ? FormatMoney(amount) : FormatCount(amount);
}

std::string FormatSpan(absl::Duration span) {
  if (span < absl::ZeroDuration()) return absl::StrCat("-", FormatSpan(-span));
  if (span < absl::Seconds(10) && span % absl::Seconds(1) != absl::ZeroDuration()) {
    return absl::StrFormat("%.1fs",
                           absl::ToDoubleSeconds(absl::Ceil(span, absl::Milliseconds(100))));
  }
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(span, absl::Seconds(1)));
  const int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  const auto two = [](int64_t major, const char* major_unit, int64_t minor,
                      const char* minor_unit) {
    return minor == 0 ? absl::StrCat(major, major_unit)
                      : absl::StrCat(major, major_unit, " ", minor, minor_unit);
  };
  if (days > 0) return two(days, "d", hours % 24, "h");
  if (hours > 0) return two(hours, "h", minutes % 60, "m");
  if (minutes > 0) return two(minutes, "m", seconds % 60, "s");
  return absl::StrCat(seconds, "s");
}

std::string FormatLatency(absl::Duration latency) {
  const double ms = absl::ToDoubleMilliseconds(latency);
  if (ms < 10) return absl::StrFormat("%.2f ms", ms);
  if (ms < 1000) return absl::StrFormat("%.1f ms", ms);
  return absl::StrFormat("%.2f s", ms / 1000);
}

std::string FormatMoment(absl::Time moment, absl::Time now) {
  const absl::Duration ahead = moment - now;
  const std::string when = absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", moment, absl::UTCTimeZone());
  return ahead >= absl::ZeroDuration() ? absl::StrCat(when, " (in ", FormatSpan(ahead), ")")
                                       : absl::StrCat(when, " (", FormatSpan(-ahead), " ago)");
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, which some terminals obey too, are C2 80 to C2 9F.
    const bool is_c1 = byte == 0xC2 && i + 1 < text.size() &&
                       (static_cast<unsigned char>(text[i + 1]) & 0xE0) == 0x80;
    if (is_c1) ++i;
    line += is_c1 || byte < 0x20 || byte == 0x7F ? ' ' : text[i];
  }
  return line;
}

}  // namespace quotaplane::terminal
