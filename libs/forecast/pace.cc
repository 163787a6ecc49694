#include "libs/forecast/pace.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = kPaceDayBlocks * kPaceBlockUs;
constexpr int kWeekDays = 7;
constexpr int64_t kTenYearsUs = int64_t{3'653} * kDayUs;

// "Clearly above", as pace.h says it.
constexpr double kDayAbove = 1.5;
constexpr double kGoesOn = 1.25;
constexpr double kHoursAbove = 3;
constexpr double kOutlier = 2;
// Of SurePaceOf.
constexpr double kDoubts = 1.5;
constexpr double kDoubtful = 0.15;

using Week = std::array<double, kPaceWeekBlocks>;

double Total(const Week& week) { return std::accumulate(week.begin(), week.end(), 0.0); }

// The last 24 h are day 0.
double Day(const RecentUse& use, int day) {
  double sum = 0;
  for (int i = 0; i < kPaceDayBlocks; ++i) sum += use.block(day * kPaceDayBlocks + i);
  return sum;
}

// Days [from, to) back.
struct Days {
  int from = 0;
  int to = 0;

  bool empty() const { return from >= to; }
  template <typename Of>
  double Highest(Of of) const {
    double highest = 0;
    for (int day = from; day < to; ++day) highest = std::max(highest, of(day));
    return highest;
  }
};

// These days as a week to come: as they were where they are a week, the mean of them otherwise.
Week WeekOf(const RecentUse& use, Days days) {
  Week week{};
  for (int i = 0; i < kPaceWeekBlocks; ++i) {
    const int back = kPaceWeekBlocks - 1 - i;
    if (days.to - days.from == kWeekDays && days.from % kWeekDays == 0) {
      week[i] = use.block(days.from * kPaceDayBlocks + back);
      continue;
    }
    for (int day = days.from; day < days.to; ++day) {
      week[i] += use.block(day * kPaceDayBlocks + back % kPaceDayBlocks);
    }
    week[i] /= days.to - days.from;
  }
  return week;
}

void TakeBackOutlier(const RecentUse& use, double highest_before, Week* week) {
  if (highest_before <= 0) return;
  int found = -1;
  for (int day = 1; day < kWeekDays; ++day) {
    if (Day(use, day) <= kOutlier * highest_before) continue;
    if (found >= 0) return;  // two are no accident
    found = day;
  }
  if (found < 0 || Day(use, 0) > Day(use, found) / 2) return;
  const double share = kOutlier * highest_before / Day(use, found);
  for (int i = 0; i < kPaceDayBlocks; ++i) {
    (*week)[kPaceWeekBlocks - 1 - (found * kPaceDayBlocks + i)] *= share;
  }
}

// What four of the last six hours reached.
double SteadyHour(const RecentUse& use) {
  std::array<double, kRecentHours> hours;
  for (int i = 0; i < kRecentHours; ++i) hours[i] = use.hour(i);
  std::sort(hours.begin(), hours.end(), std::greater<>());
  return hours[3];
}

Week Repeated(double block) {
  Week week;
  week.fill(block);
  return week;
}

class Reading {
 public:
  Reading(const RecentUse& use, int days)
      : use_(use),
        days_(days),
        before_{days / 2, days},
        highest_day_(before_.Highest([&](int day) { return Day(use, day); })),
        steady_block_(SteadyHour(use) * kRecentHours) {}

  Week ByWeek() const {
    Week week = WeekOf(use_, {0, std::min(days_, kWeekDays)});
    if (days_ == kRecentDays) TakeBackOutlier(use_, highest_day_, &week);
    return week;
  }

  // Of two weeks.
  Week BySureWeek() const {
    Week week = ByWeek();
    if (days_ < kRecentDays) return week;
    const Week before = WeekOf(use_, {kWeekDays, 2 * kWeekDays});
    const double mean = (Total(week) + Total(before)) / 2;
    if (Total(before) < Total(week)) week = before;
    const double most = mean * std::max(0.0, 1 - kDoubts * Doubt(0));
    if (Total(week) > most) {
      const double share = most / Total(week);
      for (double& block : week) block *= share;
    }
    return week;
  }

  // Whether single days and hours of it say something.
  bool Steady() const { return days_ < kRecentDays || Doubt(1) <= kDoubtful; }

  std::optional<Week> ByDay() const {
    if (highest_day_ <= 0) return std::nullopt;
    const double level = Day(use_, 0) / highest_day_;
    const double at_this_hour =
        before_.Highest([&](int day) { return use_.block(day * kPaceDayBlocks); });
    if (level < kDayAbove || steady_block_ < kGoesOn * at_this_hour) return std::nullopt;
    Week week = WeekOf(use_, before_);
    for (double& block : week) block *= level;
    return week;
  }

  std::optional<Week> ByHours() const {
    const double highest_block = before_.Highest([&](int day) {
      double highest = 0;
      for (int i = 0; i < kPaceDayBlocks; ++i) {
        highest = std::max(highest, use_.block(day * kPaceDayBlocks + i));
      }
      return highest;
    });
    if (highest_block <= 0 || steady_block_ < kHoursAbove * highest_block) return std::nullopt;
    const bool since_yesterday = use_.block(kPaceDayBlocks) > steady_block_ / 2;
    if (since_yesterday) return std::nullopt;
    return Repeated(steady_block_);
  }

 private:
  // Of the two weeks, but for the last `without` days of each.
  double Doubt(int without) const {
    double squares = 0;
    double sum = 0;
    for (int day = without; day < kWeekDays; ++day) {
      const double a = Day(use_, day);
      const double b = Day(use_, day + kWeekDays);
      squares += (a - b) * (a - b);
      sum += a + b;
    }
    return sum > 0 ? std::sqrt(squares) / sum : 0;
  }

  const RecentUse& use_;
  const int days_;
  const Days before_;  // empty for one day
  const double highest_day_;
  const double steady_block_;
};

bool UsedWithinOneDay(const RecentUse& use, int days) {
  int used = 0;
  for (int day = 0; day <= days; ++day) used += Day(use, day) > 0 ? 1 : 0;
  return used < 2;
}

// How many days are known. Weekends and absences hide when use began: five days are taken for a
// week, and ten for two.
int DaysKnown(const RecentUse& use) {
  const int days = static_cast<int>((use.until_us() - use.first_us()) / kDayUs);
  if (days >= 10) return kRecentDays;
  return days >= 5 ? std::max(days, kWeekDays) : days;
}

std::optional<Pace> Read(const RecentUse& use, bool sure) {
  const int days = DaysKnown(use);
  if (days < 1 || (days < kWeekDays && (sure || UsedWithinOneDay(use, days)))) return std::nullopt;
  const Reading reading(use, days);
  Week week = sure ? reading.BySureWeek() : reading.ByWeek();
  if (!sure || reading.Steady()) {
    for (const std::optional<Week>& other : {reading.ByDay(), reading.ByHours()}) {
      if (other.has_value() && Total(*other) > Total(week)) week = *other;
    }
  }
  Pace pace;
  pace.from_us = use.until_us();
  std::transform(week.begin(), week.end(), pace.week.begin(),
                 [](double block) { return static_cast<float>(block); });
  return pace;
}

}  // namespace

RecentUse::RecentUse(int64_t until_us) : until_us_(until_us), first_us_(until_us) {}

void RecentUse::Add(int64_t hour_us, double amount) {
  if (hour_us >= until_us_) return;
  const int64_t hours_back = (until_us_ - 1 - hour_us) / kPaceHourUs;
  const int64_t block = hours_back / kRecentHours;
  if (block >= static_cast<int64_t>(blocks_.size())) return;
  blocks_[block] += static_cast<float>(amount);
  if (hours_back < kRecentHours) hours_[hours_back] += static_cast<float>(amount);
  if (amount > 0) first_us_ = std::min(first_us_, hour_us);
}

double RecentUse::block(int i) const { return std::max(0.0F, blocks_[i]); }
double RecentUse::hour(int i) const { return std::max(0.0F, hours_[i]); }

double RecentUse::last_week() const {
  double sum = 0;
  for (int i = 0; i < kPaceWeekBlocks; ++i) sum += block(i);
  return sum;
}

std::optional<Pace> PaceOf(const RecentUse& use) { return Read(use, /*sure=*/false); }

std::optional<Pace> SurePaceOf(const RecentUse& use) { return Read(use, /*sure=*/true); }

double Pace::per_week() const { return std::accumulate(week.begin(), week.end(), 0.0); }

namespace {

// From pace.from_us, `past_us` >= 0 on.
double UsedAfter(const Pace& pace, int64_t past_us) {
  const int64_t weeks = past_us / kPaceWeekUs;
  double sum = static_cast<double>(weeks) * pace.per_week();
  int64_t rest = past_us % kPaceWeekUs;
  for (int i = 0; rest > 0; ++i, rest -= kPaceBlockUs) {
    const int64_t part = std::min(rest, kPaceBlockUs);
    sum += pace.week[i] * (static_cast<double>(part) / kPaceBlockUs);
  }
  return sum;
}

}  // namespace

double Pace::Between(int64_t from, int64_t to) const {
  const int64_t start = std::max<int64_t>(0, from - from_us);
  const int64_t end = std::max(start, to - from_us);
  return UsedAfter(*this, end) - UsedAfter(*this, start);
}

std::optional<int64_t> Pace::Reaches(double amount, int64_t now_us) const {
  const double in_a_week = per_week();
  if (in_a_week <= 0) return std::nullopt;
  const int64_t start = std::max<int64_t>(0, now_us - from_us);
  double rest = UsedAfter(*this, start) + amount;
  const double weeks = std::floor(rest / in_a_week);
  if (weeks * kPaceWeekUs > static_cast<double>(start) + kTenYearsUs) return std::nullopt;
  rest -= weeks * in_a_week;
  int64_t past = static_cast<int64_t>(weeks) * kPaceWeekUs;
  for (const float block : week) {
    if (block > 0 && rest <= block) {
      past += static_cast<int64_t>(kPaceBlockUs * std::max(0.0, rest / block));
      break;
    }
    rest -= block;
    past += kPaceBlockUs;
  }
  past = std::max(past, start);
  if (past - start > kTenYearsUs) return std::nullopt;
  return from_us + past;
}

}  // namespace quotaplane
