#include "tests/bench/hotpath/histogram.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace quotaplane::bench {
namespace {

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram h;
  for (int ns = 1; ns <= 20; ++ns) h.Add(ns);
  EXPECT_EQ(h.count(), 20);
  EXPECT_EQ(h.ValueAt(0.05), 1);
  EXPECT_EQ(h.ValueAt(0.5), 10);
  EXPECT_EQ(h.ValueAt(1), 20);
}

TEST(HistogramTest, QuantilesAreWithinABucketOfTheExactOnes) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(12, 1.5);
  std::vector<int64_t> exact;
  Histogram h;
  for (int i = 0; i < 50'000; ++i) {
    exact.push_back(static_cast<int64_t>(latency(random)));
    h.Add(exact.back());
  }
  std::sort(exact.begin(), exact.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto truth = static_cast<double>(exact[static_cast<size_t>(q * 50'000) - 1]);
    EXPECT_GE(static_cast<double>(h.ValueAt(q)), truth) << q;
    EXPECT_LE(static_cast<double>(h.ValueAt(q)), truth * (1 + 1.0 / 32)) << q;
  }
}

TEST(HistogramTest, BucketsTileTheLineAndHoldWhatWasAdded) {
  Histogram h;
  for (int64_t ns = 0; ns < 100'000; ++ns) h.Add(ns);
  int64_t end = 0;
  int64_t total = 0;
  for (const Histogram::Bucket& bucket : h.Buckets()) {
    EXPECT_EQ(bucket.low_ns, end);
    EXPECT_LE(bucket.count, bucket.high_ns - bucket.low_ns);
    end = bucket.high_ns;
    total += bucket.count;
  }
  EXPECT_GE(end, 100'000);
  EXPECT_EQ(total, 100'000);
}

TEST(HistogramTest, ExtremesStayInside) {
  Histogram h;
  EXPECT_EQ(h.ValueAt(0.99), 0);
  h.Add(-5);
  h.Add(INT64_MAX);
  EXPECT_EQ(h.count(), 2);
  EXPECT_EQ(h.ValueAt(0.5), 0);
  EXPECT_GT(h.ValueAt(1), int64_t{60} * 1'000'000'000);
}

TEST(HistogramTest, MergeAddsUp) {
  Histogram a, b;
  for (int i = 0; i < 90; ++i) a.Add(1'000);
  for (int i = 0; i < 10; ++i) b.Add(1'000'000);
  a.Merge(b);
  EXPECT_EQ(a.count(), 100);
  EXPECT_LT(a.ValueAt(0.9), 1'100);
  EXPECT_GT(a.ValueAt(0.91), 900'000);
}

}  // namespace
}  // namespace quotaplane::bench
