#include "services/alerts/crossing_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/admission/thresholds.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(20);

// As the store's source: what was handed out comes again only after Reopen.
class FakeSource : public CrossingSource {
 public:
  void Put(const std::string& id, const std::string& description) {
    absl::MutexLock lock(&mutex_);
    Message message{0, id, {}};
    message.crossing.counter = HashOf(id);
    message.crossing.threshold = message.crossing.committed = 80;
    message.crossing.at_us = 1'775'500'000'000'000;
    message.crossing.description = description;
    waiting_.push_back(std::move(message));
  }
  absl::StatusOr<std::vector<Message>> Read(int most) override {
    absl::MutexLock lock(&mutex_);
    ++reads_;
    if (away_) return absl::UnavailableError("away");
    std::vector<Message> read;
    while (next_ < waiting_.size() && read.size() < static_cast<size_t>(most)) {
      read.push_back(waiting_[next_++]);
    }
    return read;
  }
  absl::Status Acknowledge(std::span<const Message> messages) override {
    absl::MutexLock lock(&mutex_);
    for (const Message& message : messages) acknowledged_.push_back(message.id);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(messages.size()));
    next_ -= messages.size();
    return absl::OkStatus();
  }
  void Reopen() override {
    absl::MutexLock lock(&mutex_);
    next_ = 0;
  }

  void SetAway(bool away) {
    absl::MutexLock lock(&mutex_);
    away_ = away;
  }
  bool WaitAcknowledged(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto done = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return acknowledged_.size() >= count;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&done), kPatience);
  }
  bool WaitReads(int64_t more) {
    absl::MutexLock lock(&mutex_);
    const int64_t until = reads_ + more;
    const auto done = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reads_ >= until; };
    return mutex_.AwaitWithTimeout(absl::Condition(&done), kPatience);
  }
  std::vector<std::string> acknowledged() {
    absl::MutexLock lock(&mutex_);
    return acknowledged_;
  }

 private:
  absl::Mutex mutex_;
  std::deque<Message> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t reads_ ABSL_GUARDED_BY(mutex_) = 0;
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> acknowledged_ ABSL_GUARDED_BY(mutex_);
};

std::string Readable() {
  return EncodeThresholdLimits(
      {{"month", 800, 100, "requests", "month UTC", "{org=acme}", {{"org", "acme"}}}});
}

class CrossingReaderTest : public ::testing::Test {
 protected:
  // Records the signals, once `failures_` are used up.
  absl::Status Record(absl::Span<const Signal> signals) {
    absl::MutexLock lock(&mutex_);
    if (failures_ > 0) {
      --failures_;
      return absl::UnavailableError("the database is away");
    }
    for (const Signal& signal : signals) recorded_.push_back(signal.occurrence);
    return absl::OkStatus();
  }
  std::unique_ptr<CrossingReader> Start() {
    return std::make_unique<CrossingReader>(
        &source_, [this] { return policies_; },
        [this](absl::Span<const Signal> signals) { return Record(signals); },
        absl::Milliseconds(1));
  }
  size_t recorded() {
    absl::MutexLock lock(&mutex_);
    return recorded_.size();
  }

  FakeSource source_;
  const std::shared_ptr<const PolicySet> policies_ =
      std::make_shared<const PolicySet>(*Policy::Build(PolicyDocument()));
  absl::Mutex mutex_;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> recorded_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(CrossingReaderTest, KeepsThemAndThenAcknowledges) {
  source_.Put("1", Readable());
  source_.Put("2", Readable());
  const auto reader = Start();
  ASSERT_TRUE(source_.WaitAcknowledged(2));
  EXPECT_THAT(source_.acknowledged(), ElementsAre("1", "2"));
  EXPECT_EQ(recorded(), 2);
}

TEST_F(CrossingReaderTest, WhatCouldNotBeKeptIsTakenAgain) {
  failures_ = 3;
  source_.Put("1", Readable());
  const auto reader = Start();
  ASSERT_TRUE(source_.WaitAcknowledged(1));
  EXPECT_EQ(recorded(), 1);
  EXPECT_THAT(source_.acknowledged(), ElementsAre("1"));
}

TEST_F(CrossingReaderTest, WhatNobodyCanReadHoldsUpNoOther) {
  source_.Put("1", "no such thing");
  source_.Put("2", Readable());
  const auto reader = Start();
  ASSERT_TRUE(source_.WaitAcknowledged(2));
  EXPECT_EQ(recorded(), 1);
  EXPECT_EQ(reader->stats().unreadable, 1);
}

TEST_F(CrossingReaderTest, GoesOnOnceTheStoreIsBack) {
  source_.SetAway(true);
  const auto reader = Start();
  ASSERT_TRUE(source_.WaitReads(3));
  EXPECT_TRUE(reader->stats().away);
  source_.Put("1", Readable());
  source_.SetAway(false);
  ASSERT_TRUE(source_.WaitAcknowledged(1));
}

TEST_F(CrossingReaderTest, StopsWhileTheStoreIsAwayAndLeavesWhatWaits) {
  source_.SetAway(true);
  source_.Put("1", Readable());
  auto reader = Start();
  ASSERT_TRUE(source_.WaitReads(2));
  reader.reset();
  EXPECT_THAT(source_.acknowledged(), IsEmpty());
  EXPECT_EQ(recorded(), 0);
}

}  // namespace
}  // namespace quotaplane
