#include "libs/admission/refusal_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;

Subject Of(const std::string& user, const std::string& org = "acme") {
  return {org, "search", "", user, "k1", "big", {{"agent", "a"}}};
}

int64_t CountOf(const RefusalCounts::Taken& taken, const Subject& subject, int64_t minute_us) {
  for (const RefusalLine& line : taken.lines) {
    if (line.subject == subject && line.minute_us == minute_us) return line.count;
  }
  return 0;
}

TEST(RefusalCounts, BySubjectAndMinute) {
  RefusalCounts counts;
  counts.Count(Of("alice"), kMinuteUs);
  counts.Count(Of("alice"), 2 * kMinuteUs - 1);
  counts.Count(Of("alice"), 2 * kMinuteUs);
  counts.Count(Of("bob"), kMinuteUs);
  Subject other = Of("alice");
  other.labels[0].second = "b";
  counts.Count(other, kMinuteUs);
  const RefusalCounts::Taken taken = counts.Take();
  EXPECT_EQ(taken.lines.size(), 4u);
  EXPECT_EQ(CountOf(taken, Of("alice"), kMinuteUs), 2);
  EXPECT_EQ(CountOf(taken, Of("alice"), 2 * kMinuteUs), 1);
  EXPECT_EQ(CountOf(taken, Of("bob"), kMinuteUs), 1);
  EXPECT_EQ(CountOf(taken, other, kMinuteUs), 1);
  EXPECT_TRUE(counts.Take().lines.empty());
}

TEST(RefusalCounts, LinesOfAnOrgStandTogether) {
  RefusalCounts counts;
  for (int i = 0; i < 100; ++i) {
    counts.Count(Of(std::to_string(i), "org" + std::to_string(i % 3)), 0);
  }
  const RefusalCounts::Taken taken = counts.Take();
  ASSERT_EQ(taken.lines.size(), 100u);
  EXPECT_TRUE(
      std::is_sorted(taken.lines.begin(), taken.lines.end(),
                     [](const auto& a, const auto& b) { return a.subject.org < b.subject.org; }));
}

TEST(RefusalCounts, PastTheBoundTheFinerDimensionsGo) {
  RefusalCounts counts(10);
  for (int i = 0; i < 1'000; ++i) counts.Count(Of(std::to_string(i)), kMinuteUs);
  counts.Count(Of("3"), kMinuteUs);  // known already
  const RefusalCounts::Taken taken = counts.Take();
  EXPECT_EQ(taken.lines.size(), 11u);
  EXPECT_EQ(CountOf(taken, Of("3"), kMinuteUs), 2);
  Subject org;
  org.org = "acme";
  EXPECT_EQ(CountOf(taken, org, kMinuteUs), 990);
  EXPECT_EQ(taken.lost, 0);
}

TEST(RefusalCounts, PastTwiceTheBoundTheyAreCountedAsLost) {
  RefusalCounts counts(10);
  for (int i = 0; i < 1'000; ++i) counts.Count(Of("u", "org" + std::to_string(i)), 0);
  const RefusalCounts::Taken taken = counts.Take();
  EXPECT_EQ(taken.lines.size(), 20u);
  EXPECT_EQ(taken.lost, 980);
  EXPECT_EQ(counts.Take().lost, 0);
}

TEST(RefusalCounts, NothingIsLostBetweenThreads) {
  RefusalCounts counts;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) counts.Count(Of(std::to_string(i % 7)), 0);
    });
  }
  int64_t sum = 0;
  const auto take = [&] {
    for (const RefusalLine& line : counts.Take().lines) sum += line.count;
  };
  for (int i = 0; i < 100; ++i) take();
  for (std::thread& thread : threads) thread.join();
  take();
  EXPECT_EQ(sum, 40'000);
}

}  // namespace
}  // namespace quotaplane
