#include "libs/base/latency_histogram.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace quotaplane {
namespace {

using std::chrono::nanoseconds;

TEST(LatencyHistogram, ABoundBelongsToItsBucket) {
  for (size_t i = 0; i < LatencyHistogram::kBoundsNs.size(); ++i) {
    LatencyHistogram histogram;
    histogram.Record(nanoseconds(LatencyHistogram::kBoundsNs[i]));
    histogram.Record(nanoseconds(LatencyHistogram::kBoundsNs[i] + 1));
    const LatencyHistogram::Snapshot read = histogram.Read();
    EXPECT_EQ(read.counts[i], 1) << i;
    EXPECT_EQ(read.counts[i + 1], 1) << i;
    EXPECT_EQ(read.count(), 2);
    EXPECT_EQ(read.sum_ns, 2 * LatencyHistogram::kBoundsNs[i] + 1);
  }
}

TEST(LatencyHistogram, ResolvesFiftyMicrosecondsToTenMilliseconds) {
  const auto& bounds = LatencyHistogram::kBoundsNs;
  EXPECT_EQ(bounds.front(), 50'000);
  for (size_t i = 1; i < bounds.size(); ++i) {
    EXPECT_LT(bounds[i - 1], bounds[i]);
    if (bounds[i] <= 10'000'000) {
      EXPECT_LE(2 * bounds[i], 3 * bounds[i - 1]) << i;
    }
  }
}

TEST(LatencyHistogram, AClockThatWentBackIsNoDuration) {
  LatencyHistogram histogram;
  histogram.Record(nanoseconds(-5));
  EXPECT_EQ(histogram.Read().counts[0], 1);
  EXPECT_EQ(histogram.Read().sum_ns, 0);
}

TEST(LatencyHistogram, LosesNothingBetweenThreads) {
  constexpr int kThreads = 6;
  constexpr int kEach = 20'000;
  LatencyHistogram histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&histogram] {
      for (int i = 0; i < kEach; ++i) histogram.Record(nanoseconds(60'000));
    });
  }
  int64_t seen = 0;  // grows alone while they record
  while (seen < int64_t{kThreads} * kEach) {
    const int64_t now = histogram.Read().counts[1];
    ASSERT_GE(now, seen);
    seen = now;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.Read().count(), int64_t{kThreads} * kEach);
  EXPECT_EQ(histogram.Read().sum_ns, int64_t{kThreads} * kEach * 60'000);
}

}  // namespace
}  // namespace quotaplane
