#include "libs/admission/use_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
constexpr int64_t kNowUs = 20'000 * kDayUs + 12'345;

Subject Of(std::string org, std::string team, std::string user, std::string model) {
  return {std::move(org), std::move(team), "p", std::move(user), "", std::move(model), {}};
}

ChargeRecord Charge(const Subject& subject, std::vector<ChargeLine> lines) {
  ChargeRecord record;
  record.subject = subject;
  record.lines = std::move(lines);
  for (const ChargeLine& line : record.lines) record.cost_nano_usd += line.cost_nano_usd;
  return record;
}

ChargeLine Line(int attempt, std::string model, std::string meter, int64_t quantity, int64_t cost) {
  ChargeLine line;
  line.attempt = attempt;
  line.model = std::move(model);
  line.meter = std::move(meter);
  line.quantity = quantity;
  line.cost_nano_usd = cost;
  return line;
}

std::map<std::string, UseCounts::Use> ByName(const UseCounts& counts) {
  std::map<std::string, UseCounts::Use> all;
  for (const UseCounts::Use& use : counts.Read()) {
    all[absl::StrCat(use.org, "/", use.team, "/", use.project, "/", use.model)] = use;
  }
  return all;
}

TEST(UseCounts, CountDecisionsAndChargesWhereTheyBelong) {
  UseCounts counts;
  const Subject alice = Of("acme", "core", "alice", "m-1");
  counts.CountDecision(alice, Decision::kAllow, false, kNowUs);
  counts.CountDecision(Of("acme", "core", "bob", "m-1"), Decision::kAllow, false, kNowUs + 1);
  counts.CountDecision(alice, Decision::kDeny, true, kNowUs);
  counts.CountCharge(
      Charge(alice, {Line(0, "m-1", "input", 100, 7), Line(0, "m-1", "output", 5, 9),
                     Line(1, "m-2", "input", 50, 3), Line(1, "m-2", "images", 2, 40)}),
      kNowUs);
  const auto all = ByName(counts);
  ASSERT_EQ(all.size(), 2u);
  const UseCounts::Use& first = all.at("acme/core/p/m-1");
  EXPECT_THAT(first.decided, testing::ElementsAre(2, 0, 1));
  EXPECT_EQ(first.cost_nano_usd, 16);
  EXPECT_THAT(first.tokens, testing::ElementsAre(100, 0, 0, 0, 5));
  EXPECT_EQ(first.recorded, 0);
  EXPECT_EQ(first.last_us, kNowUs + 1);
  const UseCounts::Use& second = all.at("acme/core/p/m-2");
  EXPECT_EQ(second.cost_nano_usd, 43);
  EXPECT_THAT(second.tokens, testing::ElementsAre(50, 0, 0, 0, 0));
  EXPECT_EQ(second.last_us, 0);
  EXPECT_THAT(counts.decided_away(), testing::ElementsAre(0, 0, 1));
  EXPECT_EQ(counts.sets(), 2);
  EXPECT_EQ(counts.overflowed(), 0);
}

TEST(UseCounts, UsageWithoutAReservationIsARequestToo) {
  UseCounts counts;
  ChargeRecord record = Charge(Of("acme", "", "", "m"), {Line(0, "m", "input", 1, 1)});
  record.recorded = true;
  counts.CountCharge(record, kNowUs);
  EXPECT_EQ(counts.Read()[0].recorded, 1);
}

TEST(UseCounts, WhatHasNoRoomCountsTogether) {
  UseCounts counts(3);
  for (int i = 0; i < 10; ++i) {
    const Subject subject = Of("acme", absl::StrCat("t", i), "u", "m");
    counts.CountDecision(subject, Decision::kAllow, false, kNowUs);
    counts.CountCharge(Charge(subject, {Line(0, "m", "input", 10, 4)}), kNowUs);
  }
  const auto all = ByName(counts);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(counts.sets(), 3);
  EXPECT_EQ(counts.overflowed(), 14);
  const UseCounts::Use& overflow = all.at("overflow/overflow/overflow/overflow");
  EXPECT_EQ(overflow.decided[0], 7);
  EXPECT_EQ(overflow.cost_nano_usd, 28);
  EXPECT_EQ(overflow.tokens[0], 70);
  // Those that have room keep it.
  counts.CountDecision(Of("acme", "t0", "u", "m"), Decision::kDeny, false, kNowUs);
  EXPECT_EQ(ByName(counts).at("acme/t0/p/m").decided[2], 1);
}

TEST(UseCounts, TopUsersAreThoseOfTheDay) {
  UseCounts counts;
  const auto spend = [&](const char* org, const char* user, int64_t cost, int64_t now_us) {
    counts.CountCharge(Charge(Of(org, "t", user, "m"), {Line(0, "m", "input", 1, cost)}), now_us);
  };
  spend("acme", "alice", 5, kNowUs);
  spend("acme", "bob", 8, kNowUs);
  spend("beta", "alice", 6, kNowUs);
  spend("acme", "alice", 2, kNowUs);
  spend("acme", "", 100, kNowUs);
  UseCounts::TopUsers top = counts.ReadTopUsers(2, kNowUs);
  EXPECT_EQ(top.users, 3u);
  ASSERT_EQ(top.top.size(), 2u);
  EXPECT_EQ(top.top[0].sum, 8);
  EXPECT_EQ(top.top[1].sum, 7);
  EXPECT_EQ(counts.ReadTopUsers(2, kNowUs + kDayUs).users, 0u);
  spend("acme", "cat", 1, kNowUs + kDayUs);
  spend("acme", "dan", 1, kNowUs);  // late, of the day before: counts where it is seen
  top = counts.ReadTopUsers(10, kNowUs + kDayUs);
  EXPECT_EQ(top.users, 2u);
}

TEST(UseCounts, LoseNothingBetweenThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  UseCounts counts(20);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&counts, t] {
      for (int i = 0; i < kEach; ++i) {
        const Subject subject = Of("acme", absl::StrCat("t", (t + i) % 30), "u", "m");
        counts.CountDecision(subject, Decision::kAllow, false, kNowUs);
        counts.CountCharge(Charge(subject, {Line(0, "m", "output", 1, 1)}), kNowUs);
      }
    });
  }
  counts.Read();
  for (std::thread& thread : threads) thread.join();
  int64_t requests = 0, cost = 0, tokens = 0;
  for (const UseCounts::Use& use : counts.Read()) {
    requests += use.decided[0];
    cost += use.cost_nano_usd;
    tokens += use.tokens[4];
  }
  EXPECT_EQ(requests, kThreads * kEach);
  EXPECT_EQ(cost, kThreads * kEach);
  EXPECT_EQ(tokens, kThreads * kEach);
  EXPECT_EQ(counts.sets(), 20);
}

}  // namespace
}  // namespace quotaplane
