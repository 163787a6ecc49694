// How much the client of libs/redis adds to a bare blocking hiredis loop: latency at 1, 4, 16 and
// 64 calls in flight over a unix socket, and, in the same run, the loop's own latency and its
// throughput with pipelines as deep.
//
//   redis_bench [SECONDS-PER-ROW]
#include <hiredis/hiredis.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/redis/client.h"
#include "libs/redis/resp.h"
#include "libs/testing/redis_server.h"

namespace quotaplane {
namespace {

using Clock = std::chrono::steady_clock;

struct Row {
  double per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Row Summarize(std::vector<int64_t>& nanos, Clock::duration took) {
  std::sort(nanos.begin(), nanos.end());
  const auto at = [&](double q) {
    return static_cast<double>(nanos[static_cast<size_t>(q * (nanos.size() - 1))]) / 1e3;
  };
  return {static_cast<double>(nanos.size()) / std::chrono::duration<double>(took).count(), at(0.5),
          at(0.99)};
}

int64_t Since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

// One command, in the form each side wants it.
struct Command {
  const char* name;
  const redis::Script* script;  // null: PING
  std::vector<std::string_view> keys;
  std::vector<std::string_view> args;
};

class BareLoop {
 public:
  BareLoop(const std::string& path, const Command& command)
      : context_(redisConnectUnix(path.c_str())) {
    if (context_ == nullptr || context_->err != 0) std::abort();
    if (command.script == nullptr) {
      redis::AppendCommand(wire_, std::vector<std::string_view>{"PING"});
    } else {
      wire_ = redis::EncodeEvalSha(*command.script, command.keys, command.args).wire;
    }
  }
  ~BareLoop() { redisFree(context_); }
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  Row Run(int in_flight, std::chrono::duration<double> length) {
    std::vector<int64_t> nanos;
    const auto begin = Clock::now();
    while (Clock::now() - begin < length) {
      const auto start = Clock::now();
      for (int i = 0; i < in_flight; ++i)
        redisAppendFormattedCommand(context_, wire_.data(), wire_.size());
      for (int i = 0; i < in_flight; ++i) {
        redisReply* reply = nullptr;
        if (redisGetReply(context_, reinterpret_cast<void**>(&reply)) != REDIS_OK ||
            reply->type == REDIS_REPLY_ERROR) {
          std::abort();
        }
        freeReplyObject(reply);
        nanos.push_back(Since(start));
      }
    }
    return Summarize(nanos, Clock::now() - begin);
  }

 private:
  redisContext* context_;
  std::string wire_;
};

// `in_flight` calls at any time: each reply starts the next call from the client's thread, except
// that with one in flight a thread of ours calls and waits, as a blocking caller does.
class ClientLoop {
 public:
  ClientLoop(redis::Client& client, const Command& command) : client_(client), command_(command) {}

  Row Run(int in_flight, std::chrono::duration<double> length) {
    nanos_.clear();
    const auto begin = Clock::now();
    end_ = begin + std::chrono::duration_cast<Clock::duration>(length);
    running_ = in_flight;
    for (int i = 0; i < in_flight; ++i) Next();
    std::unique_lock lock(mu_);
    ended_.wait(lock, [&] { return running_ == 0; });
    return Summarize(nanos_, Clock::now() - begin);
  }

  Row RunBlocking(std::chrono::duration<double> length) {
    std::vector<int64_t> nanos;
    const auto begin = Clock::now();
    while (Clock::now() - begin < length) {
      const auto start = Clock::now();
      bool answered = false;
      Send([&](const absl::StatusOr<redis::Reply>& reply) {
        if (!reply.ok()) std::abort();
        const std::scoped_lock lock(mu_);
        answered = true;
        ended_.notify_one();
      });
      std::unique_lock lock(mu_);
      ended_.wait(lock, [&] { return answered; });
      nanos.push_back(Since(start));
    }
    return Summarize(nanos, Clock::now() - begin);
  }

 private:
  void Send(redis::Callback done) {
    const auto deadline = Clock::now() + std::chrono::seconds(1);
    if (command_.script == nullptr) {
      client_.Call("", {"PING"}, deadline, std::move(done));
    } else {
      client_.RunScript(*command_.script, command_.keys, command_.args, deadline, std::move(done));
    }
  }
  void Next() {
    Send([this, start = Clock::now()](const absl::StatusOr<redis::Reply>& reply) {
      if (!reply.ok()) std::abort();
      {
        const std::scoped_lock lock(mu_);
        nanos_.push_back(Since(start));
        if (Clock::now() >= end_) {
          if (--running_ == 0) ended_.notify_one();
          return;
        }
      }
      Next();
    });
  }

  redis::Client& client_;
  const Command& command_;
  std::mutex mu_;
  std::condition_variable ended_;
  int running_ = 0;
  std::vector<int64_t> nanos_;
  Clock::time_point end_;
};

void Print(const char* command, int in_flight, const char* how, const Row& row, const Row& bare) {
  std::printf("%-8s %9d  %-16s %9.0f %5.2f %9.1f %5.2f %9.1f %5.2f\n", command, in_flight, how,
              row.per_s, row.per_s / bare.per_s, row.p50_us, row.p50_us / bare.p50_us, row.p99_us,
              row.p99_us / bare.p99_us);
}

// Nanoseconds per call of encoding alone, ours and hiredis'.
void PrintEncoding(const Command& command) {
  constexpr int kTimes = 200'000;
  size_t bytes = 0;
  auto start = Clock::now();
  for (int i = 0; i < kTimes; ++i) {
    bytes += redis::EncodeEvalSha(*command.script, command.keys, command.args).wire.size();
  }
  const double ours = static_cast<double>(Since(start)) / kTimes;
  std::vector<const char*> argv = {"EVALSHA", command.script->sha1_hex().c_str(), "8"};
  std::vector<size_t> sizes = {7, 40, 1};
  for (const auto& list : {command.keys, command.args}) {
    for (std::string_view text : list) {
      argv.push_back(text.data());
      sizes.push_back(text.size());
    }
  }
  start = Clock::now();
  for (int i = 0; i < kTimes; ++i) {
    char* wire = nullptr;
    bytes -= static_cast<size_t>(
        redisFormatCommandArgv(&wire, static_cast<int>(argv.size()), argv.data(), sizes.data()));
    redisFreeCommand(wire);
  }
  const double theirs = static_cast<double>(Since(start)) / kTimes;
  std::printf(
      "encoding an EVALSHA of %zu keys: %.0f ns, redisFormatCommandArgv %.0f ns (%zu bytes "
      "apart)\n",
      command.keys.size(), ours, theirs, bytes);
}

int Main(double seconds) {
  fixtures::RedisServer server;
  const redis::Script script("return ARGV[1]");
  redis::ClientOptions options;
  options.url = server.unix_url();
  auto client = redis::Client::Start(options, {&script});
  if (!client.ok() || !(*client)->WaitReady(absl::Seconds(10)).ok()) return 1;
  const std::string payload(200, 'p');
  const std::vector<std::string> keys = {"{p1}a-counter-of-16b", "{p1}b-counter-of-16b",
                                         "{p1}c-counter-of-16b", "{p1}d-counter-of-16b",
                                         "{p1}e-counter-of-16b", "{p1}f-counter-of-16b",
                                         "{p1}the-reservation",  "{p1}the-expiry-index"};
  const Command commands[] = {{"PING", nullptr, {}, {}},
                              {"EVALSHA", &script, {keys.begin(), keys.end()}, {payload}}};
  PrintEncoding(commands[1]);
  std::printf("%-8s %9s  %-16s %9s %5s %9s %5s %9s %5s\n", "command", "in flight", "how", "per s",
              "ratio", "p50 us", "ratio", "p99 us", "ratio");
  const std::chrono::duration<double> length(seconds);
  for (const Command& command : commands) {
    BareLoop bare_loop(server.socket_path(), command);
    ClientLoop loop(**client, command);
    for (const int in_flight : {1, 4, 16, 64}) {
      const Row bare = bare_loop.Run(in_flight, length);
      Print(command.name, in_flight, "bare hiredis", bare, bare);
      if (in_flight == 1)
        Print(command.name, 1, "client, blocking", loop.RunBlocking(length), bare);
      Print(command.name, in_flight, "client", loop.Run(in_flight, length), bare);
    }
  }
  return 0;
}

}  // namespace
}  // namespace quotaplane

int main(int argc, char** argv) { return quotaplane::Main(argc > 1 ? std::atof(argv[1]) : 1.0); }
