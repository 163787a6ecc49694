#include "libs/log/line_sampler.h"

#include <gtest/gtest.h>

namespace quotaplane {
namespace {

constexpr int64_t kT = 1'700'000'000'000'000;

bool Admit(LineSampler* sampler, int line, int64_t now_us, std::string_view message = "away") {
  return sampler->Admit(LogLevel::kError, "a.cc", line, message, now_us);
}

TEST(LineSamplerTest, TheFirstOfAWindowAreWrittenAndTheRestCounted) {
  LineSampler sampler;
  for (int64_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(Admit(&sampler, 1, kT + i, "away " + std::to_string(i)), i < kMostLines);
  }
  EXPECT_TRUE(sampler.TakeEnded(kT + kSampleWindowUs - 1).empty());
  const auto ended = sampler.TakeEnded(kT + kSampleWindowUs);
  ASSERT_EQ(ended.size(), 1);
  EXPECT_EQ(ended[0].lines, 1'000 - kMostLines);
  EXPECT_EQ(ended[0].last, "away 999");
  EXPECT_EQ(ended[0].level, LogLevel::kError);
  EXPECT_EQ(ended[0].line, 1);
  EXPECT_TRUE(sampler.TakeEnded(kT + 2 * kSampleWindowUs).empty());
}

TEST(LineSamplerTest, PlacesDoNotCountForEachOther) {
  LineSampler sampler;
  for (int64_t i = 0; i < kMostLines; ++i) ASSERT_TRUE(Admit(&sampler, 1, kT));
  EXPECT_FALSE(Admit(&sampler, 1, kT));
  EXPECT_TRUE(Admit(&sampler, 2, kT));
  EXPECT_TRUE(sampler.Admit(LogLevel::kError, "b.cc", 1, "away", kT));
}

TEST(LineSamplerTest, AWindowThatIsOverBeginsAnewWithTheNextLine) {
  LineSampler sampler;
  for (int64_t i = 0; i < kMostLines; ++i) ASSERT_TRUE(Admit(&sampler, 1, kT));
  EXPECT_TRUE(Admit(&sampler, 1, kT + kSampleWindowUs));
  for (int64_t i = 1; i < kMostLines; ++i) ASSERT_TRUE(Admit(&sampler, 1, kT + kSampleWindowUs));
  EXPECT_FALSE(Admit(&sampler, 1, kT + kSampleWindowUs));
}

// Nothing is forgotten: lines are left out until those before were told.
TEST(LineSamplerTest, NoCountIsLostWhereNobodyTakesIt) {
  LineSampler sampler;
  for (int64_t i = 0; i < kMostLines + 5; ++i) Admit(&sampler, 1, kT);
  EXPECT_FALSE(Admit(&sampler, 1, kT + 3 * kSampleWindowUs));
  const auto ended = sampler.TakeEnded(kT + 3 * kSampleWindowUs);
  ASSERT_EQ(ended.size(), 1);
  EXPECT_EQ(ended[0].lines, 6);
  EXPECT_TRUE(Admit(&sampler, 1, kT + 3 * kSampleWindowUs));
}

TEST(LineSamplerTest, AClockThatIsSetBackEndsAWindow) {
  LineSampler sampler;
  for (int64_t i = 0; i <= kMostLines; ++i) Admit(&sampler, 1, kT);
  EXPECT_EQ(sampler.TakeEnded(kT - 1).size(), 1);
}

TEST(LineSamplerTest, AllAreTakenAtTheEnd) {
  LineSampler sampler;
  for (int64_t i = 0; i <= kMostLines; ++i) {
    Admit(&sampler, 2, kT);
    Admit(&sampler, 1, kT);
  }
  Admit(&sampler, 3, kT);
  const auto all = sampler.TakeAll();
  ASSERT_EQ(all.size(), 2);
  EXPECT_EQ(all[0].line, 1);
  EXPECT_EQ(all[1].line, 2);
  EXPECT_TRUE(sampler.TakeAll().empty());
}

}  // namespace
}  // namespace quotaplane
