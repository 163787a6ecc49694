#include "libs/anomaly/simulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"

namespace quotaplane::anomaly {
namespace {

constexpr int64_t kDay = 24 * 60;
constexpr int64_t kWeek = 7 * kDay;
// From 5 January on: the days that end a month.
constexpr std::array<int64_t, 12> kDaysOfMonth = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

struct Model {
  std::string_view name;
  double usd_per_call;
  double tokens_per_call;
};
constexpr std::array<Model, 4> kModels = {{{"large", 0.05, 6000},
                                           {"medium", 0.025, 4000},
                                           {"small", 0.01, 3000},
                                           {"reasoning", 0.04, 9000}}};
constexpr double kCallSigma = 1.0;
constexpr std::array<std::string_view, 3> kTeams = {"search", "support", "finance"};
constexpr int kPeoplePerTeam = 4;

bool IsMonthEnd(int64_t minute) {
  int64_t day = minute / kDay + 4;  // of the year, from 0
  for (const int64_t days : kDaysOfMonth) {
    if (day < days) return day >= days - 2;
    day -= days;
  }
  return false;
}

bool IsWeekend(int64_t minute) { return minute % kWeek >= 5 * kDay; }

// 0 at night, 1 through the working day, with slopes of two hours and a dip at noon.
double OfficeHours(int64_t minute) {
  const double hour = static_cast<double>(minute % kDay) / 60;
  const double rise = std::clamp((hour - 7.5) / 2, 0.0, 1.0);
  const double fall = std::clamp((19 - hour) / 2, 0.0, 1.0);
  const double lunch = 1 - 0.35 * std::exp(-(hour - 12.5) * (hour - 12.5) / 0.3);
  return std::min(rise, fall) * lunch;
}

bool IsBatchHour(int64_t minute) {
  const int64_t of_day = minute % kDay;
  return of_day >= 120 && of_day < 180;
}

}  // namespace

std::string_view EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kSpike:
      return "spike";
    case EventKind::kShift:
      return "shift";
    case EventKind::kLeak:
      return "leak";
    case EventKind::kStolenKey:
      return "stolen-key";
    case EventKind::kRunaway:
      return "runaway";
    case EventKind::kMonthEnd:
      return "month-end";
  }
  return "unknown";
}

uint64_t Simulator::Random::Bits() {
  // SplitMix64 (Steele, Lea, Flood 2014).
  uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double Simulator::Random::Uniform() { return (static_cast<double>(Bits() >> 11) + 0.5) * 0x1p-53; }

double Simulator::Random::Normal() {
  const double radius = std::sqrt(-2 * std::log(Uniform()));
  return radius * std::cos(2 * std::numbers::pi * Uniform());
}

int64_t Simulator::Random::Poisson(double mean) {
  if (mean > 50) return std::max<int64_t>(0, std::llround(mean + std::sqrt(mean) * Normal()));
  double chance = std::exp(-mean), below = Uniform();
  int64_t count = 0;
  while (below > chance && count < 1000) {
    below -= chance;
    chance *= mean / static_cast<double>(++count);
  }
  return count;
}

Simulator::Simulator(const SimulatorOptions& options)
    : options_(options),
      random_{options.seed * 0xD1342543DE82EF95 + 1},
      minutes_((options.learning_weeks + options.judged_weeks) * kWeek) {
  MakeUsers();
  MakeEvents();
}

void Simulator::MakeUsers() {
  for (const std::string_view team : kTeams) {
    for (int i = 0; i <= kPeoplePerTeam; ++i) {
      User user;
      user.team = team;
      user.service = i == 0;
      user.name = user.service ? absl::StrCat("svc-", user.team) : absl::StrCat(user.team, "-", i);
      user.rate = user.service ? 15 * std::pow(4.0, random_.Uniform())
                               : 1 * std::pow(6.0, random_.Uniform());
      user.first_model = static_cast<int>(random_.Bits() % kModels.size());
      user.first_share = 0.6 + 0.35 * random_.Uniform();
      user.session = absl::StrCat(user.name, "-0");
      users_.push_back(std::move(user));
    }
  }
}

// What a user is expected to do, without noise and events.
double Simulator::Usual(const User& user, int64_t minute) const {
  const double office = OfficeHours(minute);
  if (!user.service) return user.rate * office * (IsWeekend(minute) ? 0.125 : 1) * 0.6;
  double rate = user.rate * (1.0 + 2.0 * office) / 3 * (IsWeekend(minute) ? 0.667 : 1);
  if (user.team == "finance" && IsBatchHour(minute)) {
    rate += user.rate * (IsMonthEnd(minute) ? 4 : 1);
  }
  return rate;
}

bool Simulator::Covers(const SimulatedEvent& event, const User& user) const {
  switch (event.scope) {
    case ScopeKind::kOrg:
      return true;
    case ScopeKind::kTeam:
      return event.value == user.team;
    default:
      return event.value == user.name;
  }
}

double Simulator::CostPerMinute(ScopeKind scope, std::string_view value, int64_t minute) const {
  const SimulatedEvent probe{.scope = scope, .value = std::string(value)};
  double usd = 0;
  for (const User& user : users_) {
    if (!Covers(probe, user)) continue;
    const double first = kModels[user.first_model].usd_per_call;
    const double other = kModels[(user.first_model + 1) % kModels.size()].usd_per_call;
    usd += Usual(user, minute) * (user.first_share * first + (1 - user.first_share) * other);
  }
  return usd;
}

bool Simulator::Related(ScopeKind a, std::string_view a_value, ScopeKind b,
                        std::string_view b_value) const {
  const auto wide = [](ScopeKind kind) {
    return kind == ScopeKind::kOrg || kind == ScopeKind::kModel;
  };
  if (wide(a) || wide(b)) return true;
  if (a == b) return a_value == b_value;
  const auto user_of = [](ScopeKind kind, std::string_view value) {
    return kind == ScopeKind::kSession ? value.substr(0, value.rfind('-')) : value;
  };
  const auto team_of = [&](ScopeKind kind, std::string_view value) {
    if (kind == ScopeKind::kTeam) return value;
    const std::string_view name = user_of(kind, value);
    for (const User& user : users_) {
      if (user.name == name) return std::string_view(user.team);
    }
    return std::string_view();
  };
  if (a == ScopeKind::kTeam || b == ScopeKind::kTeam) {
    return team_of(a, a_value) == team_of(b, b_value);
  }
  return user_of(a, a_value) == user_of(b, b_value);
}

bool Simulator::Place(EventKind kind, int64_t length, double factor, int64_t judged_minutes) {
  const double floor_usd = static_cast<double>(options_.floor_nano_usd) * 1e-9;
  for (int attempt = 0; attempt < 200; ++attempt) {
    SimulatedEvent event{.kind = kind};
    const User& user = users_[random_.Bits() % users_.size()];
    const double which = random_.Uniform();
    const bool of_person = kind == EventKind::kStolenKey || kind == EventKind::kRunaway;
    if (of_person || which < 0.4) {
      if (of_person && user.service) continue;
      event.scope = ScopeKind::kUser;
      event.value = user.name;
    } else {
      event.scope = which < 0.9 ? ScopeKind::kTeam : ScopeKind::kOrg;
      event.value = which < 0.9 ? user.team : "acme";
    }
    event.begin_minute = options_.learning_weeks * kWeek +
                         static_cast<int64_t>(random_.Uniform() *
                                              static_cast<double>(judged_minutes - length - 120));
    if (kind == EventKind::kStolenKey) {
      event.begin_minute += kDay - event.begin_minute % kDay + 60;
    }
    event.end_minute = event.begin_minute + length;
    if (event.end_minute + 120 > minutes_) continue;
    if (!of_person) {
      double more_usd = 0;
      const int64_t first = kind == EventKind::kSpike ? 2 : 60;
      for (int64_t minute = 0; minute < first; ++minute) {
        more_usd +=
            (factor - 1) * CostPerMinute(event.scope, event.value, event.begin_minute + minute);
      }
      // A quarter of an hour is worth the floor; four of them, four times that.
      if (more_usd < (kind == EventKind::kSpike ? 1 : 4) * floor_usd) continue;
    }
    const bool alone = std::none_of(events_.begin(), events_.end(), [&](const auto& other) {
      // A day between two, since what ended must be over before the next is seen for itself.
      return event.begin_minute < other.end_minute + 360 &&
             other.begin_minute < event.end_minute + 360;
    });
    if (!alone) continue;
    events_.push_back(event);
    return true;
  }
  return false;
}

void Simulator::MakeEvents() {
  const int64_t judged = options_.judged_weeks * kWeek;
  for (int64_t day = options_.learning_weeks * 7; day < minutes_ / kDay; ++day) {
    if (!IsMonthEnd(day * kDay)) continue;
    events_.push_back({.kind = EventKind::kMonthEnd,
                       .scope = ScopeKind::kTeam,
                       .value = "finance",
                       .begin_minute = day * kDay + 120,
                       .end_minute = day * kDay + 180,
                       .to_be_found = false});
  }
  for (int week = 0; week < options_.judged_weeks; ++week) {
    if (week % 4 == 2) Place(EventKind::kLeak, 2 * kDay, 3, judged);
    Place(EventKind::kShift, 8 * 60, 2, judged);
    if (week % 2 == 0) Place(EventKind::kStolenKey, 4 * 60, 0, judged);
    if (week % 2 == 1) Place(EventKind::kRunaway, 2 * 60, 0, judged);
    Place(EventKind::kSpike, 10, 5, judged);
    Place(EventKind::kSpike, 10, 5, judged);
  }
  std::sort(events_.begin(), events_.end(),
            [](const auto& a, const auto& b) { return a.begin_minute < b.begin_minute; });
}

double Simulator::Factor(const User& user, int64_t minute) const {
  double factor = 1;
  for (const SimulatedEvent& event : events_) {
    if (minute < event.begin_minute || minute >= event.end_minute || !Covers(event, user)) continue;
    if (event.kind == EventKind::kSpike) factor *= 5;
    if (event.kind == EventKind::kShift) factor *= 2;
    if (event.kind == EventKind::kLeak) {
      factor *= 1 + 2 * static_cast<double>(minute - event.begin_minute) /
                        static_cast<double>(event.end_minute - event.begin_minute);
    }
  }
  return factor;
}

void Simulator::Wander(User& user, int64_t minute) {
  if (minute % kDay == 0) {
    user.day_noise = 0.12 * random_.Normal();
    user.session = absl::StrCat(user.name, "-", minute / kDay);
  }
  // An hour's memory.
  constexpr double kKeep = 0.9834714538;
  user.hour_noise =
      kKeep * user.hour_noise + 0.15 * std::sqrt(1 - kKeep * kKeep) * random_.Normal();
  if (minute % 30 == 0) user.present = random_.Uniform() < 0.6;
}

void Simulator::Emit(const User& user, double rate, std::string_view session) {
  for (const int which : {0, 1}) {
    const Model& model = kModels[(user.first_model + which) % kModels.size()];
    const double share = which == 0 ? user.first_share : 1 - user.first_share;
    const int64_t calls = random_.Poisson(rate * share);
    if (calls == 0) continue;
    // The sum of `calls` log-normal costs, taken for log-normal with the same mean and variance.
    const double n = static_cast<double>(calls);
    const double variance = std::log1p(std::expm1(kCallSigma * kCallSigma) / n);
    const double noise = std::exp(std::sqrt(variance) * random_.Normal() - variance / 2);
    rows_.push_back({.org = "acme",
                     .team = user.team,
                     .user = user.name,
                     .model = model.name,
                     .session = session,
                     .cost_nano_usd = std::llround(n * model.usd_per_call * noise * 1e9),
                     .tokens = std::llround(n * model.tokens_per_call * noise),
                     .requests = calls});
  }
}

const std::vector<UsageRow>& Simulator::Next() {
  rows_.clear();
  const int64_t minute = now_++;
  for (User& user : users_) {
    Wander(user, minute);
    double rate = Usual(user, minute) * Factor(user, minute) *
                  std::exp(user.day_noise + user.hour_noise + 0.25 * random_.Normal() - 0.05);
    if (!user.service) rate *= user.present ? 1 / 0.6 : 0;
    Emit(user, rate, user.service ? std::string_view() : user.session);
    for (const SimulatedEvent& event : events_) {
      if (minute < event.begin_minute || minute >= event.end_minute || event.value != user.name) {
        continue;
      }
      if (event.kind == EventKind::kStolenKey) Emit(user, 25, {});
      if (event.kind == EventKind::kRunaway) Emit(user, 30, user.session);
    }
  }
  return rows_;
}

}  // namespace quotaplane::anomaly
