#include <atomic>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "libs/spool/file_ops.h"
#include "libs/spool/spool.h"
#include "libs/spool/test_support.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::spool {
namespace {

TEST(SpoolConcurrentTest, EightAppendersOneReader) {
  constexpr int kThreads = 8;
  constexpr int kEach = 500;
  const fixtures::TempDir temp;
  const auto spool = MustOpen(temp.File("spool"), {.segment_bytes = 8192});
  std::atomic<int> durable = 0;
  std::vector<std::thread> appenders;
  for (int t = 0; t < kThreads; ++t) {
    appenders.emplace_back([&, t] {
      std::vector<std::future<absl::Status>> waiting;
      for (int i = 0; i < kEach; ++i) {
        waiting.push_back(AppendLater(*spool, absl::StrCat(t, " ", i)));
        if (i % 10 == 9) {
          for (auto& append : waiting) durable += append.get().ok() ? 1 : 0;
          waiting.clear();
        }
      }
    });
  }
  std::thread watcher([&] {
    while (durable < kThreads * kEach) {
      const SpoolStats stats = spool->stats();
      EXPECT_EQ(stats.appended - stats.acknowledged, stats.records);
      EXPECT_GE(stats.bytes, stats.records * 24);
    }
  });
  std::map<int, int> next;  // by thread
  for (int n = 0; n < kThreads * kEach; ++n) {
    const std::optional<Spool::Entry> entry = spool->Next(absl::Seconds(60));
    ASSERT_TRUE(entry.has_value());
    const std::vector<std::string> words = absl::StrSplit(entry->record, ' ');
    int thread = -1;
    int index = -1;
    ASSERT_TRUE(absl::SimpleAtoi(words.at(0), &thread) && absl::SimpleAtoi(words.at(1), &index));
    ASSERT_EQ(index, next[thread]++);
    if (n % 7 == 0) spool->Acknowledge(entry->position);
    if (n % 1000 == 999) spool->Acknowledge(entry->position);
  }
  for (std::thread& appender : appenders) appender.join();
  watcher.join();
  EXPECT_EQ(durable, kThreads * kEach);
  EXPECT_FALSE(spool->Next(absl::ZeroDuration()).has_value());
  EXPECT_EQ(spool->stats().records, 0);
}

TEST(SpoolConcurrentTest, ClosingWhileAppendsWait) {
  for (int round = 0; round < 20; ++round) {
    const fixtures::TempDir temp;
    std::atomic<int> reported = 0;
    {
      const auto spool = MustOpen(temp.File("spool"));
      std::vector<std::thread> appenders;
      for (int t = 0; t < 8; ++t) {
        appenders.emplace_back([&] {
          for (int i = 0; i < 20; ++i) {
            spool->Append("x", [&](absl::Status status) { reported += status.ok() ? 1 : 0; });
          }
        });
      }
      for (std::thread& appender : appenders) appender.join();
    }
    EXPECT_EQ(reported, 8 * 20);
  }
}

TEST(SpoolConcurrentTest, SlowDiskBoundsWhatWaits) {
  class GatedDisk : public FileOps {
   public:
    int FlushData(int fd) override {
      opened.wait();
      return FileOps::FlushData(fd);
    }
    std::promise<void> open;
    std::shared_future<void> opened = open.get_future().share();
  };
  const fixtures::TempDir temp;
  GatedDisk disk;
  const auto spool = MustOpen(
      temp.File("spool"), {.max_record_bytes = 100, .max_waiting_bytes = 1000, .file_ops = &disk});
  std::vector<std::future<absl::Status>> taken;
  for (int i = 0; i < 10; ++i) taken.push_back(AppendLater(*spool, std::string(76, 'x')));
  const absl::Status refused = AppendAndWait(*spool, "x");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(refused.message().find("too slow: 1000 of 1000 bytes"), std::string::npos) << refused;
  disk.open.set_value();
  for (auto& append : taken) EXPECT_TRUE(append.get().ok());
  EXPECT_TRUE(AppendAndWait(*spool, "x").ok());
}

}  // namespace
}  // namespace quotaplane::spool
