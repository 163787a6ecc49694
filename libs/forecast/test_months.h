// Simulated use of a budget, hour by hour: two weeks, and the month that follows them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "libs/forecast/pace.h"

namespace quotaplane {

enum class Months {
  kOffice,
  kAroundTheClock,
  kPerson,
  kMondayBatch,
  kOneOff,
  kShift,
  kRunaway,
  kPersonShift
};

inline std::string_view NameOf(Months kind) {
  switch (kind) {
    case Months::kOffice:
      return "office hours";
    case Months::kAroundTheClock:
      return "around the clock";
    case Months::kPerson:
      return "one person";
    case Months::kMondayBatch:
      return "batch on Mondays";
    case Months::kOneOff:
      return "one mistaken night";
    case Months::kShift:
      return "2.5 times as much";
    case Months::kRunaway:
      return "runaway";
    case Months::kPersonShift:
      return "one person, 2.5 times as much";
  }
  return "";
}

inline constexpr int kBeforeHours = 14 * 24;
inline constexpr int kMonthHours = 30 * 24;

struct SimulatedMonth {
  int64_t from_us = 0;        // of hours[0]; the month starts kBeforeHours later
  std::vector<double> hours;  // kBeforeHours + kMonthHours
  int changes_at = 0;         // the hour of a shift or runaway; 0: none
  double without_change = 0;  // the month's sum but for what changed

  double Used(int from, int to) const {
    double sum = 0;
    for (int i = from; i < to; ++i) sum += hours[i];
    return sum;
  }
  double Total() const { return Used(kBeforeHours, kBeforeHours + kMonthHours); }
  int64_t TimeOf(int hour) const { return from_us + hour * kPaceHourUs; }
  RecentUse RecentAt(int hour) const {
    RecentUse use(TimeOf(hour));
    for (int i = std::max(0, hour - kBeforeHours); i < hour; ++i) use.Add(TimeOf(i), hours[i]);
    return use;
  }
};

// Some 1000 units an hour at the most.
class MonthMaker {
 public:
  MonthMaker(Months kind, uint32_t seed) : kind_(kind), random_(seed) {}

  SimulatedMonth Make() {
    constexpr int64_t kMonday = int64_t{1'792'368'000} * 1'000'000;
    SimulatedMonth month;
    month.from_us = kMonday + Whole(0, 6) * 24 * kPaceHourUs;
    month.hours.resize(kBeforeHours + kMonthHours);
    for (size_t i = 0; i < month.hours.size(); ++i) month.hours[i] = Hour(month, i);
    month.without_change = month.Total();
    Change(&month);
    return month;
  }

 private:
  bool IsPerson() const { return kind_ == Months::kPerson || kind_ == Months::kPersonShift; }
  int Whole(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  double Noise(double sigma) { return std::lognormal_distribution<double>(0, sigma)(random_); }

  double Hour(const SimulatedMonth& month, size_t i) {
    const int64_t hours = month.TimeOf(static_cast<int>(i)) / kPaceHourUs;
    const int of_day = static_cast<int>(hours % 24);
    const int weekday = static_cast<int>((hours / 24 + 3) % 7);  // 0: Monday
    if (of_day == 0) {
      day_ = IsPerson() ? (Whole(1, 10) <= 7 ? Noise(0.5) : 0) : Noise(0.15);
    }
    if (kind_ == Months::kAroundTheClock) {
      return 500 * (1 + 0.3 * std::sin(2 * M_PI * of_day / 24)) * Noise(0.2);
    }
    const double at_work = std::exp(-0.5 * std::pow((of_day - 13) / 3.5, 2));
    const double share = weekday < 5 ? 1 : (IsPerson() ? 0 : 0.1);
    double hour = 1000 * at_work * share * day_ * Noise(IsPerson() ? 0.8 : 0.25);
    if (kind_ == Months::kMondayBatch && weekday == 0 && of_day < 4) hour += 6'000 * Noise(0.1);
    return hour;
  }

  void Change(SimulatedMonth* month) {
    const int at = kBeforeHours + Whole(4 * 24, 20 * 24);
    if (kind_ == Months::kOneOff) {
      month->changes_at = at;
      for (int i = at; i < at + 8; ++i) month->hours[i] += 6'000;
    } else if (kind_ == Months::kShift || kind_ == Months::kPersonShift) {
      month->changes_at = at;
      for (size_t i = at; i < month->hours.size(); ++i) month->hours[i] *= 2.5;
    } else if (kind_ == Months::kRunaway) {
      month->changes_at = at;
      for (size_t i = at; i < month->hours.size(); ++i) month->hours[i] += 4'000;
    }
  }

  const Months kind_;
  std::mt19937 random_;
  double day_ = 1;
};

}  // namespace quotaplane
