#include "libs/anomaly/season.h"

#include <algorithm>
#include <cmath>

namespace quotaplane::anomaly {
namespace {

// How many occurrences of its own an hour needs to count as much as what stands behind it.
constexpr double kWeekPrior = 0.7;
constexpr double kDayPrior = 0.5;
// What an occurrence counts at least: habits change, and weeks long past should not hold on.
constexpr double kSlowestWeek = 0.2;
constexpr double kSlowestDay = 0.1;
// Where a jump is taken for one, and how fast that is learnt: over some days' steps by the minute.
constexpr float kJumpsBetter = 0.05F;
constexpr double kJumpRate = 0.005;
constexpr double kSlowestHour = 1.0 / 168;

void Blend(float& mean, double value, uint8_t& seen, double slowest) {
  mean += static_cast<float>(std::max(1.0 / (seen + 1), slowest) * (value - mean));
  if (seen < 255) ++seen;
}

}  // namespace

double Season::Bin(int hour) const {
  const int day_hour = hour % 24;
  const double days = days_[day_hour], weeks = weeks_[hour];
  const double by_day = (days * by_day_[day_hour] + kDayPrior * mean_) / (days + kDayPrior);
  return (weeks * by_week_[hour] + kWeekPrior * by_day) / (weeks + kWeekPrior);
}

double Season::At(int minute_of_week) const {
  if (jumps_[BoundaryOf(minute_of_week)] > kJumpsBetter) return Bin(minute_of_week / 60);
  return LineAt(minute_of_week);
}

double Season::LineAt(int minute_of_week) const {
  // In half hours from the middle of an hour.
  const int hour = minute_of_week / 60;
  const double phase = (minute_of_week % 60 + 0.5) / 60;
  const int other = phase < 0.5 ? (hour + kHours - 1) % kHours : (hour + 1) % kHours;
  const double share = phase < 0.5 ? 0.5 - phase : phase - 0.5;
  return (1 - share) * Bin(hour) + share * Bin(other);
}

void Season::Learn(double value, int minute_of_week) {
  const auto hour = static_cast<int16_t>(minute_of_week / 60);
  if (hour != hour_) {
    EndHour();
    hour_ = hour;
  }
  const double line = std::abs(value - LineAt(minute_of_week));
  const double jump = std::abs(value - Bin(hour));
  if (weeks_[hour] > 0 && line + jump > 0) {
    float& better = jumps_[BoundaryOf(minute_of_week)];
    better += static_cast<float>(kJumpRate * ((line - jump) / (line + jump) - better));
  }
  sum_ += value;
  ++steps_;
}

void Season::EndHour() {
  if (steps_ == 0) return;
  const double mean = sum_ / steps_;
  mean_ += static_cast<float>(std::max(1.0 / (hours_ + 1), kSlowestHour) * (mean - mean_));
  ++hours_;
  Blend(by_week_[hour_], mean, weeks_[hour_], kSlowestWeek);
  Blend(by_day_[hour_ % 24], mean, days_[hour_ % 24], kSlowestDay);
  sum_ = 0;
  steps_ = 0;
}

void Season::Scale(double factor) {
  const auto scale = [&](float& value) { value = static_cast<float>(value * factor); };
  std::for_each(by_week_.begin(), by_week_.end(), scale);
  std::for_each(by_day_.begin(), by_day_.end(), scale);
  scale(mean_);
  sum_ *= factor;
}

void Season::Shift(double offset) {
  const auto shift = [&](float& value) { value = static_cast<float>(value + offset); };
  std::for_each(by_week_.begin(), by_week_.end(), shift);
  std::for_each(by_day_.begin(), by_day_.end(), shift);
  shift(mean_);
  sum_ += offset * steps_;
}

}  // namespace quotaplane::anomaly
