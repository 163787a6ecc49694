#include "libs/reports/html_text.h"

#include "absl/strings/str_cat.h"
#include "libs/money/decimal.h"

namespace quotaplane::reports {
namespace {

// Commas into the whole part of a decimal.
std::string Grouped(std::string_view decimal) {
  const size_t begin = decimal.starts_with('-') ? 1 : 0;
  const size_t end = std::min(decimal.find('.'), decimal.size());
  std::string out(decimal.substr(0, begin));
  for (size_t i = begin; i < end; ++i) {
    if (i > begin && (end - i) % 3 == 0) out += ',';
    out += decimal[i];
  }
  out += decimal.substr(end);
  return out;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string GroupedCount(int64_t count) { return Grouped(absl::StrCat(count)); }

std::string GroupedAmount(int64_t nano, int decimals) {
  int64_t unit = 1;
  for (int i = decimals; i < 9; ++i) unit *= 10;
  const __int128 half = nano < 0 ? -(unit / 2) : unit / 2;
  const auto units = static_cast<int64_t>((static_cast<__int128>(nano) + half) / unit);
  return Grouped(FormatDecimal(units, decimals, decimals));
}

std::string PercentOf(int64_t part, int64_t whole) {
  if (part <= 0 || whole <= 0) return "";
  const __int128 tenths = (static_cast<__int128>(part) * 1'000 + whole / 2) / whole;
  return absl::StrCat(FormatDecimal(static_cast<int64_t>(tenths), 1, 1), "%");
}

}  // namespace quotaplane::reports
