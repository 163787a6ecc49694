// Windows: over which time a limit counts. Pure arithmetic; time is passed in.
//
// - Sliding (60s, 1h, 30d): 60 slots of window/60 each. What counts at an instant is the slot under
//   way and the 60 before it, so the oldest, partly expired slot counts whole: a limit may refuse
//   up to 1/60 of a window early, never late.
// - Calendar (day, week, month, quarter, year): civil periods in an IANA time zone. A day has 23 or
//   25 hours when the zone's clock changes.
// - Lifetime: all time. Concurrency counts over it, since only holds count.
//
// Instants are int64 microseconds since the Unix epoch, by the counter store's clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

enum class WindowKind { kLifetime = 0, kCalendar = 1, kSliding = 2 };
enum class CalendarUnit { kDay, kWeek, kMonth, kQuarter, kYear };

inline constexpr int kSlots = 60;

struct WindowSpec {
  WindowKind kind = WindowKind::kLifetime;
  // Sliding: 1 s to 366 days, whole seconds.
  int64_t length_us = 0;
  CalendarUnit unit = CalendarUnit::kMonth;
  absl::TimeZone zone = absl::UTCTimeZone();
  // Week: 1 (Monday, the default) to 7. Month, quarter and year: day of the month on which the
  // period starts, 1 (the default) to 28. Day: 1.
  int starts_on = 1;

  // "60s", "month Europe/Berlin", "week UTC from 7", "lifetime": for people, and part of a
  // counter's identity.
  std::string ToString() const;
};

// Parses "lifetime", "day" … "year", or a number with s, m, h or d. The zone and start day apply to
// calendar windows. INVALID_ARGUMENT says what would be right.
absl::StatusOr<WindowSpec> ParseWindow(std::string_view text, absl::TimeZone zone, int starts_on);

struct Period {
  int64_t start_us = 0;  // inclusive
  int64_t end_us = 0;    // exclusive
};

// The calendar period that holds `now_us`. Requires kind == kCalendar.
Period PeriodAt(const WindowSpec& window, int64_t now_us);

// Width of a slot. Requires kind == kSliding.
inline int64_t SlotWidthUs(const WindowSpec& window) {
  return (window.length_us + kSlots - 1) / kSlots;
}
inline int64_t SlotAt(const WindowSpec& window, int64_t now_us) {
  return now_us / SlotWidthUs(window);
}

}  // namespace quotaplane
