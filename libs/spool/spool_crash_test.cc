// kill -9, again and again: a child appends, reads and acknowledges, saying through a pipe what has
// happened; it is killed at any moment; whatever it had been told is durable must then be there.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/spool/spool.h"
#include "libs/spool/test_support.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::spool {
namespace {

struct Message {
  enum Kind : uint64_t { kDurable, kConsumed };
  Kind kind;
  uint64_t serial;
};

std::string RecordOf(uint64_t serial) {
  std::string record(sizeof(serial), '\0');
  std::memcpy(record.data(), &serial, sizeof(serial));
  return record + std::string(serial % 97, static_cast<char>(serial));
}

uint64_t SerialOf(const std::string& record) {
  uint64_t serial = 0;
  std::memcpy(&serial, record.data(), sizeof(serial));
  EXPECT_EQ(record, RecordOf(serial));
  return serial;
}

void Say(int pipe, Message::Kind kind, uint64_t serial) {
  const Message message = {kind, serial};
  if (::write(pipe, &message, sizeof(message)) != sizeof(message)) ::_exit(2);
}

// Never returns; is killed.
[[noreturn]] void Child(const std::string& dir, const SpoolOptions& options, uint64_t serial,
                        int pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  absl::StatusOr<std::unique_ptr<Spool>> opened = Spool::Open(dir, options);
  if (!opened.ok()) ::_exit(1);
  Spool& spool = **opened;
  std::thread consumer([&spool, pipe] {
    for (uint64_t n = 0;; ++n) {
      std::optional<Spool::Entry> entry = spool.Next(absl::InfiniteDuration());
      if (!entry) ::_exit(3);
      if (n % 3 != 0) continue;
      Say(pipe, Message::kConsumed, SerialOf(entry->record));
      spool.Acknowledge(entry->position);
    }
  });
  constexpr int kInFlight = 16;
  for (;;) {
    std::vector<std::future<absl::Status>> batch;
    for (int i = 0; i < kInFlight; ++i, ++serial) {
      auto promise = std::make_shared<std::promise<absl::Status>>();
      batch.push_back(promise->get_future());
      spool.Append(RecordOf(serial), [promise, pipe, serial](absl::Status status) {
        if (!status.ok()) ::_exit(4);
        Say(pipe, Message::kDurable, serial);
        promise->set_value(std::move(status));
      });
    }
    for (auto& append : batch) append.wait();
  }
}

TEST(SpoolCrashTest, KilledAtAnyMomentLosesNothingReported) {
  constexpr int kRounds = 150;
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const fixtures::TempDir temp;
  const std::string dir = temp.File("spool");
  const SpoolOptions options = {.segment_bytes = 4096};
  uint64_t durable = 0;   // every serial below was reported durable, or seen after a crash
  uint64_t consumed = 0;  // every serial below was acknowledged
  uint64_t total = 0;
  for (int round = 0; round < kRounds; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      Child(dir, options, durable, pipe[1]);
    }
    ::close(pipe[1]);
    const uint64_t kill_after = random() % 400;
    Message message;
    for (uint64_t heard = 0;; ++heard) {
      if (heard == kill_after) ::kill(child, SIGKILL);
      const ssize_t n = ::read(pipe[0], &message, sizeof(message));
      if (n == 0) break;  // dead, and everything it said is read
      ASSERT_EQ(n, static_cast<ssize_t>(sizeof(message)));
      if (message.kind == Message::kDurable) {
        ASSERT_EQ(message.serial, durable);
        durable = message.serial + 1;
      } else {
        consumed = std::max(consumed, message.serial + 1);
      }
      ++total;
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);

    const auto spool = MustOpen(dir, options);
    ASSERT_NE(spool, nullptr);
    EXPECT_EQ(spool->stats().damaged_records, 0);
    const std::vector<std::string> left = Drain(*spool);
    uint64_t expected = left.empty() ? durable : SerialOf(left[0]);
    ASSERT_LE(expected, left.empty() ? durable : consumed) << "lost " << consumed;
    if (left.empty()) {
      ASSERT_EQ(consumed, durable);
    }
    for (const std::string& record : left) ASSERT_EQ(SerialOf(record), expected++);
    ASSERT_GE(expected, durable) << "lost the end";
    durable = expected;
  }
  EXPECT_GT(total, 5'000u);
}

}  // namespace
}  // namespace quotaplane::spool
