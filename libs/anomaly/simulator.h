// A made-up company's AI spend by the minute, with labels: what happens in it that somebody should
// be told of, and what looks like that and is normal.
//
// The company: three teams, each with a service that works day and night and four people at office
// hours; four models. Rates are what a company of some $5,000 a day has:
//   - a service makes 15 to 60 calls a minute at its peak and a third of that at night, a person
//   who
//     is there 1 to 6; calls cost 1 to 5 cents at the mean, log-normally (sigma 1), by model;
//   - people come and go by the half hour, so that a single one is silent most minutes;
//   - a scope's rate wanders: by the day (sigma 0.12), by the hour (sigma 0.15), by the minute
//     (sigma 0.25); arrivals are Poisson on top of that;
//   - weekends have an eighth of the people and two thirds of the services;
//   - every night at 02:00 one service has a batch; in the last two nights of each month the
//   finance
//     batch runs at four times that, which is normal.
//
// What happens: spikes of five times the rate for ten minutes; shifts to twice the rate for eight
// hours; leaks that grow to three times within two days; stolen keys (a person's key at a service's
// rate at night); runaway sessions (one session loops for two hours). They begin after the weeks of
// learning, never two at once within related scopes, and only where the difference is worth money:
// a spike's first two minutes, and a shift's first hour, are expected to cost `floor_nano_usd`
// more. What nobody would be woken for is neither to be found nor to be missed.
//
// Deterministic: the same options give the same minutes. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/anomaly/finding.h"
#include "libs/anomaly/series_bank.h"

namespace quotaplane::anomaly {

enum class EventKind : uint8_t { kSpike, kShift, kLeak, kStolenKey, kRunaway, kMonthEnd };
inline constexpr int kEventKinds = 6;
std::string_view EventKindName(EventKind kind);

struct SimulatedEvent {
  EventKind kind = EventKind::kSpike;
  ScopeKind scope = ScopeKind::kTeam;
  std::string value{};
  // Minutes since the beginning; the last one excluded.
  int64_t begin_minute = 0;
  int64_t end_minute = 0;
  // False for what is normal.
  bool to_be_found = true;
};

struct SimulatorOptions {
  uint64_t seed = 1;
  int learning_weeks = 2;
  int judged_weeks = 4;
  int64_t floor_nano_usd = 5'000'000'000;
};

class Simulator {
 public:
  // Monday, 5 January 2026, 00:00 UTC.
  static constexpr int64_t kStartUs = 1'767'571'200'000'000;

  explicit Simulator(const SimulatorOptions& options);

  int64_t minutes() const { return minutes_; }
  const std::vector<SimulatedEvent>& events() const { return events_; }
  // Whether an event at one of the two scopes shows at the other: the same, or one within the
  // other, or a model (every user uses some).
  bool Related(ScopeKind a, std::string_view a_value, ScopeKind b, std::string_view b_value) const;

  // The next minute's rows; valid until the next call. At most minutes() times.
  const std::vector<UsageRow>& Next();

 private:
  struct User {
    std::string name, team;
    bool service = false;
    double rate = 0;  // calls a minute at the peak
    int first_model = 0;
    double first_share = 0.8;
    double busy = 1, hour_noise = 0, day_noise = 0;
    bool present = false;
    std::string session;
  };
  // Of the simulator's own, so that another standard library gives the same numbers.
  struct Random {
    uint64_t state;
    uint64_t Bits();
    double Uniform();
    double Normal();
    int64_t Poisson(double mean);
  };

  void MakeUsers();
  void MakeEvents();
  bool Place(EventKind kind, int64_t length, double factor, int64_t judged_minutes);
  double Usual(const User& user, int64_t minute) const;
  double CostPerMinute(ScopeKind scope, std::string_view value, int64_t minute) const;
  double Factor(const User& user, int64_t minute) const;
  void Wander(User& user, int64_t minute);
  void Emit(const User& user, double rate, std::string_view session);
  bool Covers(const SimulatedEvent& event, const User& user) const;

  SimulatorOptions options_;
  Random random_;
  int64_t minutes_;
  int64_t now_ = 0;
  std::vector<User> users_;
  std::vector<SimulatedEvent> events_;
  std::vector<UsageRow> rows_;
};

}  // namespace quotaplane::anomaly
