#include "libs/window/window.h"

#include <array>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kMaxLengthS = 366 * 86'400;
constexpr std::array<std::string_view, 5> kUnitNames = {"day", "week", "month", "quarter", "year"};

absl::Status InvalidWindow(std::string_view text, std::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("window ", QuoteForMessage(text), ": ", AbslView(rule)));
}

absl::StatusOr<int64_t> ParseLengthSeconds(std::string_view text) {
  constexpr std::string_view kForm =
      "write a number with s, m, h or d (60s, 1h, 30d), day, week, month, quarter, year or "
      "lifetime";
  if (text.size() < 2) return InvalidWindow(text, kForm);
  int64_t unit_s = 0;
  switch (text.back()) {
    case 's':
      unit_s = 1;
      break;
    case 'm':
      unit_s = 60;
      break;
    case 'h':
      unit_s = 3'600;
      break;
    case 'd':
      unit_s = 86'400;
      break;
    default:
      return InvalidWindow(text, kForm);
  }
  const std::string_view digits = text.substr(0, text.size() - 1);
  int64_t count = 0;
  if (digits.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(AbslView(digits), &count)) {
    return InvalidWindow(text, kForm);
  }
  if (count < 1 || count > kMaxLengthS / unit_s) {
    return InvalidWindow(text, "a sliding window lasts from 1s to 366d");
  }
  return count * unit_s;
}

// The first day of the calendar period that holds `day`, as if every period started on its natural
// first day.
absl::CivilDay NaturalStart(CalendarUnit unit, absl::CivilDay day) {
  switch (unit) {
    case CalendarUnit::kDay:
      return day;
    case CalendarUnit::kWeek:
      return absl::PrevWeekday(day + 1, absl::Weekday::monday);
    case CalendarUnit::kMonth:
      return absl::CivilDay(day.year(), day.month(), 1);
    case CalendarUnit::kQuarter:
      return absl::CivilDay(day.year(), (day.month() - 1) / 3 * 3 + 1, 1);
    case CalendarUnit::kYear:
      return absl::CivilDay(day.year(), 1, 1);
  }
  return day;
}

absl::CivilDay NextNaturalStart(CalendarUnit unit, absl::CivilDay start) {
  switch (unit) {
    case CalendarUnit::kDay:
      return start + 1;
    case CalendarUnit::kWeek:
      return start + 7;
    case CalendarUnit::kMonth:
      return absl::CivilDay(absl::CivilMonth(start) + 1);
    case CalendarUnit::kQuarter:
      return absl::CivilDay(absl::CivilMonth(start) + 3);
    case CalendarUnit::kYear:
      return absl::CivilDay(absl::CivilMonth(start) + 12);
  }
  return start;
}

// The instant at which a civil day begins: where midnight is skipped by a clock change, the first
// instant after it.
int64_t DayStartUs(absl::CivilDay day, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(day));
  const absl::Time start = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
  return absl::ToUnixMicros(start);
}

}  // namespace

std::string WindowSpec::ToString() const {
  switch (kind) {
    case WindowKind::kLifetime:
      return "lifetime";
    case WindowKind::kSliding: {
      const int64_t s = length_us / kSecondUs;
      if (s % 86'400 == 0) return absl::StrCat(s / 86'400, "d");
      if (s % 3'600 == 0) return absl::StrCat(s / 3'600, "h");
      return absl::StrCat(s, "s");
    }
    case WindowKind::kCalendar:
      break;
  }
  std::string text = absl::StrCat(AbslView(kUnitNames[static_cast<int>(unit)]), " ", zone.name());
  if (starts_on != 1) absl::StrAppend(&text, " from ", starts_on);
  return text;
}

absl::StatusOr<WindowSpec> ParseWindow(std::string_view text, absl::TimeZone zone, int starts_on) {
  WindowSpec window;
  if (text == "lifetime") return window;
  for (size_t i = 0; i < kUnitNames.size(); ++i) {
    if (text != kUnitNames[i]) continue;
    window.kind = WindowKind::kCalendar;
    window.unit = static_cast<CalendarUnit>(i);
    window.zone = zone;
    window.starts_on = starts_on;
    if (window.unit == CalendarUnit::kDay && starts_on != 1) {
      return InvalidWindow(text, "begins at midnight; remove starts_on");
    }
    const int last = window.unit == CalendarUnit::kWeek ? 7 : 28;
    if (starts_on < 1 || starts_on > last) {
      return InvalidWindow(text, absl::StrCat("starts_on must be from 1 to ", last));
    }
    return window;
  }
  absl::StatusOr<int64_t> seconds = ParseLengthSeconds(text);
  if (!seconds.ok()) return seconds.status();
  window.kind = WindowKind::kSliding;
  window.length_us = *seconds * kSecondUs;
  return window;
}

Period PeriodAt(const WindowSpec& window, int64_t now_us) {
  const absl::CivilDay today = absl::ToCivilDay(absl::FromUnixMicros(now_us), window.zone);
  const int shift = window.starts_on - 1;
  // Shifting by the start day maps a period that starts on day N onto one that starts on its
  // natural first day. The period of the shifted day is found there and shifted back.
  const absl::CivilDay natural = NaturalStart(window.unit, today - shift);
  const absl::CivilDay first = natural + shift;
  const absl::CivilDay next = NextNaturalStart(window.unit, natural) + shift;
  return {DayStartUs(first, window.zone), DayStartUs(next, window.zone)};
}

}  // namespace quotaplane
