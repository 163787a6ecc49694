// A disk that refuses, fails or loses power at any step: what was reported durable comes out, in
// order, once; what was reported as failed does not.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/spool/spool.h"
#include "libs/spool/test_disk.h"
#include "libs/spool/test_support.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::spool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SpoolFaultsTest : public ::testing::Test {
 protected:
  SpoolOptions Options() { return {.segment_bytes = 120, .file_ops = &disk_}; }

  const fixtures::TempDir temp_;
  const std::string dir_ = temp_.File("spool");
  FailingDisk disk_;
};

TEST_F(SpoolFaultsTest, FullDiskIsRefusedAndHeals) {
  const auto spool = MustOpen(dir_, Options());
  ASSERT_TRUE(AppendAndWait(*spool, "before").ok());
  disk_.FailAt(0, 1'000'000, ENOSPC);
  for (int i = 0; i < 10; ++i) {
    const absl::Status full = AppendAndWait(*spool, "refused");
    EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(full.message()), HasSubstr("No space left on device"));
  }
  EXPECT_EQ(spool->stats().records, 1);
  disk_.Heal();
  ASSERT_TRUE(AppendAndWait(*spool, "after").ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("before", "after"));
}

TEST_F(SpoolFaultsTest, FailedFlushMovesOnToANewSegment) {
  const auto spool = MustOpen(dir_, Options());
  ASSERT_TRUE(AppendAndWait(*spool, "1").ok());
  disk_.FailAt(1, 1, EIO);  // the write, then its flush
  ASSERT_TRUE(AppendAndWait(*spool, "2").ok());
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/0000000000000002.spool"));
  EXPECT_EQ(std::filesystem::file_size(dir_ + "/0000000000000001.spool"), 24u + 1u);
  ASSERT_TRUE(AppendAndWait(*spool, "3").ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("1", "2", "3"));
}

TEST_F(SpoolFaultsTest, WhatCouldNotBeTakenBackIsVoid) {
  {
    const auto spool = MustOpen(dir_, Options());
    ASSERT_TRUE(AppendAndWait(*spool, "1").ok());
    disk_.FailAt(1, 2, EIO, /*truncate_fails=*/true);
    ASSERT_TRUE(AppendAndWait(*spool, "2").ok());
    // The old segment still holds its own "2", flushed or not.
    EXPECT_EQ(std::filesystem::file_size(dir_ + "/0000000000000001.spool"), 2 * (24u + 1u));
    EXPECT_THAT(Drain(*spool), ElementsAre("1", "2"));
  }
  const auto spool = MustOpen(dir_, Options());
  EXPECT_THAT(Drain(*spool), ElementsAre("1", "2"));
  EXPECT_EQ(spool->stats().damaged_records, 0);
}

TEST_F(SpoolFaultsTest, WhatWasReportedAsFailedStaysAwayEvenIfNotTakenBack) {
  {
    const auto spool = MustOpen(dir_, Options());
    ASSERT_TRUE(AppendAndWait(*spool, "1").ok());
    disk_.FailAt(1, 1'000'000, EIO, /*truncate_fails=*/true);
    EXPECT_EQ(AppendAndWait(*spool, "failed").code(), absl::StatusCode::kInternal);
    disk_.Heal();
    EXPECT_EQ(std::filesystem::file_size(dir_ + "/0000000000000001.spool"), 24u + 1u + 24u + 6u);
    ASSERT_TRUE(AppendAndWait(*spool, "2").ok());
  }
  const auto spool = MustOpen(dir_, Options());
  EXPECT_THAT(Drain(*spool), ElementsAre("1", "2"));
  EXPECT_EQ(spool->stats().damaged_records, 0);
}

TEST_F(SpoolFaultsTest, BrokenDiskIsAnErrorNotAStall) {
  const auto spool = MustOpen(dir_, Options());
  disk_.FailAt(0, 1'000'000, EIO);
  EXPECT_EQ(AppendAndWait(*spool, "x").code(), absl::StatusCode::kInternal);
  disk_.Heal();
  EXPECT_TRUE(AppendAndWait(*spool, "y").ok());
  EXPECT_THAT(Drain(*spool), ElementsAre("y"));
}

TEST_F(SpoolFaultsTest, RoomComesBackEvenWithoutTheCursor) {
  const auto spool = MustOpen(dir_, Options());
  ASSERT_TRUE(AppendAndWait(*spool, "x").ok());
  const std::string segment = dir_ + "/0000000000000001.spool";
  ASSERT_TRUE(std::filesystem::exists(segment));
  const uint64_t position = spool->Next(absl::ZeroDuration())->position;
  disk_.FailAt(0, 1, ENOSPC);  // the creation of the new cursor
  spool->Acknowledge(position);
  EXPECT_TRUE(
      fixtures::PollUntil(absl::Seconds(20), [&] { return !std::filesystem::exists(segment); }));
  EXPECT_TRUE(AppendAndWait(*spool, "y").ok());
}

// One script, every operation of it failed in turn: once, twice in a row, or from there on.
TEST_F(SpoolFaultsTest, EveryOperationMayFail) {
  int64_t operations = 0;
  for (const int error : {ENOSPC, EIO}) {
    for (const int64_t count : {1, 2, 1'000'000}) {
      for (int64_t at = 0; at == 0 || at < operations; ++at) {
        SCOPED_TRACE(
            absl::StrCat("errno ", error, ", operation ", at, " and ", count - 1, " more"));
        const std::string dir = temp_.File(absl::StrCat(error, "-", count, "-", at));
        disk_.Heal();
        std::vector<std::string> durable;
        uint64_t consumed = 0;
        {
          const auto spool = MustOpen(dir, Options());
          disk_.FailAt(at, count, error);
          for (int i = 0; i < 12; ++i) {
            std::string record = absl::StrCat("record ", i);
            if (AppendAndWait(*spool, record).ok()) durable.push_back(std::move(record));
            if (i == 8) {
              for (int n = 0; n < 8; ++n) {
                const std::optional<Spool::Entry> entry = spool->Next(absl::ZeroDuration());
                if (!entry) break;
                ASSERT_EQ(entry->record, durable[consumed++]);
                spool->Acknowledge(entry->position);
              }
            }
          }
          ASSERT_EQ(spool->stats().records + static_cast<int64_t>(consumed),
                    static_cast<int64_t>(durable.size()));
        }
        operations = std::max(operations, disk_.operations());
        disk_.Heal();
        const auto spool = MustOpen(dir, Options());
        std::vector<std::string> left = Drain(*spool);
        // Acknowledged ones may come again where the cursor could not be written; no other change
        // is allowed.
        ASSERT_GE(left.size(), durable.size() - consumed);
        ASSERT_LE(left.size(), durable.size());
        EXPECT_TRUE(std::equal(left.rbegin(), left.rend(), durable.rbegin()));
        EXPECT_EQ(spool->stats().damaged_records, 0);
        EXPECT_TRUE(AppendAndWait(*spool, "healed").ok());
      }
    }
  }
  EXPECT_GT(operations, 30);
}

TEST_F(SpoolFaultsTest, UnreadableBlockCostsItsRecordsOnly) {
  // Reads that touch [4096, 8192) fail, as for a bad sector.
  class BadSector : public UnflushedDisk {
   public:
    ssize_t ReadAt(int fd, char* data, size_t size, int64_t offset) override {
      if (broken && offset < 8192 && offset + static_cast<int64_t>(size) > 4096) {
        errno = EIO;
        return -1;
      }
      return FileOps::ReadAt(fd, data, size, offset);
    }
    bool broken = false;
  };
  BadSector disk;
  {
    const auto spool = MustOpen(dir_, {.file_ops = &disk});
    for (int i = 0; i < 160; ++i) {  // 100 bytes each
      ASSERT_TRUE(AppendAndWait(*spool, absl::StrCat(1000 + i, std::string(72, '.'))).ok());
    }
  }
  disk.broken = true;
  const auto spool = MustOpen(dir_, {.file_ops = &disk});
  const std::vector<std::string> left = Drain(*spool);
  EXPECT_EQ(spool->stats().damaged_records, 42);  // records 40 to 81 touch the block
  ASSERT_EQ(left.size(), 160u - 42u);
  EXPECT_EQ(left[39].substr(0, 4), "1039");
  EXPECT_EQ(left[40].substr(0, 4), "1082");
}

// The kernel's own limit on the size of a file, in a process of its own since the limit is the
// process's.
TEST_F(SpoolFaultsTest, FileSizeLimitOfTheSystem) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int durable = 0;
    bool refused = false;
    {
      const auto spool = MustOpen(dir_);
      while (durable < 100 && !refused) {
        const absl::Status status =
            AppendAndWait(*spool, absl::StrCat(durable, std::string(70, '.')));
        refused = absl::IsResourceExhausted(status);
        if (status.ok()) ++durable;
      }
      if (!refused || Drain(*spool).size() != static_cast<size_t>(durable)) ::_exit(100);
    }
    ::_exit(durable);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 10);  // of 95 bytes each, in a file of 1000
  const auto spool = MustOpen(dir_);
  EXPECT_EQ(Drain(*spool).size(), 10u);
  EXPECT_EQ(spool->stats().damaged_records, 0);
}

// Power cuts at random moments, each followed by a recovery, over one directory.
TEST_F(SpoolFaultsTest, PowerCutsLoseNothingReported) {
  constexpr uint64_t kSeeds = 10;
  constexpr int kCuts = 30;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    PowerCutDisk disk;
    const std::string dir = temp_.File(absl::StrCat("power", seed));
    const SpoolOptions options = {.segment_bytes = 300, .file_ops = &disk};
    std::vector<std::string> durable;  // in order; those before `consumed` are acknowledged
    size_t consumed = 0;
    int serial = 0;
    int64_t unreported = 0;  // under way at the last cut
    for (int cut = 0; cut < kCuts; ++cut) {
      disk.Restart();
      auto spool = MustOpen(dir, options);
      ASSERT_NE(spool, nullptr);
      // From the oldest that may come again, in order, to the last one, without a gap. (Appends
      // under way at the cut may have made it.)
      std::vector<std::string> left = Drain(*spool);
      const auto known = std::find(durable.begin(), durable.end(), left.empty() ? "" : left[0]);
      const auto start = static_cast<size_t>(known - durable.begin());
      ASSERT_LE(start, consumed) << "lost record " << consumed;
      ASSERT_GE(left.size(), durable.size() - start);
      ASSERT_TRUE(std::equal(known, durable.end(), left.begin()));
      for (size_t i = durable.size() - start; i < left.size(); ++i) durable.push_back(left[i]);
      EXPECT_LE(spool->stats().damaged_records, unreported);
      spool->Rewind();

      const auto appends = random() % 20;
      for (uint64_t i = 0; i < appends; ++i) {
        std::string record = absl::StrCat("record ", serial++, std::string(random() % 100, '.'));
        ASSERT_TRUE(AppendAndWait(*spool, record).ok());
        durable.push_back(std::move(record));
      }
      for (uint64_t reads = random() % 20; reads > 0; --reads) {
        const std::optional<Spool::Entry> entry = spool->Next(absl::ZeroDuration());
        if (!entry) break;
        consumed = static_cast<size_t>(std::find(durable.begin(), durable.end(), entry->record) -
                                       durable.begin() + 1);
        spool->Acknowledge(entry->position);
      }
      // The lights go out with some appends under way.
      std::vector<std::pair<std::string, std::future<absl::Status>>> under_way;
      for (uint64_t i = random() % 5; i > 0; --i) {
        std::string record = absl::StrCat("under way ", serial++);
        auto reported = AppendLater(*spool, record);
        under_way.emplace_back(std::move(record), std::move(reported));
      }
      disk.Freeze();
      unreported = 0;
      for (auto& [record, reported] : under_way) {
        if (reported.get().ok()) {
          durable.push_back(std::move(record));
        } else {
          ++unreported;
        }
      }
      spool.reset();
      disk.PowerCut(random);
    }
    EXPECT_GT(durable.size(), 100u);
  }
}

}  // namespace
}  // namespace quotaplane::spool
