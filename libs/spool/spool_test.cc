#include "libs/spool/spool.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/spool/frame.h"
#include "libs/spool/test_disk.h"
#include "libs/spool/test_support.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::spool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Duration kLong = absl::Seconds(20);

std::vector<std::string> SegmentsIn(const std::string& dir) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() == ".spool") names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class SpoolTest : public ::testing::Test {
 protected:
  const fixtures::TempDir temp_;
  const std::string dir_ = temp_.File("spool");
};

TEST_F(SpoolTest, ComesOutInOrderAndOnce) {
  const auto spool = MustOpen(dir_);
  for (const char* record : {"a", "b", "c"}) EXPECT_TRUE(AppendAndWait(*spool, record).ok());
  const std::optional<Spool::Entry> first = spool->Next(absl::ZeroDuration());
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->record, "a");
  EXPECT_EQ(first->position, 1u);
  EXPECT_THAT(Drain(*spool), ElementsAre("b", "c"));
  EXPECT_THAT(Drain(*spool), IsEmpty());
  const SpoolStats stats = spool->stats();
  EXPECT_EQ(stats.appended, 3);
  EXPECT_EQ(stats.records, 3);
  EXPECT_EQ(stats.bytes, 3 * (24 + 1));
  EXPECT_EQ(stats.acknowledged, 0);
}

TEST_F(SpoolTest, SurvivesReopenUntilAcknowledged) {
  {
    const auto spool = MustOpen(dir_);
    for (const char* record : {"a", "b", "c"}) EXPECT_TRUE(AppendAndWait(*spool, record).ok());
    Drain(*spool);
    spool->Acknowledge(1);
    EXPECT_EQ(spool->stats().records, 2);
  }
  {
    const auto spool = MustOpen(dir_);
    EXPECT_EQ(spool->stats().records, 2);
    EXPECT_EQ(spool->stats().bytes, 2 * (24 + 1));
    EXPECT_TRUE(AppendAndWait(*spool, "d").ok());
    uint64_t last = 0;
    EXPECT_THAT(Drain(*spool, &last), ElementsAre("b", "c", "d"));
    EXPECT_EQ(last, 4u);
    spool->Acknowledge(last);
    EXPECT_EQ(spool->stats().records, 0);
    EXPECT_EQ(spool->stats().bytes, 0);
    EXPECT_EQ(spool->stats().acknowledged, 3);
  }
  const auto spool = MustOpen(dir_);
  EXPECT_THAT(Drain(*spool), IsEmpty());
  EXPECT_TRUE(AppendAndWait(*spool, "e").ok());
  const std::optional<Spool::Entry> entry = spool->Next(absl::ZeroDuration());
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->position, 5u);
}

TEST_F(SpoolTest, RewindStartsAtTheOldestUnacknowledged) {
  const auto spool = MustOpen(dir_, {.segment_bytes = 60});
  for (int i = 1; i <= 9; ++i) EXPECT_TRUE(AppendAndWait(*spool, absl::StrCat(i)).ok());
  EXPECT_EQ(Drain(*spool).size(), 9u);
  spool->Rewind();
  EXPECT_EQ(spool->Next(absl::ZeroDuration())->record, "1");
  spool->Acknowledge(5);  // read before the Rewind
  EXPECT_EQ(spool->Next(absl::ZeroDuration())->record, "6");
  spool->Rewind();
  EXPECT_THAT(Drain(*spool), ElementsAre("6", "7", "8", "9"));
  spool->Acknowledge(100);  // no further than what was read
  EXPECT_EQ(spool->stats().records, 0);
  EXPECT_TRUE(AppendAndWait(*spool, "10").ok());
  spool->Rewind();
  EXPECT_THAT(Drain(*spool), ElementsAre("10"));
}

TEST_F(SpoolTest, NextWaitsAndWakes) {
  const auto spool = MustOpen(dir_);
  const absl::Time start = absl::Now();
  EXPECT_FALSE(spool->Next(absl::Milliseconds(20)).has_value());
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(20));
  std::thread appender([&] { EXPECT_TRUE(AppendAndWait(*spool, "x").ok()); });
  const std::optional<Spool::Entry> entry = spool->Next(absl::InfiniteDuration());
  appender.join();
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->record, "x");
}

TEST_F(SpoolTest, DirectoryIsPrivateAndAnEmptySpoolHasNoSegments) {
  const auto spool = MustOpen(dir_);
  struct stat info = {};
  ASSERT_EQ(::stat(dir_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_TRUE(AppendAndWait(*spool, "x").ok());
  EXPECT_THAT(SegmentsIn(dir_), ElementsAre("0000000000000001.spool"));
  spool->Acknowledge(spool->Next(absl::ZeroDuration())->position);
  EXPECT_TRUE(fixtures::PollUntil(kLong, [&] { return SegmentsIn(dir_).empty(); }));
  EXPECT_TRUE(AppendAndWait(*spool, "y").ok());
  EXPECT_THAT(SegmentsIn(dir_), ElementsAre("0000000000000002.spool"));
  EXPECT_THAT(Drain(*spool), ElementsAre("y"));
}

TEST_F(SpoolTest, RollsSegmentsAndRemovesThoseDoneWith) {
  const auto spool = MustOpen(dir_, {.segment_bytes = 100});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(AppendAndWait(*spool, std::string(26, 'r')).ok());
  EXPECT_EQ(SegmentsIn(dir_).size(), 5u);  // two of 50 bytes each
  EXPECT_EQ(Drain(*spool).size(), 10u);
  spool->Acknowledge(5);
  EXPECT_TRUE(fixtures::PollUntil(kLong, [&] { return SegmentsIn(dir_).size() == 3; }));
  EXPECT_EQ(SegmentsIn(dir_)[0], "0000000000000005.spool");
}

TEST_F(SpoolTest, RecordLargerThanASegmentHasOneOfItsOwn) {
  const auto spool = MustOpen(dir_, {.segment_bytes = 10});
  const std::string large(5000, 'L');
  for (const std::string& record : {large, std::string("s"), large}) {
    EXPECT_TRUE(AppendAndWait(*spool, record).ok());
  }
  EXPECT_EQ(SegmentsIn(dir_).size(), 3u);
  EXPECT_THAT(Drain(*spool), ElementsAre(large, "s", large));
}

TEST_F(SpoolTest, BadRecordsAreRefused) {
  const auto spool = MustOpen(dir_, {.max_record_bytes = 10});
  EXPECT_EQ(AppendAndWait(*spool, "").code(), absl::StatusCode::kInvalidArgument);
  const absl::Status large = AppendAndWait(*spool, std::string(11, 'x'));
  EXPECT_EQ(large.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(large.message()), HasSubstr("1 to 10 bytes, this one 11"));
  EXPECT_TRUE(AppendAndWait(*spool, std::string(10, 'x')).ok());
  const std::string binary("\0\xff\n\0", 4);
  EXPECT_TRUE(AppendAndWait(*spool, binary).ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("xxxxxxxxxx", binary));
}

TEST_F(SpoolTest, BadOptionsAreRefused) {
  for (const SpoolOptions& options :
       {SpoolOptions{.max_record_bytes = 0}, SpoolOptions{.max_record_bytes = int64_t{1} << 31},
        SpoolOptions{.max_bytes = 1 << 20}, SpoolOptions{.max_waiting_bytes = 100},
        SpoolOptions{.segment_bytes = 0}}) {
    EXPECT_EQ(Spool::Open(dir_, options).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(SpoolTest, FullIsAClearErrorUntilAcknowledged) {
  const auto spool = MustOpen(dir_, {.max_bytes = 100, .max_record_bytes = 50});
  EXPECT_TRUE(AppendAndWait(*spool, std::string(26, 'a')).ok());
  EXPECT_TRUE(AppendAndWait(*spool, std::string(26, 'b')).ok());
  const absl::Status full = AppendAndWait(*spool, "c");
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("full: 100 of 100 bytes"));
  spool->Acknowledge(spool->Next(absl::ZeroDuration())->position);
  EXPECT_TRUE(AppendAndWait(*spool, "c").ok());
  EXPECT_THAT(Drain(*spool), ElementsAre(std::string(26, 'b'), "c"));
}

TEST_F(SpoolTest, SecondOwnerIsRefused) {
  auto spool = MustOpen(dir_);
  const absl::Status second = Spool::Open(dir_).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr("in use"));
  spool.reset();
  EXPECT_NE(MustOpen(dir_), nullptr);
}

TEST_F(SpoolTest, DestructorFinishesWhatWaits) {
  std::vector<std::future<absl::Status>> results;
  {
    const auto spool = MustOpen(dir_);
    for (int i = 0; i < 1000; ++i) results.push_back(AppendLater(*spool, absl::StrCat(i)));
  }
  for (auto& result : results) EXPECT_TRUE(result.get().ok());
  const auto spool = MustOpen(dir_);
  const std::vector<std::string> records = Drain(*spool);
  ASSERT_EQ(records.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(records[i], absl::StrCat(i));
}

TEST_F(SpoolTest, AppendFromWithinDone) {
  std::promise<absl::Status> second;
  const auto spool = MustOpen(dir_);
  spool->Append("1", [&](absl::Status first) {
    EXPECT_TRUE(first.ok());
    spool->Append("2", [&](absl::Status status) { second.set_value(std::move(status)); });
  });
  EXPECT_TRUE(second.get_future().get().ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("1", "2"));
}

TEST_F(SpoolTest, TornTailIsCutOff) {
  {
    const auto spool = MustOpen(dir_);
    EXPECT_TRUE(AppendAndWait(*spool, "whole").ok());
  }
  const std::string path = dir_ + "/0000000000000001.spool";
  std::string frame;
  AppendFrame(2, "never reported", frame);
  std::ofstream(path, std::ios::app | std::ios::binary) << frame.substr(0, frame.size() - 1);
  const auto spool = MustOpen(dir_);
  EXPECT_EQ(std::filesystem::file_size(path), 24u + 5u);
  EXPECT_EQ(spool->stats().damaged_records, 0);
  EXPECT_TRUE(AppendAndWait(*spool, "next").ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("whole", "next"));
}

// Against the simplest queue there is: random appends, reads, acknowledgements, rewinds,
// reopenings.
TEST_F(SpoolTest, AgreesWithADequeOverRandomSteps) {
  constexpr uint64_t kSeeds = 20;
  constexpr int kSteps = 1000;
  UnflushedDisk disk;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    const SpoolOptions options = {.max_bytes = 4000,
                                  .segment_bytes = static_cast<int64_t>(1 + random() % 500),
                                  .max_record_bytes = 200,
                                  .file_ops = &disk};
    const std::string dir = temp_.File(absl::StrCat("seed", seed));
    auto spool = MustOpen(dir, options);
    std::deque<Spool::Entry> oracle;  // not acknowledged
    size_t read = 0;                  // how many of those Next has given
    int64_t bytes = 0;
    uint64_t next = 1;
    for (int step = 0; step < kSteps; ++step) {
      const uint64_t kind = random() % 100;
      if (kind < 50) {
        std::string record(1 + random() % 200, static_cast<char>('a' + random() % 26));
        const auto frame = static_cast<int64_t>(24 + record.size());
        const absl::Status status = AppendAndWait(*spool, record);
        ASSERT_EQ(status.ok(), bytes + frame <= options.max_bytes) << status;
        if (!status.ok()) continue;
        bytes += frame;
        oracle.push_back({next++, std::move(record)});
      } else if (kind < 80) {
        const std::optional<Spool::Entry> entry = spool->Next(absl::ZeroDuration());
        ASSERT_EQ(entry.has_value(), read < oracle.size());
        if (!entry) continue;
        ASSERT_EQ(entry->position, oracle[read].position);
        ASSERT_EQ(entry->record, oracle[read].record);
        ++read;
      } else if (kind < 95) {
        if (read == 0) continue;
        const size_t count = 1 + random() % read;
        spool->Acknowledge(oracle[count - 1].position);
        for (size_t i = 0; i < count; ++i) {
          bytes -= static_cast<int64_t>(24 + oracle.front().record.size());
          oracle.pop_front();
        }
        read -= count;
      } else {
        if (kind < 98) {
          spool->Rewind();
        } else {
          spool.reset();
          spool = MustOpen(dir, options);
        }
        read = 0;
      }
      ASSERT_EQ(spool->stats().records, static_cast<int64_t>(oracle.size()));
      ASSERT_EQ(spool->stats().bytes, bytes);
    }
  }
}

}  // namespace
}  // namespace quotaplane::spool
