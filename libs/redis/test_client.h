// What the tests of the client share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/redis/client.h"

namespace quotaplane::redis {

using Args = std::vector<std::string_view>;

// For what is not about time: generous under sanitizers on a busy machine.
inline constexpr absl::Duration kAmple = absl::Seconds(20);

inline SteadyTime In(absl::Duration timeout) {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
}

// A client that is connected, or a test that fails.
inline std::unique_ptr<Client> ReadyClient(ClientOptions options,
                                           std::vector<const Script*> scripts = {}) {
  auto client = Client::Start(std::move(options), std::move(scripts));
  if (!client.ok()) {
    ADD_FAILURE() << client.status();
    return nullptr;
  }
  const absl::Status ready = (*client)->WaitReady(kAmple);
  EXPECT_TRUE(ready.ok()) << ready;
  return *std::move(client);
}

// Collects the outcome of calls: each must come once.
class Outcomes {
 public:
  Callback Next() {
    const std::scoped_lock lock(mu_);
    ++started_;
    return [this, answered = std::make_shared<std::atomic<int>>(0)](absl::StatusOr<Reply> reply) {
      const std::scoped_lock inner(mu_);
      if (++*answered > 1) ++doubled_;
      replies_.push_back(std::move(reply));
      changed_.notify_all();
    };
  }

  // False if some are still missing after `timeout`.
  bool WaitAll(absl::Duration timeout = kAmple) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                             [&] { return replies_.size() >= static_cast<size_t>(started_); });
  }

  std::vector<absl::StatusOr<Reply>> replies() const {
    const std::scoped_lock lock(mu_);
    return replies_;
  }
  int Count(absl::StatusCode code) const {
    const std::scoped_lock lock(mu_);
    int count = 0;
    for (const auto& reply : replies_) count += reply.status().code() == code ? 1 : 0;
    return count;
  }
  int doubled() const {
    const std::scoped_lock lock(mu_);
    return doubled_;
  }

 private:
  mutable std::mutex mu_;
  std::condition_variable changed_;
  int started_ = 0;
  int doubled_ = 0;
  std::vector<absl::StatusOr<Reply>> replies_;
};

inline absl::StatusOr<Reply> RunAndWait(Client& client, const Script& script, const Args& keys,
                                        const Args& args, absl::Duration timeout = kAmple) {
  Outcomes outcomes;
  client.RunScript(script, keys, args, In(timeout), outcomes.Next());
  EXPECT_TRUE(outcomes.WaitAll(timeout + kAmple));
  return outcomes.replies().at(0);
}

// How long the machine kept a thread of this process waiting that only wanted to wake up: what a
// test about lateness has to allow for.
class StallMeter {
 public:
  ~StallMeter() {
    stop_ = true;
    thread_.join();
  }
  absl::Duration worst() const { return absl::Nanoseconds(worst_ns_.load()); }

 private:
  void Run() {
    constexpr auto kNap = std::chrono::milliseconds(2);
    while (!stop_) {
      const auto start = std::chrono::steady_clock::now();
      std::this_thread::sleep_for(kNap);
      const std::chrono::nanoseconds over = std::chrono::steady_clock::now() - start - kNap;
      worst_ns_ = std::max<int64_t>(worst_ns_, over.count());
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> worst_ns_ = 0;
  std::thread thread_{[this] { Run(); }};
};

// Threads that call without pause, one call after the other each, until it is stopped; and what
// became of their calls.
class Load {
 public:
  // `call` makes one call with the deadline; its key differs by `thread`.
  using MakeCall =
      std::function<void(int thread, int64_t serial, SteadyTime deadline, Callback done)>;

  Load(int threads, absl::Duration timeout, MakeCall call)
      : timeout_(timeout), call_(std::move(call)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { Run(i); });
  }
  ~Load() { Stop(); }

  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  int64_t ok() const { return ok_; }
  int64_t failed() const { return failed_; }
  int64_t unexpected() const {
    return unexpected_;
  }  // neither OK, UNAVAILABLE nor DEADLINE_EXCEEDED
  int64_t doubled() const { return doubled_; }
  int64_t lost() const { return lost_; }
  absl::Duration worst_lateness() const { return absl::Nanoseconds(worst_late_ns_.load()); }
  absl::Duration worst_stall() const { return stalls_.worst(); }
  std::string last_error() const {
    const std::scoped_lock lock(mu_);
    return last_error_;
  }

 private:
  struct Waiting {
    std::mutex mu;
    std::condition_variable answered;
    int answers = 0;
    absl::Status status;
  };

  void Run(int thread) {
    for (int64_t serial = 0; !stop_; ++serial) {
      const auto waiting = std::make_shared<Waiting>();
      const SteadyTime deadline = In(timeout_);
      call_(thread, serial, deadline, [this, waiting](absl::StatusOr<Reply> reply) {
        const std::scoped_lock lock(waiting->mu);
        if (++waiting->answers > 1) ++doubled_;
        waiting->status = std::move(reply).status();
        waiting->answered.notify_one();
      });
      absl::Status status;
      {
        std::unique_lock lock(waiting->mu);
        if (!waiting->answered.wait_until(lock, deadline + absl::ToChronoNanoseconds(kAmple),
                                          [&] { return waiting->answers > 0; })) {
          ++lost_;
          return;
        }
        status = waiting->status;
      }
      Note(status, std::chrono::steady_clock::now() - deadline);
    }
  }

  void Note(const absl::Status& status, std::chrono::nanoseconds late) {
    int64_t worst = worst_late_ns_;
    while (late.count() > worst && !worst_late_ns_.compare_exchange_weak(worst, late.count())) {
    }
    if (status.ok()) {
      ++ok_;
      return;
    }
    ++failed_;
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) ++unexpected_;
    {
      const std::scoped_lock lock(mu_);
      last_error_ = std::string(status.message());
    }
    // The pace of a caller that is refused at once: without it the refusals would take the machine
    // from the server.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  const StallMeter stalls_;
  const absl::Duration timeout_;
  const MakeCall call_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> ok_ = 0, failed_ = 0, unexpected_ = 0, doubled_ = 0, lost_ = 0,
                       worst_late_ns_ = 0;
  mutable std::mutex mu_;
  std::string last_error_;
  std::vector<std::thread> threads_;
};

}  // namespace quotaplane::redis
