// The queue by a hand-moved clock, over both databases: grouping, leases, retries, dead letters.
#include "libs/alerts/delivery_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "libs/alerts/test_alerts.h"
#include "libs/base/error.h"
#include "libs/testing/poll_until.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Claim = DeliveryQueue::Claim;
using Json = nlohmann::json;

constexpr int64_t kLeaseUs = kMinuteUs;

class DeliveryQueueTest : public AlertsTest {
 protected:
  Claim Take(const std::string& receiver = "hook", size_t limit = 100, bool synced = false) {
    auto claim = queue_.Take(receiver, synced, now_us_, kLeaseUs, limit);
    EXPECT_TRUE(claim.ok()) << claim.status();
    return claim.ok() ? *std::move(claim) : Claim();
  }
  std::vector<std::string> Due() {
    const auto due = queue_.DueReceivers({"hook", "other", "am"}, now_us_);
    EXPECT_TRUE(due.ok()) << due.status();
    return *due;
  }
  void MustSend(const Claim& claim) {
    for (const AlertMessage& message : claim.messages) {
      const auto marked = queue_.MarkSent(claim.lease, message, now_us_);
      ASSERT_TRUE(marked.ok()) << marked.status();
      EXPECT_TRUE(*marked);
    }
  }
  void MustFail(const Claim& claim, int64_t wait_us = 0) {
    for (const AlertMessage& message : claim.messages) {
      const auto marked = queue_.MarkFailed(claim.lease, message, "no", wait_us, 1.0, now_us_);
      ASSERT_TRUE(marked.ok()) << marked.status();
      EXPECT_TRUE(*marked);
    }
  }

  absl::Status SendAgain(const std::string& org, int64_t number) {
    const auto transaction = db_->Begin();
    if (!transaction.ok()) return transaction.status();
    const auto again = DeliveryQueue::SendAgain(**transaction, org, number, now_us_);
    return again.ok() ? (*transaction)->Commit() : again.status();
  }

  DeliveryQueue queue_{db_.get()};
};

TEST_P(DeliveryQueueTest, ASingleAlertGoesAtOnceAndTheNextOnesTogether) {
  Record(SignalOf("alice", "1"));
  EXPECT_THAT(Due(), ElementsAre("hook"));
  Claim claim = Take();
  ASSERT_EQ(claim.messages.size(), 1u);
  const AlertMessage message = claim.messages[0];
  EXPECT_EQ(message.org, "acme");
  EXPECT_EQ(message.count, 1);
  EXPECT_EQ(message.id.size(), 32u);
  EXPECT_EQ(Json::parse(message.items.at(0).json)["alert"], "A-1");
  MustSend(claim);
  for (int i = 0; i < 5; ++i) {
    now_us_ += kSecondUs;
    Record(SignalOf(absl::StrCat("u", i), "1"));
  }
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(Take().messages, IsEmpty());
  now_us_ += 5 * kSecondUs;  // ten after the first
  EXPECT_THAT(Due(), ElementsAre("hook"));
  claim = Take();
  ASSERT_EQ(claim.messages.size(), 1u);
  EXPECT_EQ(claim.messages[0].count, 5);
  EXPECT_NE(claim.messages[0].id, message.id);
  MustSend(claim);
  // Ten seconds after that one is due, not after it was begun.
  now_us_ += kSecondUs;
  Record(SignalOf("late", "1"));
  now_us_ += 8 * kSecondUs;
  EXPECT_THAT(Due(), IsEmpty());
  now_us_ += kSecondUs;
  EXPECT_THAT(Due(), ElementsAre("hook"));
}

TEST_P(DeliveryQueueTest, OrgsKindsAndReceiversAreGroupedApart) {
  SetReceivers({TestWebhook("hook"), TestWebhook("other")}, {"hook", "other"});
  Signal forecast = SignalOf("alice", "1");
  forecast.kind = AlertKind::kForecast;
  forecast.key = "forecast";
  Signal beta = SignalOf("alice", "1");
  beta.org = "beta";
  Signal named = SignalOf("bob", "1");
  named.receivers = {"other"};
  RecordAll({SignalOf("alice", "1"), forecast, beta, named});
  std::vector<std::string> groups;
  for (const char* receiver : {"hook", "other"}) {
    for (const AlertMessage& message : Take(receiver).messages) {
      groups.push_back(absl::StrCat(message.receiver, " ", message.org, " ",
                                    std::string(AlertKindName(message.kind)), " ", message.count));
    }
  }
  EXPECT_THAT(groups, UnorderedElementsAre("hook acme threshold 1", "hook acme forecast 1",
                                           "hook beta threshold 1", "other acme threshold 2",
                                           "other acme forecast 1", "other beta threshold 1"));
}

TEST_P(DeliveryQueueTest, AStormIsGroupedAndBounded) {
  const absl::Time start = absl::Now();
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<Signal> signals;
    for (int i = 0; i < 500; ++i) signals.push_back(SignalOf(absl::StrCat(batch, "/", i), "1"));
    RecordAll(signals);
    if (batch == 0) MustSend(Take());
    now_us_ += kSecondUs / 10;
  }
  const absl::Duration took = absl::Now() - start;
  now_us_ += kGroupingUs;
  const Claim claim = Take();
  ASSERT_EQ(claim.messages.size(), 1u);
  EXPECT_EQ(claim.messages[0].count, 9'500);
  EXPECT_EQ(claim.messages[0].items.size(), kListedAlerts);
  EXPECT_EQ(sql::MustCount(*db_, "SELECT COUNT(*) FROM alerts"), 10'000);
  EXPECT_EQ(sql::MustCount(*db_, "SELECT COUNT(*) FROM alert_messages"), 2);
  RecordProperty("ten_thousand_ms", static_cast<int>(absl::ToInt64Milliseconds(took)));
  std::cout << "10,000 scopes recorded in " << took << "\n";
  EXPECT_LT(took, absl::Seconds(60));
}

TEST_P(DeliveryQueueTest, AnAlertmanagerGetsEachAlertAsItIsNow) {
  SetReceivers(
      {{"am", AlertmanagerReceiver{.url = "http://127.0.0.1:9", .token = "", .ca_file = ""}}},
      {"am"});
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<Signal> signals;
    for (int i = 0; i < 500; ++i) signals.push_back(SignalOf(absl::StrCat(batch, "/", i), "1"));
    RecordAll(signals);
  }
  Signal over = SignalOf("0/0", "2");
  over.over = true;
  Record(over);
  const Claim claim = Take("am", 100, true);
  ASSERT_EQ(claim.messages.size(), 4u);
  std::set<int64_t> told;
  for (const AlertMessage& message : claim.messages) {
    EXPECT_LE(message.items.size(), kSyncedAlerts);
    EXPECT_EQ(message.count >= static_cast<int64_t>(message.items.size()), true);
    for (const MessageItem& item : message.items) told.insert(item.alert);
  }
  EXPECT_EQ(told.size(), 1'500u);
  // Also in the message that was made while it fired.
  EXPECT_EQ(Json::parse(claim.messages[0].items.at(0).json)["state"], "resolved");
}

TEST_P(DeliveryQueueTest, AClaimIsOnesOwnUntilItsLeaseIsOver) {
  Record(SignalOf("alice", "1"));
  const Claim first = Take();
  EXPECT_THAT(Take().messages, IsEmpty());
  EXPECT_THAT(Due(), IsEmpty());
  now_us_ += kLeaseUs;
  const Claim second = Take();
  ASSERT_EQ(second.messages.size(), 1u);
  EXPECT_EQ(second.messages[0].id, first.messages[0].id);
  EXPECT_EQ(second.messages[0].items.at(0).json, first.messages[0].items.at(0).json);
  // The first one wakes up again, and has nothing to say any more.
  EXPECT_FALSE(*queue_.MarkSent(first.lease, first.messages[0], now_us_));
  EXPECT_FALSE(*queue_.MarkFailed(first.lease, first.messages[0], "no", 0, 1, now_us_));
  EXPECT_FALSE(*queue_.MarkDead(first.lease, first.messages[0], "no", now_us_));
  EXPECT_TRUE(queue_.Release(first.lease).ok());
  EXPECT_THAT(Take().messages, IsEmpty());
  MustSend(second);
  now_us_ += kDayUs;
  EXPECT_THAT(Take().messages, IsEmpty());
}

TEST_P(DeliveryQueueTest, WhatIsReleasedIsThereAgain) {
  Record(SignalOf("alice", "1"));
  const Claim claim = Take();
  EXPECT_TRUE(queue_.Release(claim.lease).ok());
  EXPECT_EQ(Take().messages.size(), 1u);
}

TEST_P(DeliveryQueueTest, AReceiverThatIsAwayIsLeftAloneAndItsMessageGathers) {
  Record(SignalOf("alice", "1"));
  std::vector<int64_t> attempts_s;
  const int64_t start_us = now_us_;
  std::string id;
  // An hour, second by second; something new each minute.
  for (int second = 0; second < 3'600; ++second) {
    if (second % 60 == 0) Record(SignalOf(absl::StrCat("u", second), "1"));
    if (!Due().empty()) {
      const Claim claim = Take();
      ASSERT_EQ(claim.messages.size(), 1u);
      if (id.empty()) id = claim.messages[0].id;
      attempts_s.push_back((now_us_ - start_us) / kSecondUs);
      MustFail(claim);
    }
    now_us_ += kSecondUs;
  }
  EXPECT_THAT(std::vector<int64_t>(attempts_s.begin(), attempts_s.begin() + 8),
              ElementsAre(0, 1, 3, 7, 15, 31, 63, 123));
  EXPECT_LE(attempts_s.size(), 70u);
  // It is back: everything comes, once.
  now_us_ += kMinuteUs;
  std::map<std::string, int64_t> counts;
  for (Claim claim = Take(); !claim.messages.empty(); claim = Take()) {
    for (const AlertMessage& message : claim.messages) {
      EXPECT_TRUE(counts.emplace(message.id, message.count).second);
    }
    MustSend(claim);
    now_us_ += kMinuteUs;
  }
  EXPECT_TRUE(counts.contains(id));
  EXPECT_EQ(counts.size(), 2u);
  int64_t told = 0;
  for (const auto& [message, count] : counts) told += count;
  EXPECT_EQ(told, 61);
}

TEST_P(DeliveryQueueTest, AReceiverMayAskForMoreTime) {
  Record(SignalOf("alice", "1"));
  MustFail(Take(), 600 * kSecondUs);
  now_us_ += 599 * kSecondUs;
  EXPECT_THAT(Due(), IsEmpty());
  now_us_ += kSecondUs;
  EXPECT_EQ(Take().messages.size(), 1u);
}

TEST_P(DeliveryQueueTest, OneReceiversTroubleIsNotAnothers) {
  SetReceivers({TestWebhook("hook"), TestWebhook("other")}, {"hook", "other"});
  Record(SignalOf("alice", "1"));
  MustFail(Take());
  EXPECT_THAT(Due(), ElementsAre("other"));
  EXPECT_EQ(Take("other").messages.size(), 1u);
}

TEST_P(DeliveryQueueTest, DeadLettersAreKeptAndSentAgain) {
  Record(SignalOf("alice", "1"));
  Claim claim = Take();
  const std::string id = claim.messages[0].id;
  EXPECT_TRUE(*queue_.MarkDead(claim.lease, claim.messages[0], "HTTP status 400\n", now_us_));
  now_us_ += kMinuteUs;
  EXPECT_THAT(Due(), IsEmpty());
  const std::vector<DeliveryState> dead = {DeliveryState::kDead};
  auto letters = *queue_.List("acme", dead, 0, 10);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].id, id);
  EXPECT_EQ(letters[0].error, "HTTP status 400 ");
  EXPECT_EQ(letters[0].attempts, 1);
  EXPECT_THAT(letters[0].alerts, ElementsAre(1));
  EXPECT_THAT(*queue_.List("beta", dead, 0, 10), IsEmpty());
  EXPECT_THAT(*queue_.List("acme", {DeliveryState::kWaiting}, 0, 10), IsEmpty());
  EXPECT_EQ(queue_.Depths()->at("hook").dead, 1);
  // What comes now is another message.
  Record(SignalOf("bob", "1"));
  claim = Take();
  EXPECT_NE(claim.messages.at(0).id, id);
  MustSend(claim);

  EXPECT_TRUE(absl::IsNotFound(SendAgain("beta", letters[0].number)));
  EXPECT_TRUE(SendAgain("acme", letters[0].number).ok());
  EXPECT_EQ(ReasonOf(SendAgain("acme", letters[0].number)), "WRONG_STATE");
  claim = Take();
  ASSERT_EQ(claim.messages.size(), 1u);
  EXPECT_EQ(claim.messages[0].id, id);
  EXPECT_EQ(claim.messages[0].items.size(), 1u);
  MustSend(claim);
  EXPECT_THAT(*queue_.Depths(), IsEmpty());
}

TEST_P(DeliveryQueueTest, GivenUpAfterADay) {
  Record(SignalOf("alice", "1"));
  now_us_ += kGiveUpUs - 1;
  MustFail(Take());
  EXPECT_EQ(queue_.Depths()->at("hook").waiting, 1);
  now_us_ += kMinuteUs;
  MustFail(Take());
  EXPECT_EQ(queue_.Depths()->at("hook").dead, 1);
  EXPECT_EQ(queue_.List(std::nullopt, {}, 0, 10)->at(0).attempts, 2);
  // And what is for a receiver that is in nobody's file.
  now_us_ += kMinuteUs;
  Record(SignalOf("bob", "1"));
  EXPECT_EQ(*queue_.GiveUpUnknown({"other"}, now_us_), 0);
  now_us_ += kGiveUpUs;
  EXPECT_EQ(*queue_.GiveUpUnknown({"hook"}, now_us_), 0);
  EXPECT_EQ(*queue_.GiveUpUnknown({"other"}, now_us_), 1);
  EXPECT_EQ(queue_.List("acme", {DeliveryState::kDead}, 0, 1)->at(0).error,
            "there is no such receiver");
}

TEST(RetryTest, DoublesToAMinuteWithJitter) {
  EXPECT_EQ(RetryAfterUs(1, 1), kSecondUs);
  EXPECT_EQ(RetryAfterUs(1, 0), kSecondUs / 2);
  EXPECT_EQ(RetryAfterUs(4, 1), 8 * kSecondUs);
  EXPECT_EQ(RetryAfterUs(7, 1), kMinuteUs);
  EXPECT_EQ(RetryAfterUs(1'000'000, 0.5), 45 * kSecondUs);
}

// Claimers at once, while alerts come: each message is claimed once, and what is told is complete.
TEST_P(DeliveryQueueTest, ClaimersAtOnce) {
  constexpr int kRounds = 60;
  std::mutex mutex;
  std::map<std::string, int64_t> counts;
  std::atomic<bool> done = false;
  std::atomic<int64_t> now_us = now_us_;
  const auto drain = [&] {
    const auto claim = queue_.Take("hook", false, now_us, kHourUs, 3);
    ASSERT_TRUE(claim.ok()) << claim.status();
    for (const AlertMessage& message : claim->messages) {
      ASSERT_TRUE(*queue_.MarkSent(claim->lease, message, now_us));
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(counts.emplace(message.id, message.count).second) << message.id;
    }
  };
  std::vector<std::thread> claimers;
  for (int i = 0; i < 3; ++i) {
    claimers.emplace_back([&] {
      while (!done) drain();
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    Record(SignalOf(absl::StrCat("u", round), "1"));
    now_us_ += 3 * kSecondUs;
    now_us = now_us_;
    // Now and then nothing is left before more comes.
    if (round % 10 == 0) {
      ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(30), [&] {
        now_us_ += kSecondUs;
        now_us = now_us_;
        return queue_.Depths()->empty();
      }));
    }
  }
  done = true;
  for (std::thread& claimer : claimers) claimer.join();
  now_us = now_us_ + kHourUs;
  drain();
  int64_t told = 0;
  for (const auto& [id, count] : counts) told += count;
  EXPECT_EQ(told, kRounds);
  EXPECT_GE(counts.size(), 6u);
}

QP_OVER_BOTH_DATABASES(DeliveryQueueTest);

}  // namespace
}  // namespace quotaplane
