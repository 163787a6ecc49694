// One series of values at regular steps: how surprising is each of them, given all before it?
//
// The idea. Four forecasters run side by side: the season of the week (season.h) or none, each with
// a level that follows slowly or fast. Sums over the last 1, 2, 5, 15, 30 and 60 steps are
// compared with what each forecast at the beginning of that window, on a scale that is linear near
// zero and logarithmic far above what is usual, so that noise which grows with the level stays
// even. A residual is divided by its usual size for windows of that length at that level, as this
// series has shown it. Of the forecasters the one counts that has been best at that length. How
// rare a standardised residual is, is read off the series' own tail (tail.h), for either side. So
// the rate of false alarms is a matter of construction, not of what the series looks like.
//
// What is learnt is winsorised: a value far out moves levels and season as if it were a few usual
// residuals away. So an anomaly does not become the baseline, while what stays for hours does.
//
// O(1): a step costs some hundred operations; the state is sizeof(SeriesDetector), see
// kDetectorBytes, with nothing on the heap. Any finite values, any scale. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "libs/anomaly/season.h"
#include "libs/anomaly/tail.h"

namespace quotaplane::anomaly {

// Lengths of the windows, in steps.
inline constexpr std::array<int, 6> kWindows = {1, 2, 5, 15, 30, 60};
inline constexpr int kLongestWindow = 60;
// Where findings and alarms begin: a score of one half. -log10 of a chance per step.
inline constexpr double kAlarmSurprise = 4.0;

// A window that ends with the step.
struct WindowJudgement {
  double surprise = 0;  // -log10 of the chance per step of such a window; 0: too few steps
  double expected = 0;  // means over it
  double actual = 0;
};

struct Judgement {
  // False while there is too little history; all else is 0 then.
  bool ready = false;
  // How rare: -log10 of the chance of this step's most unusual window. Never suppressed.
  double surprise = 0;
  // That window: its length in steps, and means over it.
  int window = 1;
  double expected = 0;
  double actual = 0;
  std::array<WindowJudgement, kWindows.size()> windows{};
  // In [0,1], one half at kAlarmSurprise. Stays low for a while after it was high, unless what
  // comes is rarer still: one event is one alarm.
  double score = 0;
};

class SeriesDetector {
 public:
  // Judges nothing before it has seen this many steps.
  explicit SeriesDetector(uint32_t min_steps) : min_steps_(min_steps) {}

  // The next step. `minute_of_week` in [0, kMinutesPerWeek). Not finite is taken for 0. During an
  // incident, levels and season follow, but how large and rare residuals usually are is not learnt.
  Judgement Step(double value, int minute_of_week, bool is_incident = false);
  // Steps are missing: nothing is known of them. Windows start anew; what was learnt stays.
  void Gap();
  // The last `steps` (at most kLongestWindow) are how it is now: their mean becomes the level at
  // once, and deviations like them are usual from now on.
  void Accept(int steps);

  uint32_t seen() const { return seen_; }
  uint32_t hours() const { return season_.hours(); }
  // The season's own word on this minute, without today's level; weeks in which it was seen.
  double UsualAt(int minute_of_week) const { return season_.At(minute_of_week); }
  int WeeksAt(int minute_of_week) const { return season_.WeeksOf(minute_of_week); }
  // The slow level's forecast for a step at this minute.
  double Forecast(int minute_of_week) const;

  template <typename Codec>
  void Code(Codec& codec);

 private:
  static constexpr int kForecasters = 4;  // by index: seasonal slow, seasonal fast, slow, fast
  static constexpr int kLevels = 8;
  static constexpr size_t kWindowCount = kWindows.size();

  struct Level {
    double sum = 0, weight = 0;
  };
  // The usual size of a residual, overall and by the level forecast.
  struct Spread {
    std::array<float, kLevels> by_level{};
    std::array<uint16_t, kLevels> counts{};
    float overall = 0;
  };
  struct Residual {
    double z = 0, expected = 0, size = 0;
  };

  static bool Seasonal(int forecaster) { return forecaster < 2; }
  static bool Fast(int forecaster) { return forecaster % 2 == 1; }
  bool LearnUnit(double value);
  double LevelOf(int forecaster) const;
  double MeanOver(int forecaster, double level, double season_sum, int window) const;
  Residual Best(size_t which, int start, double value_sum, double season_sum, bool is_incident);
  void Learn(double value, double season, int minute_of_week, const Residual& last);
  double Suppressed(double surprise);

  uint32_t min_steps_;
  uint32_t seen_ = 0;
  uint32_t since_gap_ = 0;
  bool has_negative_ = false;
  double unit_ = 0;  // where the scale turns from linear to logarithmic; 0: not known yet
  double first_sum_ = 0;
  double held_ = 0;
  Season season_;
  std::array<Level, kForecasters> levels_{};
  // The last steps, a ring: values, the season's forecasts, and the levels before each.
  std::array<float, kLongestWindow> values_{};
  std::array<float, kLongestWindow> seasons_{};
  std::array<std::array<float, kLongestWindow>, kForecasters> past_levels_{};
  std::array<std::array<Spread, kWindowCount>, kForecasters> spreads_{};
  std::array<uint32_t, kWindowCount> residuals_seen_{};  // by each of a window's spreads
  std::array<std::array<Tail, 2>, kWindowCount> tails_{};
};

inline constexpr size_t kDetectorBytes = sizeof(SeriesDetector);
static_assert(kDetectorBytes <= 4096);

template <typename Codec>
void SeriesDetector::Code(Codec& codec) {
  codec(min_steps_);
  codec(seen_);
  codec(since_gap_);
  codec(has_negative_);
  codec(unit_);
  codec(first_sum_);
  codec(held_);
  codec(season_);
  for (Level& level : levels_) {
    codec(level.sum);
    codec(level.weight);
  }
  codec.Each(values_);
  codec.Each(seasons_);
  for (auto& ring : past_levels_) codec.Each(ring);
  for (auto& windows : spreads_) {
    for (Spread& spread : windows) {
      codec.Each(spread.by_level);
      codec.Each(spread.counts);
      codec(spread.overall);
    }
  }
  codec.Each(residuals_seen_);
  for (auto& sides : tails_) codec.Each(sides);
  if constexpr (Codec::kReading) {
    codec.Check(unit_ >= 0 && since_gap_ <= seen_);
    for (const Level& level : levels_) codec.Check(level.weight >= 0);
  }
}

}  // namespace quotaplane::anomaly
