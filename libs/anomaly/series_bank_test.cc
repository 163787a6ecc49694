#include "libs/anomaly/series_bank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "libs/anomaly/season.h"

namespace quotaplane::anomaly {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kUsd = 1'000'000'000;
constexpr int64_t kDay = 1440;

// Two users of one team, a dollar a minute together; a third joins where a test says so.
class BankTest : public ::testing::Test {
 protected:
  std::vector<Finding> Minute(double alice = 1, double bob = 1, double carol = 0) {
    rows_.clear();
    Row("alice", "large", alice);
    Row("bob", "small", bob);
    Row("carol", "small", carol);
    const auto found =
        bank_.Add(minute_ * kMinuteUs, static_cast<int>(minute_ % kMinutesPerWeek), rows_);
    EXPECT_TRUE(found.ok()) << found.status();
    ++minute_;
    return found.value_or(std::vector<Finding>());
  }
  void Row(std::string_view user, std::string_view model, double factor) {
    if (factor == 0) return;
    seed_ = seed_ * 6364136223846793005 + 1442695040888963407;
    const double noise = 0.85 + 0.3 * static_cast<double>(seed_ >> 40) / (1 << 24);
    const double calls = 20 * factor * noise;
    rows_.push_back({.org = "acme",
                     .team = "search",
                     .user = user,
                     .model = model,
                     .cost_nano_usd = std::llround(calls * 0.025 * kUsd),
                     .tokens = std::llround(calls * 1000),
                     .requests = std::llround(calls)});
  }
  std::vector<Finding> Teach(int64_t days) {
    std::vector<Finding> all;
    for (int64_t i = 0; i < days * kDay; ++i) Append(all, Minute());
    return all;
  }
  static void Append(std::vector<Finding>& all, std::vector<Finding> more) {
    all.insert(all.end(), more.begin(), more.end());
  }
  std::vector<Finding> Spike(int minutes, double factor) {
    std::vector<Finding> all;
    for (int i = 0; i < minutes; ++i) Append(all, Minute(factor));
    return all;
  }

  SeriesBank bank_{BankOptions{}};
  std::vector<UsageRow> rows_;
  int64_t minute_ = 29'461'920;  // a Monday
  uint64_t seed_ = 11;
};

TEST_F(BankTest, OrdinaryDaysSayNothing) { EXPECT_THAT(Teach(14), IsEmpty()); }

TEST_F(BankTest, ASpikeNamesWhoMadeItAndIsOneFinding) {
  Teach(8);
  const std::vector<Finding> found = Spike(10, 12);
  ASSERT_EQ(found.size(), 1U);
  const Finding& finding = found[0];
  EXPECT_EQ(finding.scope, ScopeKind::kUser);
  EXPECT_EQ(finding.value, "alice");
  EXPECT_EQ(finding.kind, FindingKind::kSpike);
  EXPECT_EQ(finding.metric, Metric::kCost);
  EXPECT_FALSE(finding.over);
  EXPECT_GT(finding.actual, 8 * finding.expected);
  EXPECT_GE(finding.difference_nano_usd, 5 * kUsd);
  EXPECT_GE(finding.score, 0.5);
  ASSERT_FALSE(finding.contributors.empty());
  EXPECT_EQ(finding.contributors[0].value, "large");
  EXPECT_EQ(bank_.Open().size(), 1U);

  std::vector<Finding> after;
  for (int i = 0; i < 240; ++i) Append(after, Minute());
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].id, finding.id);
  EXPECT_TRUE(after[0].over);
  EXPECT_EQ(after[0].end, FindingEnd::kBack);
  EXPECT_THAT(bank_.Open(), IsEmpty());
}

TEST_F(BankTest, WhatIsWorthLittleIsNotTold) {
  bank_ = SeriesBank(BankOptions{.floor_nano_usd = 1000 * kUsd});
  Teach(8);
  EXPECT_THAT(Spike(10, 12), IsEmpty());
}

TEST_F(BankTest, SaysNothingWithShortHistory) {
  Teach(2);
  EXPECT_THAT(Spike(10, 12), IsEmpty());
}

TEST_F(BankTest, AShiftIsToldOnceAndAccepted) {
  Teach(8);
  std::vector<Finding> all;
  for (int64_t i = 0; i < 2 * kDay; ++i) Append(all, Minute(2.5, 2.5));
  const auto over = [](const Finding& f) { return f.over; };
  const auto begun = static_cast<size_t>(std::count_if(all.begin(), all.end(), std::not_fn(over)));
  EXPECT_GE(begun, 1U);
  EXPECT_LE(begun, 5U);  // scopes: two users, two models, team, org
  EXPECT_THAT(all, Contains(Field(&Finding::end, FindingEnd::kAccepted)));
  EXPECT_THAT(bank_.Open(), IsEmpty());
}

TEST_F(BankTest, ADropToNothing) {
  Teach(10);
  std::vector<Finding> all;
  for (int i = 0; i < 60; ++i) Append(all, Minute(0, 0));
  EXPECT_THAT(all, Contains(Field(&Finding::kind, FindingKind::kDrop)));
}

TEST_F(BankTest, SomebodyNewWhoSpendsMuch) {
  Teach(8);
  std::vector<Finding> all;
  for (int i = 0; i < 60; ++i) Append(all, Minute(1, 1, 3));
  const auto found = std::find_if(
      all.begin(), all.end(), [](const Finding& f) { return f.kind == FindingKind::kNewSpender; });
  ASSERT_NE(found, all.end());
  EXPECT_EQ(found->value, "carol");
  EXPECT_EQ(found->expected, 0);
}

TEST_F(BankTest, WorkAtUnusualHours) {
  const auto office = [&] { return minute_ % kDay >= 8 * 60 && minute_ % kDay < 18 * 60; };
  for (int64_t i = 0; i < 15 * kDay; ++i) Minute(office() ? 1 : 0, office() ? 1 : 0);
  while (minute_ % kDay != 3 * 60) Minute(office() ? 1 : 0, office() ? 1 : 0);
  std::vector<Finding> all;
  for (int i = 0; i < 30; ++i) Append(all, Minute(3, 0));
  EXPECT_THAT(all, Contains(Field(&Finding::kind, FindingKind::kUnusualHours)));
}

TEST_F(BankTest, ExpectedIsNotToldAgain) {
  Teach(8);
  const std::vector<Finding> first = Spike(10, 12);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_TRUE(bank_.Give(first[0].id, Feedback::kExpected, 1).ok());
  EXPECT_THAT(bank_.Open(), IsEmpty());
  std::vector<Finding> rest;
  for (int64_t i = 10; i < kDay; ++i) Append(rest, Minute());
  EXPECT_THAT(rest, Contains(Field(&Finding::end, FindingEnd::kExpected)));
  // A day later, at the same hour.
  for (const Finding& finding : Spike(10, 12)) {
    EXPECT_FALSE(finding.scope == ScopeKind::kUser && finding.value == "alice");
  }
}

TEST_F(BankTest, NotExpectedStaysOutOfTheBaseline) {
  Teach(8);
  const std::vector<Finding> first = Spike(10, 6);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_TRUE(bank_.Give(first[0].id, Feedback::kNotExpected, 1).ok());
  // A day of it does not become normal: the finding stays on.
  for (int i = 0; i < 600; ++i) Minute(6);
  const auto is_first = [&](const Finding& f) { return f.id == first[0].id; };
  const std::vector<Finding> open = bank_.Open();
  ASSERT_TRUE(std::any_of(open.begin(), open.end(), is_first));
  std::vector<Finding> after;
  for (int i = 0; i < 60; ++i) Append(after, Minute());
  EXPECT_TRUE(std::any_of(after.begin(), after.end(), [&](const Finding& f) {
    return is_first(f) && f.end == FindingEnd::kBack;
  }));
}

TEST_F(BankTest, FeedbackOnWhatIsNotKnown) {
  EXPECT_EQ(bank_.Give(77, Feedback::kExpected, 1).code(), absl::StatusCode::kNotFound);
}

TEST_F(BankTest, FeedbackIsHeardOnceAlsoAcrossARestore) {
  Teach(8);
  const std::vector<Finding> first = Spike(10, 12);
  ASSERT_EQ(first.size(), 1U);
  const std::string before = bank_.Save();
  ASSERT_TRUE(bank_.Give(first[0].id, Feedback::kExpected, 7).ok());
  EXPECT_EQ(bank_.heard(), 7);
  const std::string heard = bank_.Save();
  EXPECT_NE(heard, before);
  // Whoever restores it does not know whether it was heard.
  auto restored = SeriesBank::Restore(BankOptions{}, heard);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_TRUE(restored->Give(first[0].id, Feedback::kExpected, 7).ok());
  EXPECT_TRUE(restored->Give(first[0].id, Feedback::kNotExpected, 3).ok());
  EXPECT_EQ(restored->Save(), heard);
  // The end that it brought is told by whoever goes on.
  bank_ = *std::move(restored);
  const std::vector<Finding> next = Minute();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].id, first[0].id);
  EXPECT_EQ(next[0].end, FindingEnd::kExpected);
}

TEST_F(BankTest, AFindingWhoseScopeIsEvictedIsOver) {
  bank_ = SeriesBank(BankOptions{.max_scopes = 100});
  Teach(8);
  const std::vector<Finding> first = Spike(10, 12);
  ASSERT_EQ(first.size(), 1U);
  // A hundred others come, and she is the one who has been idle for longest.
  std::vector<Finding> after;
  for (int i = 0; i < 3; ++i) Append(after, Minute(0, 0));
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("user-" + std::to_string(i));
  rows_.clear();
  for (const std::string& name : names)
    rows_.push_back({.org = "acme", .user = name, .requests = 1});
  const auto found =
      bank_.Add(minute_ * kMinuteUs, static_cast<int>(minute_ % kMinutesPerWeek), rows_);
  ASSERT_TRUE(found.ok()) << found.status();
  Append(after, *found);
  const auto end = std::find_if(after.begin(), after.end(),
                                [&](const Finding& f) { return f.id == first[0].id; });
  ASSERT_NE(end, after.end());
  EXPECT_TRUE(end->over);
  EXPECT_EQ(end->end, FindingEnd::kEvicted);
  const std::optional<Finding> known = bank_.Find(first[0].id);
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->end, FindingEnd::kEvicted);
  EXPECT_EQ(bank_.Give(first[0].id, Feedback::kExpected, 1).code(), absl::StatusCode::kNotFound);
}

TEST_F(BankTest, RestoredGoesOnAlike) {
  Teach(8);
  Spike(5, 12);
  const std::string bytes = bank_.Save();
  absl::StatusOr<SeriesBank> restored = SeriesBank::Restore(BankOptions{}, bytes);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->Save(), bytes);
  EXPECT_EQ(restored->Open().size(), bank_.Open().size());
  for (int64_t i = 0; i < kDay; ++i) {
    const std::vector<Finding> one = Minute(i == 700 ? 20 : 1);
    const auto other = restored->Add((minute_ - 1) * kMinuteUs,
                                     static_cast<int>((minute_ - 1) % kMinutesPerWeek), rows_);
    ASSERT_TRUE(other.ok());
    ASSERT_EQ(one.size(), other->size()) << i;
    for (size_t k = 0; k < one.size(); ++k) {
      EXPECT_EQ(one[k].id, (*other)[k].id);
      EXPECT_EQ(one[k].actual, (*other)[k].actual);
      EXPECT_EQ(one[k].expected, (*other)[k].expected);
    }
  }
}

TEST_F(BankTest, DamagedStateIsAnError) {
  Teach(1);
  const std::string bytes = bank_.Save();
  for (size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 300) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    EXPECT_EQ(SeriesBank::Restore(BankOptions{}, damaged).status().code(),
              absl::StatusCode::kDataLoss);
    EXPECT_FALSE(SeriesBank::Restore(BankOptions{}, bytes.substr(0, i)).ok());
  }
}

TEST_F(BankTest, RefusesWhatItCannotTake) {
  Minute();
  const auto code = [&](int64_t us, int week, std::vector<UsageRow> rows) {
    return bank_.Add(us, week, rows).status().code();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code((minute_ - 1) * kMinuteUs, 0, {}), kInvalid);
  EXPECT_EQ(code(minute_ * kMinuteUs + 1, 0, {}), kInvalid);
  EXPECT_EQ(code(minute_ * kMinuteUs, kMinutesPerWeek, {}), kInvalid);
  EXPECT_EQ(code(minute_ * kMinuteUs, 0, {{.org = "acme", .cost_nano_usd = -1}}), kInvalid);
  const std::string name(SeriesBank::kMaxNameBytes + 1, 'x');
  EXPECT_EQ(code(minute_ * kMinuteUs, 0, {{.org = name}}), kInvalid);
  EXPECT_EQ(code(minute_ * kMinuteUs, 0, {}), absl::StatusCode::kOk);
}

TEST_F(BankTest, ScopesAreBounded) {
  bank_ = SeriesBank(BankOptions{.max_scopes = 100});
  for (int i = 0; i < 1000; ++i) {
    const std::string user = "user-" + std::to_string(i);
    const std::vector<UsageRow> rows = {{.org = "acme", .user = user, .cost_nano_usd = kUsd}};
    ASSERT_TRUE(bank_.Add((minute_ + i) * kMinuteUs, 0, rows).ok());
    ASSERT_LE(bank_.Stats().scopes, 100U);
  }
  EXPECT_GE(bank_.Stats().evicted_scopes, 900U);
}

TEST_F(BankTest, ARunawaySession) {
  std::vector<Finding> all;
  for (int64_t i = 0; i < 2 * kDay; ++i) {
    std::vector<std::string> names;
    for (int s = 0; s < 20; ++s)
      names.push_back("s-" + std::to_string(i / 60) + "-" + std::to_string(s));
    std::vector<UsageRow> rows;
    for (const std::string& name : names) {
      rows.push_back({.org = "acme",
                      .user = "u",
                      .model = "large",
                      .session = name,
                      .cost_nano_usd = kUsd / 50,
                      .tokens = 1000,
                      .requests = 1});
    }
    const bool runs = i > kDay && i <= kDay + 30;
    if (runs) {
      rows.push_back({.org = "acme",
                      .user = "mallory",
                      .model = "large",
                      .session = "loop",
                      .cost_nano_usd = 2 * kUsd,
                      .tokens = 90'000,
                      .requests = 60});
    }
    const auto found =
        bank_.Add((minute_ + i) * kMinuteUs, static_cast<int>(i % kMinutesPerWeek), rows);
    ASSERT_TRUE(found.ok());
    Append(all, *found);
  }
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].kind, FindingKind::kRunawaySession);
  EXPECT_EQ(all[0].value, "loop");
  EXPECT_LE(all[0].at_us, (minute_ + kDay + 6) * kMinuteUs);
  EXPECT_GT(all[0].actual, 3 * all[0].expected);
  EXPECT_THAT(all[0].contributors, Contains(Field(&Contributor::value, "mallory")));
  EXPECT_TRUE(all[1].over);
}

}  // namespace
}  // namespace quotaplane::anomaly
