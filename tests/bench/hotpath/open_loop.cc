// One thread sends the Reserves when they are due, another takes the answers and sends the Commits.
// Both sleep in between: a client that spins would take one of the server's cores.
#include <sys/prctl.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/hotpath/clock.h"
#include "tests/bench/hotpath/load.h"

namespace quotaplane::bench {
namespace {

constexpr size_t kMostWaiting = 1'000;
constexpr uint64_t kNoMore = uint64_t{1} << 63;

void SleepUntil(int64_t ns) {
  const timespec at = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

class OpenLoop {
 public:
  OpenLoop(Client* client, const Population& population, Reservations* reservations)
      : client_(client),
        population_(population),
        reservations_(reservations),
        calls_(kMostWaiting) {
    for (Call& call : calls_) idle_.push_back(&call);
  }

  OpenResult Run(double rate, double seconds, uint64_t seed) {
    begin_ns_ = NowNs();
    // A tenth warms up and is not counted.
    count_from_ns_ = begin_ns_ + static_cast<int64_t>(seconds * 1e8);
    const int64_t end_ns = begin_ns_ + static_cast<int64_t>(seconds * 1e9);
    std::thread sender([&] { Send(rate, end_ns, seed); });
    Receive();
    sender.join();
    result_.per_s = static_cast<double>(result_.pair.count()) * 1e9 /
                    static_cast<double>(end_ns - count_from_ns_);
    return result_;
  }

 private:
  void Send(double rate, int64_t end_ns, uint64_t seed) {
    // The kernel may round sleeps up by 50 µs otherwise.
    prctl(PR_SET_TIMERSLACK, 1);
    std::mt19937_64 random(seed);
    std::exponential_distribution<double> gap_s(rate);
    double due_ns = static_cast<double>(begin_ns_);
    while (true) {
      due_ns += gap_s(random) * 1e9;
      const auto due = static_cast<int64_t>(due_ns);
      if (due >= end_ns) break;
      if (due > NowNs()) SleepUntil(due);
      Call* call = TakeIdle();
      if (call == nullptr) {
        result_.swamped = true;
        break;
      }
      call->start_ns = due;
      call->sequence = reservations_->next++;
      started_.fetch_add(1, std::memory_order_release);
      started_.notify_one();
      client_->Start(call, Method::kReserve, population_.Reserve(call->sequence));
    }
    started_.fetch_or(kNoMore, std::memory_order_release);
    started_.notify_one();
  }

  // Ends when everything that was started is answered and nothing more will be started.
  void Receive() {
    uint64_t ended = 0;
    while (true) {
      uint64_t started = started_.load(std::memory_order_acquire);
      while (started == ended) {
        started_.wait(started, std::memory_order_acquire);
        started = started_.load(std::memory_order_acquire);
      }
      if (started == (ended | kNoMore)) return;
      Call* call = client_->Next();
      const int64_t now = NowNs();
      const bool counts = call->start_ns >= count_from_ns_;
      if (call->method == Method::kReserve) {
        if (counts) result_.reserve.Add(now - call->start_ns);
        client_->Start(call, Method::kCommit, population_.Commit(call->sequence));
        continue;
      }
      if (counts) {
        result_.commit.Add(now - call->sent_ns);
        result_.pair.Add(now - call->start_ns);
      }
      ++ended;
      const std::lock_guard lock(mutex_);
      idle_.push_back(call);
    }
  }

  Call* TakeIdle() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    Call* call = idle_.back();
    idle_.pop_back();
    return call;
  }

  Client* client_;
  const Population& population_;
  Reservations* reservations_;
  int64_t begin_ns_ = 0;
  int64_t count_from_ns_ = 0;

  std::vector<Call> calls_;
  std::mutex mutex_;
  std::vector<Call*> idle_;  // guarded by mutex_
  // How many pairs were started, and kNoMore once that is all.
  std::atomic<uint64_t> started_ = 0;
  OpenResult result_;  // swamped: the sender's; the rest: the receiver's
};

}  // namespace

OpenResult RunOpen(Client* client, const Population& population, double rate, double seconds,
                   uint64_t seed, Reservations* reservations) {
  return OpenLoop(client, population, reservations).Run(rate, seconds, seed);
}

}  // namespace quotaplane::bench
