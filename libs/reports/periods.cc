#include "libs/reports/periods.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/window/window.h"

namespace quotaplane::reports {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kHourSeconds = 3'600;

// When the hour ends that holds the second `now_s`: at the next full hour of the clock, or when the
// clock is changed before that.
int64_t HourEnd(int64_t now_s, const absl::TimeZone& zone) {
  const absl::Time now = absl::FromUnixSeconds(now_s);
  const int64_t offset = zone.At(now).offset;
  int64_t past = (now_s + offset) % kHourSeconds;
  if (past < 0) past += kHourSeconds;
  const int64_t end = now_s + kHourSeconds - past;
  absl::TimeZone::CivilTransition change;
  if (!zone.NextTransition(now, &change)) return end;
  const int64_t changed_at = change.from - absl::CivilSecond(1970, 1, 1) - offset;
  return std::min(end, changed_at);
}

WindowSpec CalendarOf(Granularity granularity, absl::TimeZone zone) {
  WindowSpec window;
  window.kind = WindowKind::kCalendar;
  window.zone = zone;
  window.unit = granularity == Granularity::kDay    ? CalendarUnit::kDay
                : granularity == Granularity::kWeek ? CalendarUnit::kWeek
                                                    : CalendarUnit::kMonth;
  return window;
}

int64_t SecondOf(int64_t us) { return us / kSecondUs - (us % kSecondUs < 0 ? 1 : 0); }

}  // namespace

absl::StatusOr<std::vector<Range>> PeriodsOf(const Range& range, Granularity granularity,
                                             absl::TimeZone zone) {
  if (granularity == Granularity::kNone) return std::vector<Range>{range};
  const WindowSpec calendar = CalendarOf(granularity, zone);
  std::vector<Range> periods;
  for (int64_t at = range.from_us; at < range.to_us;) {
    if (periods.size() == kMaxPeriods) {
      return absl::InvalidArgumentError(
          absl::StrCat("gives more than ", kMaxPeriods,
                       " periods; ask for a shorter range or for longer periods"));
    }
    const int64_t end = granularity == Granularity::kHour ? HourEnd(SecondOf(at), zone) * kSecondUs
                                                          : PeriodAt(calendar, at).end_us;
    periods.push_back({at, std::min(end, range.to_us)});
    at = end;
  }
  return periods;
}

}  // namespace quotaplane::reports
