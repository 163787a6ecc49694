// How fast a counter is used up: what a week to come looks like, from what the last two weeks did.
//
// The rate has to be robust on both sides: a month's budget must not look saved over a weekend, nor
// lost at noon; one mistaken day must not count for a week; and a runaway since this morning must
// be seen before it has become part of any average. So a pace is no single number but a week in
// blocks of six hours, which repeats, and it is the highest of three readings:
//
//   week   the last seven days as they were. With less history the mean day, repeated. A single day
//          that was more than twice the highest of the week before, and that the last 24 h do not
//          look like, counts as twice that highest: it was an accident that has ended
//   day    where the last 24 h are above every earlier day that they are measured by, by half at
//          least, and still go on: those days, raised to the level of the last 24 h. A shift is
//          seen within a day, before the week's mean has followed
//   hours  where four of the last six hours are above three times the highest earlier block, and
//   the same
//          hours of the day before were not: the fourth of them, for ever. A runaway is seen after
//          four hours, and a burst of some minutes is not taken for one
//
// The earlier days are the older half of what is known, at most days 8 to 14 back: so that a shift
// stays seen until the week has it, and a batch of every Monday is nothing new.
//
// A week is known from the fifth day on, and two from the tenth: days without use, as a weekend,
// hide when use began.
//
// What it does not see: a use that ended stays in the week for seven days (it warns too long,
// rather than too late), and months differ in ways that two weeks do not show.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace quotaplane {

inline constexpr int64_t kPaceHourUs = int64_t{3'600} * 1'000'000;
inline constexpr int64_t kPaceBlockUs = 6 * kPaceHourUs;
inline constexpr int kPaceDayBlocks = 4;
inline constexpr int kPaceWeekBlocks = 7 * kPaceDayBlocks;
inline constexpr int64_t kPaceWeekUs = kPaceWeekBlocks * kPaceBlockUs;
inline constexpr int kRecentDays = 14;
inline constexpr int kRecentHours = 6;

// What was used in the two weeks up to a full hour, in any unit. Sums are floats: seven digits.
class RecentUse {
 public:
  // `until_us` is a full hour.
  explicit RecentUse(int64_t until_us);

  // Use in the hour that starts at `hour_us`. Hours that are not within the two weeks change
  // nothing. `amount` may be negative, of a correction.
  void Add(int64_t hour_us, double amount);

  int64_t until_us() const { return until_us_; }
  // The first hour with any use; until_us where there is none.
  int64_t first_us() const { return first_us_; }
  // [i]: the block that ends i * 6 h before `until_us`, and the hour that ends i hours before it.
  // Never negative.
  double block(int i) const;
  double hour(int i) const;
  double last_week() const;

 private:
  int64_t until_us_;
  int64_t first_us_;
  std::array<float, kRecentDays * kPaceDayBlocks> blocks_{};
  std::array<float, kRecentHours> hours_{};
};

// Use to be expected. Copies are cheap enough.
struct Pace {
  int64_t from_us = 0;  // what was used up to here is what it knows
  // [i]: in the block that starts i * 6 h after from_us; the week repeats. Finite, at least 0.
  std::array<float, kPaceWeekBlocks> week{};

  double per_week() const;
  // Expected between two times at or after from_us, `from_us <= to_us`.
  double Between(int64_t from_us, int64_t to_us) const;
  // When `amount` > 0 more will be used, from `now_us` on; absent where not within ten years.
  std::optional<int64_t> Reaches(double amount, int64_t now_us) const;

  friend bool operator==(const Pace&, const Pace&) = default;
};

// Absent: not enough history. Less than 24 h lie between the first use and now; or less than a
// week, and all of it was used within one day.
std::optional<Pace> PaceOf(const RecentUse& use);

// For whoever is to be woken: what use is hardly below, as far as two weeks tell. Use that comes in
// bursts is above its mean in every other week, and the highest of a quiet week says little. How
// much two weeks are worth is told by how far they differ, day by day of the week: their doubt is
// the root of the sum of the squared differences, as a share of the sum. That is some 0.04 of an
// office, and 0.3 of a person.
//
//   week        the lower one of the two weeks, and at most their mean less one and a half times
//   their doubt day, hours  not where the doubt, without the last day that they are about, is above
//   0.15
//
// Absent, too, before the fifth day: the mean of three workdays is no week. With a week and no
// second one, as PaceOf.
std::optional<Pace> SurePaceOf(const RecentUse& use);

}  // namespace quotaplane
