#include "libs/anomaly/series_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "libs/anomaly/state_codec.h"
#include "libs/testing/relative_cost.h"

namespace quotaplane::anomaly {
namespace {

// A day's wave with even noise, by the minute.
class Wave {
 public:
  explicit Wave(double offset = 100) : offset_(offset) {}
  double Next() {
    const double phase = 2 * std::numbers::pi * static_cast<double>(minute_ % 1440) / 1440;
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    const double noise = static_cast<double>(state_ >> 40) / (1 << 24) - 0.5;
    return offset_ + 40 * std::sin(phase) + 10 * noise;
  }
  int MinuteOfWeek() const { return static_cast<int>(minute_ % kMinutesPerWeek); }
  void Advance() { ++minute_; }
  int64_t minute() const { return minute_; }

 private:
  double offset_;
  int64_t minute_ = 0;
  uint64_t state_ = 7;
};

Judgement Feed(SeriesDetector& detector, Wave& wave, double factor = 1) {
  const Judgement judgement = detector.Step(wave.Next() * factor, wave.MinuteOfWeek());
  wave.Advance();
  return judgement;
}

void Teach(SeriesDetector& detector, Wave& wave, int days) {
  for (int i = 0; i < days * 1440; ++i) Feed(detector, wave);
}

TEST(SeriesDetectorTest, SaysNothingWithoutHistory) {
  SeriesDetector detector(1000);
  Wave wave;
  for (int i = 0; i < 998; ++i) {
    const Judgement judgement = Feed(detector, wave, i % 100 == 99 ? 50 : 1);
    EXPECT_FALSE(judgement.ready);
    EXPECT_EQ(judgement.score, 0);
  }
  Feed(detector, wave);
  EXPECT_TRUE(Feed(detector, wave).ready);
}

TEST(SeriesDetectorTest, ASpikeIsAnAlarmAtOnceAndOnlyOnce) {
  SeriesDetector detector(1000);
  Wave wave;
  Teach(detector, wave, 7);
  EXPECT_GT(Feed(detector, wave, 5).score, 0.5);
  int more = 0;
  for (int i = 0; i < 120; ++i) more += Feed(detector, wave, i < 9 ? 5 : 1).score > 0.5 ? 1 : 0;
  EXPECT_LE(more, 1);
}

TEST(SeriesDetectorTest, AShiftIsFoundWithinAnHourAndBecomesNormal) {
  SeriesDetector detector(1000);
  Wave wave;
  Teach(detector, wave, 7);
  double most = 0;
  for (int i = 0; i < 60; ++i) most = std::max(most, Feed(detector, wave, 1.6).surprise);
  EXPECT_GT(most, kAlarmSurprise);
  for (int i = 0; i < 1440; ++i) Feed(detector, wave, 1.6);
  double later = 0;
  for (int i = 0; i < 120; ++i) later = std::max(later, Feed(detector, wave, 1.6).surprise);
  EXPECT_LT(later, kAlarmSurprise);
}

TEST(SeriesDetectorTest, NothingIsAnAnomalyToo) {
  SeriesDetector detector(1000);
  Wave wave;
  Teach(detector, wave, 7);
  Judgement judgement;
  for (int i = 0; i < 10; ++i) judgement = Feed(detector, wave, 0);
  EXPECT_GT(judgement.surprise, kAlarmSurprise);
  EXPECT_LT(judgement.actual, 0.5 * judgement.expected);
}

TEST(SeriesDetectorTest, OrdinaryDaysHaveFewAlarms) {
  SeriesDetector detector(1000);
  Wave wave;
  Teach(detector, wave, 3);
  int alarms = 0;
  for (int i = 0; i < 14 * 1440; ++i) alarms += Feed(detector, wave).score >= 0.5 ? 1 : 0;
  // A chance of 1e-4 for each of 20,160 steps.
  EXPECT_LE(alarms, 6);
}

TEST(SeriesDetectorTest, AnyFiniteSeriesHasScoresBetweenZeroAndOne) {
  const double largest = std::numeric_limits<double>::max();
  const std::vector<std::vector<double>> series = {
      {0, 0, 0, 0},           {45, 45, 45, 45},  {-3, -2, -3, -2.5},     {1e-12, 2e-12, 1e-12},
      {largest, -largest, 0}, {1e300, 1, 1e300}, {NAN, INFINITY, 1, -1}, {0, 0, 0, 1e9, 0, 0, 0}};
  for (const std::vector<double>& values : series) {
    SeriesDetector detector(10);
    for (int i = 0; i < 5000; ++i) {
      const Judgement judgement = detector.Step(values[i % values.size()], i % kMinutesPerWeek);
      ASSERT_TRUE(judgement.score >= 0 && judgement.score < 1) << judgement.score;
      ASSERT_TRUE(std::isfinite(judgement.expected) && std::isfinite(judgement.surprise));
    }
  }
}

TEST(SeriesDetectorTest, NegativeSeriesAreJudgedAlike) {
  SeriesDetector detector(1000);
  Wave wave(-20);
  Teach(detector, wave, 7);
  const double value = wave.Next() + 150;
  EXPECT_GT(detector.Step(value, wave.MinuteOfWeek()).score, 0.5);
}

TEST(SeriesDetectorTest, ScoresDependOnThePastOnly) {
  SeriesDetector one(100), other(100);
  Wave a, b;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(Feed(one, a, i == 2500 ? 9 : 1).score, Feed(other, b, i == 2500 ? 9 : 1).score) << i;
  }
  one.Step(1e6, a.MinuteOfWeek());
}

TEST(SeriesDetectorTest, GoesOnAfterSavingAsIfNothingHadBeen) {
  SeriesDetector detector(1000);
  Wave wave;
  Teach(detector, wave, 4);
  StateWriter writer;
  detector.Code(writer);
  const std::string bytes = std::move(writer).Take();
  EXPECT_LE(bytes.size(), kDetectorBytes);
  StateReader reader(bytes);
  SeriesDetector restored(0);
  restored.Code(reader);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0U);
  for (int i = 0; i < 2000; ++i) {
    const double value = wave.Next() * (i == 1000 ? 6 : 1);
    const int minute = wave.MinuteOfWeek();
    wave.Advance();
    ASSERT_EQ(detector.Step(value, minute).surprise, restored.Step(value, minute).surprise) << i;
  }
}

TEST(SeriesDetectorTest, WhatIsAcceptedIsNormalAtOnce) {
  SeriesDetector detector(1000);
  Wave wave;
  Teach(detector, wave, 7);
  for (int i = 0; i < 60; ++i) Feed(detector, wave, 3);
  detector.Accept(60);
  EXPECT_NEAR(detector.Forecast(wave.MinuteOfWeek()), 3 * wave.Next(), 60);
}

// A step after two hundred thousand costs what one of the first does. `tools/bench anomaly` says
// how much.
TEST(SeriesDetectorTest, AStepCostsTheSameAfterManyOthers) {
  constexpr int kSteps = 20'000, kBefore = 200'000;
  SeriesDetector old(100);
  Wave old_wave;
  double sum = 0;
  for (int i = 0; i < kBefore; ++i) sum += Feed(old, old_wave).score;
  const double cost = fixtures::RelativeCost(
      5,
      [&] {
        for (int i = 0; i < kSteps; ++i) sum += Feed(old, old_wave).score;
      },
      [&] {
        SeriesDetector fresh(100);
        Wave wave;
        for (int i = 0; i < kSteps; ++i) sum += Feed(fresh, wave).score;
      });
  EXPECT_GE(sum, 0);
  RecordProperty("relative_cost", std::to_string(cost));
  EXPECT_LT(cost, 3);
}

}  // namespace
}  // namespace quotaplane::anomaly
