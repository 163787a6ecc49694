#include "libs/anomaly/series_detector.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quotaplane::anomaly {
namespace {

// Half-lives of levels, in steps.
constexpr double kSlowSteps = 100;
constexpr double kFastSteps = 12;
// How far out a value is learnt, in usual residuals: fast levels must follow.
constexpr double kSlowClip = 3;
constexpr double kFastClip = 8;
// The scale's unit, in means of the first steps.
constexpr double kUnitShare = 3;
constexpr uint32_t kUnitSteps = 50;
// Hours before the season has a say.
constexpr uint32_t kSeasonHours = 20;
constexpr uint32_t kTrustedSeasonHours = 30;
// A residual's usual size: how much the level's own counts against the overall, how long it
// remembers, and the least there is, since a constant's first change is no miracle.
constexpr double kOverallWeight = 30;
constexpr uint32_t kMemory = 2000;
constexpr double kLeastSize = 0.004;
// And a quiet level is not trusted to be quieter than this share of the overall: hours at which
// nothing ever happens would make a step of the first call after them.
constexpr double kLeastShare = 0.5;
constexpr double kMeanToDeviation = 1.25;
constexpr double kOutlier = 4;
constexpr uint32_t kFirstResiduals = 20;
// Of two windows that are as rare by the step the longer is rarer, since fewer of them are
// independent: this many decades for each tenfold length. (Fully independent would be 1.)
constexpr double kLengthBonus = 0.8;
// After an alarm: by how much the next must be rarer, and how many steps until that is forgotten.
constexpr double kRarer = 1.0;
constexpr double kHoldSteps = 200;
constexpr double kLargest = 1e15;

double ToScale(double value, double unit) {
  return std::copysign(std::log1p(std::abs(value) / unit), value);
}
double FromScale(double scaled, double unit) {
  return std::copysign(std::min(std::expm1(std::abs(scaled)) * unit, kLargest), scaled);
}

}  // namespace

bool SeriesDetector::LearnUnit(double value) {
  // Leading zeros say nothing of what is usual.
  if (unit_ == 0 && value == 0) return false;
  if (unit_ == 0 || seen_ < kUnitSteps) {
    first_sum_ += std::abs(value);
    unit_ = std::max(first_sum_ / (seen_ + 1) * kUnitShare, 1e-9);
  }
  if (value < 0 && !has_negative_) {
    // From now on the season is added to, not multiplied by, a level.
    has_negative_ = true;
    for (int f = 0; f < kForecasters; ++f) {
      if (Seasonal(f)) levels_[f] = {};
    }
  }
  return true;
}

double SeriesDetector::LevelOf(int f) const {
  const Level& level = levels_[f];
  if (!Seasonal(f)) return level.weight > 0 ? level.sum / level.weight : 0;
  if (has_negative_) return level.sum / (level.weight + 1);
  // A factor, 1 where there is too little to say otherwise.
  return (level.sum + 5 * unit_) / (level.weight + 5 * unit_);
}

double SeriesDetector::MeanOver(int f, double level, double season_sum, int window) const {
  if (!Seasonal(f)) return level;
  return has_negative_ ? level + season_sum / window : level * season_sum / window;
}

double SeriesDetector::Forecast(int minute_of_week) const {
  if (season_.hours() < kSeasonHours) return LevelOf(2);
  return MeanOver(0, LevelOf(0), season_.At(minute_of_week), 1);
}

SeriesDetector::Residual SeriesDetector::Best(size_t which, int start, double value_sum,
                                              double season_sum, bool is_incident) {
  const int window = kWindows[which];
  const double unit = unit_ / std::sqrt(window);
  const double got = ToScale(value_sum / window, unit);
  const bool seasonal = season_.hours() > kTrustedSeasonHours;
  Residual best;
  uint32_t& seen = residuals_seen_[which];
  float least = std::numeric_limits<float>::max();
  for (int f = 0; f < kForecasters; ++f) {
    const double mean = MeanOver(f, past_levels_[f][start], season_sum, window);
    const double residual = got - ToScale(mean, unit);
    Spread& spread = spreads_[f][which];
    // Levels are two thirds of a doubling apart, from a twelfth of the first mean on.
    const int level = static_cast<int>(std::min<double>(
        kLevels - 1, 2.2 * std::log2(1 + 4 * kUnitShare * std::abs(mean) / unit_)));
    const double count = spread.counts[level];
    const double mean_size = (count * spread.by_level[level] + kOverallWeight * spread.overall) /
                             (count + kOverallWeight);
    const double size =
        std::max({kMeanToDeviation * mean_size, kLeastShare * spread.overall, kLeastSize});
    if (seen > kFirstResiduals && spread.overall < least && (seasonal || !Seasonal(f))) {
      least = spread.overall;
      best = {.z = residual / size, .expected = mean, .size = size};
    }
    if (is_incident) continue;
    const double learnt =
        seen < kFirstResiduals ? std::abs(residual) : std::min(std::abs(residual), kOutlier * size);
    spread.overall += static_cast<float>((learnt - spread.overall) / std::min(seen + 1, kMemory));
    if (spread.counts[level] < kMemory) ++spread.counts[level];
    spread.by_level[level] +=
        static_cast<float>((learnt - spread.by_level[level]) / spread.counts[level]);
  }
  if (!is_incident) ++seen;
  return best;
}

Judgement SeriesDetector::Step(double value, int minute_of_week, bool is_incident) {
  Judgement judgement;
  value = std::isfinite(value) ? std::clamp(value, -kLargest, kLargest) : 0;
  if (!LearnUnit(value)) {
    ++seen_;
    return judgement;
  }
  const double unseen = has_negative_ ? 0 : 1;
  const double season = season_.hours() < kSeasonHours ? unseen : season_.At(minute_of_week);
  const int at = static_cast<int>(seen_ % kLongestWindow);
  values_[at] = static_cast<float>(value);
  seasons_[at] = static_cast<float>(season);
  for (int f = 0; f < kForecasters; ++f) past_levels_[f][at] = static_cast<float>(LevelOf(f));
  ++seen_;
  ++since_gap_;

  Residual last{.size = 1};
  double value_sum = 0, season_sum = 0;
  int summed = 0;
  for (size_t which = 0; which < kWindowCount; ++which) {
    const int window = kWindows[which];
    if (since_gap_ < static_cast<uint32_t>(window + 10)) break;
    for (; summed < window; ++summed) {
      const int i = (at - summed + kLongestWindow) % kLongestWindow;
      value_sum += values_[i];
      season_sum += seasons_[i];
    }
    const int start = (at - window + 1 + kLongestWindow) % kLongestWindow;
    const Residual residual = Best(which, start, value_sum, season_sum, is_incident);
    if (which == 0) last = residual;
    if (residuals_seen_[which] < 2 * kFirstResiduals) continue;
    for (int side = 0; side < 2; ++side) {
      const double z = side == 0 ? residual.z : -residual.z;
      Tail& tail = tails_[which][side];
      double surprise = tail.Surprise(z, window);
      if (surprise > Tail::kBaseSurprise) surprise += kLengthBonus * std::log10(window);
      if (surprise > judgement.windows[which].surprise) {
        judgement.windows[which] = {surprise, residual.expected, value_sum / window};
      }
      if (!is_incident) tail.Learn(std::max(z, 0.0));
    }
  }
  Learn(value, season, minute_of_week, last);
  if (seen_ < min_steps_) return {};
  judgement.ready = true;
  for (size_t which = 0; which < kWindowCount; ++which) {
    const WindowJudgement& of = judgement.windows[which];
    if (of.surprise <= judgement.surprise) continue;
    judgement.surprise = of.surprise;
    judgement.window = kWindows[which];
    judgement.expected = of.expected;
    judgement.actual = of.actual;
  }
  const double told = Suppressed(judgement.surprise);
  judgement.score = told / (told + kAlarmSurprise);
  return judgement;
}

double SeriesDetector::Suppressed(double surprise) {
  if (surprise > held_ + kRarer) {
    held_ = surprise;
    return surprise;
  }
  const double told = std::max(0.0, surprise - held_);
  held_ = std::max(0.0, held_ - std::max(held_, 1.0) / kHoldSteps);
  return told;
}

void SeriesDetector::Learn(double value, double season, int minute_of_week, const Residual& last) {
  double slow = value, fast = value;
  if (seen_ > kLongestWindow && last.size > 0) {
    const double scaled = ToScale(value, unit_), expected = ToScale(last.expected, unit_);
    const auto clip = [&](double sizes) {
      const double far = sizes * last.size;
      return FromScale(std::clamp(scaled, expected - far, expected + far), unit_);
    };
    slow = clip(kSlowClip);
    fast = clip(kFastClip);
  }
  static const double kKeepSlow = std::exp2(-1 / kSlowSteps);
  static const double kKeepFast = std::exp2(-1 / kFastSteps);
  for (int f = 0; f < kForecasters; ++f) {
    const double keep = Fast(f) ? kKeepFast : kKeepSlow;
    const double learnt = Fast(f) ? fast : slow;
    const bool factor = Seasonal(f) && !has_negative_;
    Level& level = levels_[f];
    level.sum = keep * level.sum + (Seasonal(f) && has_negative_ ? learnt - season : learnt);
    level.weight = keep * level.weight + (factor ? std::max(season, 0.0) : 1);
  }
  season_.Learn(slow, minute_of_week);
}

void SeriesDetector::Gap() { since_gap_ = 0; }

void SeriesDetector::Accept(int steps) {
  steps = std::min<int>({steps, kLongestWindow, static_cast<int>(since_gap_)});
  if (steps <= 0 || unit_ == 0) return;
  double value_sum = 0, season_sum = 0;
  for (int i = 1; i <= steps; ++i) {
    const auto at = (seen_ + kLongestWindow - i) % kLongestWindow;
    value_sum += values_[at];
    season_sum += seasons_[at];
  }
  for (int f = 0; f < kForecasters; ++f) {
    // As if the level had always been that of these steps.
    const double weight = Fast(f) ? kFastSteps : kSlowSteps;
    Level& level = levels_[f];
    if (!Seasonal(f)) {
      level = {.sum = weight * value_sum / steps, .weight = weight};
    } else if (has_negative_) {
      level = {.sum = weight * (value_sum - season_sum) / steps, .weight = weight};
    } else {
      level = {.sum = weight * value_sum / steps,
               .weight = weight * std::max(season_sum, 0.0) / steps};
    }
  }
}

}  // namespace quotaplane::anomaly
