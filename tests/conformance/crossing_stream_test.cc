// The stream of crossings: what was handed to a reader that is gone comes again and no other way,
// it is bounded, and marks go with their counters.
#include "libs/counters/redis/crossing_stream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "libs/counters/redis/layout.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "tests/conformance/store_under_test.h"
#include "tests/conformance/windows.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kHourUs = 3'600 * kSecondUs;
constexpr int64_t kStartUs = 1'774'738'000'000'000;
constexpr int kPartitions = 4;
constexpr int kMost = 1'000;

class CrossingStreamTest : public testing::Test {
 protected:
  CrossingStreamTest() : store_(server_.unix_url(), kPartitions) { store_.SetNow(kStartUs); }

  CrossingStreamOptions Options(const std::string& reader,
                                absl::Duration abandoned_after = absl::Minutes(5)) {
    CrossingStreamOptions options;
    options.partitions = kPartitions;
    options.reader = reader;
    options.abandoned_after = abandoned_after;
    return options;
  }

  // Takes a counter of the org to its one threshold.
  void Cross(const std::string& org, const std::string& counter) {
    CounterUse use;
    use.counter = HashOf(org + "/" + counter);
    use.window = &month_;
    use.charge = 10;
    use.thresholds = {10};
    CommitCall call;
    call.key = {org, counter};
    call.record = true;
    call.ledger_record = "ledger";
    call.uses = {use};
    call.describe = [name = org + "/" + counter](const Digest&, int64_t) { return name; };
    const absl::StatusOr<CommitResult> result = store_.Commit(call);
    ASSERT_TRUE(result.ok()) << result.status();
  }

  static std::vector<std::string> Names(const std::vector<CrossingSource::Message>& messages) {
    std::vector<std::string> names;
    for (const auto& one : messages) names.push_back(one.crossing.description);
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<CrossingSource::Message> Read(CrossingStream* stream) {
    auto read = stream->Read(kMost);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *std::move(read) : std::vector<CrossingSource::Message>{};
  }

  CrossingDepth Depth() {
    const auto depth = ReadCrossingDepth(store_.client(), kPartitions, absl::Seconds(10));
    EXPECT_TRUE(depth.ok()) << depth.status();
    return depth.ok() ? *depth : CrossingDepth{};
  }

  int64_t Keys(const std::string& pattern) {
    return static_cast<int64_t>(server_.Command({"KEYS", pattern}).elements.size());
  }

  using NameList = std::vector<std::string>;
  const WindowSpec month_ = MakeWindow("month", "Europe/Berlin");
  fixtures::RedisServer server_;
  StoreUnderTest store_;
};

TEST_F(CrossingStreamTest, WhatIsAcknowledgedIsGone) {
  CrossingStream stream(&store_.client(), Options("a"));
  EXPECT_TRUE(Read(&stream).empty());
  for (int i = 0; i < 10; ++i) Cross("org" + std::to_string(i), "c");
  EXPECT_EQ(Depth().waiting, 10);
  const auto messages = Read(&stream);
  EXPECT_EQ(messages.size(), 10u);
  EXPECT_TRUE(Read(&stream).empty()) << "handed out once";
  ASSERT_TRUE(stream.Acknowledge(messages).ok());
  ASSERT_TRUE(stream.Acknowledge(messages).ok()) << "again: they count as done";
  stream.Reopen();
  EXPECT_TRUE(Read(&stream).empty());
  EXPECT_EQ(Depth().waiting, 0);
}

TEST_F(CrossingStreamTest, AReaderThatWasKilledGetsItsOwnAgain) {
  Cross("acme", "a");
  std::string occurrence;
  {
    CrossingStream killed(&store_.client(), Options("a"));
    const auto messages = Read(&killed);
    ASSERT_EQ(Names(messages), NameList{"acme/a"});
    occurrence = messages[0].crossing.Occurrence();
  }
  Cross("acme", "b");
  CrossingStream restarted(&store_.client(), Options("a"));
  const auto again = Read(&restarted);
  ASSERT_EQ(Names(again), NameList{"acme/a"});
  EXPECT_EQ(again[0].crossing.Occurrence(), occurrence) << "so that it is told once";
  EXPECT_EQ(Names(Read(&restarted)), NameList{"acme/b"});
}

TEST_F(CrossingStreamTest, AnotherReaderTakesOverWhatWasAbandoned) {
  Cross("acme", "a");
  CrossingStream gone(&store_.client(), Options("gone"));
  const auto messages = Read(&gone);
  ASSERT_EQ(messages.size(), 1u);
  CrossingStream patient(&store_.client(), Options("patient"));
  EXPECT_TRUE(Read(&patient).empty()) << "not before it has been silent for long";
  CrossingStream heir(&store_.client(), Options("heir", absl::Milliseconds(1)));
  std::vector<CrossingSource::Message> taken;
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(10), [&] {
    taken = Read(&heir);
    return !taken.empty();
  }));
  EXPECT_EQ(taken[0].crossing, messages[0].crossing);
  ASSERT_TRUE(heir.Acknowledge(taken).ok());
  ASSERT_TRUE(gone.Acknowledge(messages).ok()) << "too late, and no harm";
}

TEST_F(CrossingStreamTest, AStoreThatWasEmptiedIsReadAgain) {
  CrossingStream stream(&store_.client(), Options("a"));
  Cross("acme", "a");
  ASSERT_TRUE(stream.Acknowledge(Read(&stream)).ok());
  server_.Command({"FLUSHALL"});
  Cross("acme", "b");
  EXPECT_TRUE(Read(&stream).empty()) << "finds that its groups are gone";
  EXPECT_EQ(Names(Read(&stream)), NameList{"acme/b"});
}

TEST_F(CrossingStreamTest, WhatNobodyReadsIsBoundedAndCounted) {
  const std::string partition = "{p" + std::to_string(PartitionOf("acme", kPartitions)) + "}";
  server_.Command({"EVAL", "for i = 1, 100000 do redis.call('XADD', KEYS[1], '*', 'c', 'old') end",
                   "1", partition + "a"});
  Cross("acme", "a");
  Cross("acme", "b");
  EXPECT_EQ(Depth().waiting, 100'000);
  EXPECT_EQ(Depth().dropped, 2);
  // Bytes that are no crossing are thrown away.
  CrossingStream stream(&store_.client(), Options("a"));
  std::vector<std::string> names;
  for (int round = 0; round < 1'000 && Depth().waiting > 0; ++round) {
    auto read = stream.Read(100'000);
    ASSERT_TRUE(read.ok()) << read.status();
    for (const std::string& name : Names(*read)) names.push_back(name);
    ASSERT_TRUE(stream.Acknowledge(*read).ok());
  }
  EXPECT_EQ(names, (NameList{"acme/a", "acme/b"}));
}

// 200 bytes for a mark of three thresholds, and only of counters that came to one.
TEST_F(CrossingStreamTest, MarksAreSmallAndGoWithTheirCounters) {
  CounterUse use;
  use.counter = HashOf("quiet");
  use.window = &month_;
  use.charge = 1;
  use.thresholds = {50, 80, 100};
  CommitCall call;
  call.key = {"acme", "quiet"};
  call.record = true;
  call.ledger_record = "ledger";
  call.uses = {use};
  ASSERT_TRUE(store_.Commit(call).ok());
  EXPECT_EQ(Keys("{p*}t*"), 0);
  call.key.id = "loud";
  call.uses[0].charge = 99;
  ASSERT_TRUE(store_.Commit(call).ok());
  const auto marks = server_.Command({"KEYS", "{p*}t*"}).elements;
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_LE(server_.Command({"MEMORY", "USAGE", marks[0].text}).integer, 200);
  // A hundred edits of the amount: the last 64 thresholds are kept.
  for (int64_t i = 0; i < 100; ++i) {
    call.key.id = "edit" + std::to_string(i);
    call.uses[0].charge = 1;
    call.uses[0].thresholds = {i + 1};
    ASSERT_TRUE(store_.Commit(call).ok());
  }
  EXPECT_EQ(server_.Command({"STRLEN", marks[0].text}).integer, 8 + 64 * 16);
  const int partition = PartitionOf("acme", kPartitions);
  ASSERT_TRUE(store_.Collect(partition, 100).ok());
  EXPECT_EQ(Keys("{p*}t*"), 1);
  store_.SetNow(PeriodAt(month_, kStartUs).end_us + 2 * kHourUs);
  ASSERT_TRUE(store_.Collect(partition, 100).ok());
  EXPECT_EQ(Keys("{p*}t*"), 0);
  EXPECT_EQ(Keys("{p*}c*"), 0);
}

}  // namespace
}  // namespace quotaplane
