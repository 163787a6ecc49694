// What a series is at each hour of the week, learnt as it goes: 168 bins, backed by the 24 hours of
// the day where a bin has seen few weeks, and by the overall mean before that.
//
// An hour is learnt when it is over, as the mean of its steps. Between the middles of two hours the
// expectation moves on a straight line, so that a morning's rise is no staircase; but where a jump
// has been seen to predict better (a nightly batch), for each full hour of the day, it jumps.
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>

namespace quotaplane::anomaly {

inline constexpr int kMinutesPerWeek = 7 * 24 * 60;

class Season {
 public:
  // The mean of a step at this minute of the week, 0 … kMinutesPerWeek-1.
  double At(int minute_of_week) const;
  // `value` is winsorised by the caller: nothing is clipped here.
  void Learn(double value, int minute_of_week);
  // The pattern changed for good, to this much of what it was.
  void Scale(double factor);
  void Shift(double offset);

  // Hours that were learnt, of whatever day.
  uint32_t hours() const { return hours_; }
  // Of this hour of the week: how many weeks.
  int WeeksOf(int minute_of_week) const { return weeks_[minute_of_week / 60]; }

  template <typename Codec>
  void Code(Codec& codec) {
    codec.Each(by_week_);
    codec.Each(by_day_);
    codec.Each(weeks_);
    codec.Each(days_);
    codec.Each(jumps_);
    codec(mean_);
    codec(hours_);
    codec(sum_);
    codec(steps_);
    codec(hour_);
    if constexpr (Codec::kReading) codec.Check(hour_ >= -1 && hour_ < kHours);
  }

 private:
  static constexpr int kHours = 168;

  double Bin(int hour) const;
  // The full hour next to this minute.
  static int BoundaryOf(int minute_of_week) { return (minute_of_week + 30) / 60 % 24; }
  double LineAt(int minute_of_week) const;
  void EndHour();

  std::array<float, kHours> by_week_{};
  std::array<float, 24> by_day_{};
  std::array<uint8_t, kHours> weeks_{};
  std::array<uint8_t, 24> days_{};
  // By how much, in [-1, 1], a jump at this full hour has been better than a line.
  std::array<float, 24> jumps_{};
  float mean_ = 0;
  uint32_t hours_ = 0;
  // The hour under way.
  double sum_ = 0;
  uint32_t steps_ = 0;
  int16_t hour_ = -1;
};

}  // namespace quotaplane::anomaly
