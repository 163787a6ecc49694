// Every threshold that is crossed is told once, within a second: four servers on one Redis, 64
// clients that retry, servers that are killed in between, and a reader of the crossings that is
// killed too. At the end, what was told is compared with what the servers say was used.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/admission/thresholds.h"
#include "libs/counters/redis/crossing_stream.h"
#include "libs/counters/redis/layout.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kReplicas = 4;
constexpr int kClients = 64;
constexpr int kStepsPerClient = 50;
constexpr int kSteps = kClients * kStepsPerClient;
constexpr Tokens kEach{100, 100};
const std::array<const char*, 3> kOrgs = {"acme", "globex", "initech"};

// What the clients take together: over the amount of some limits, and short of others'. `capped`
// refuses, and is a little more than a hundred requests, so that it is never used up.
std::string Policy() {
  const std::string capped = absl::StrCat("0.", 1'000'000'000 + 201 * kEach.cost_nano_usd() / 2);
  return absl::StrCat("defaults: {on_outage: deny, time_zone: ", CalmTimeZone(),
                      R"(}
limits:
  - {id: org-month, per: [], unit: requests, amount: 900, window: month, on_exceed: soft}
  - {id: team-day, per: [team], unit: usd, amount: 0.4, window: day, on_exceed: soft}
  - {id: team-ever, per: [team], unit: total_tokens, amount: 90000, window: lifetime, on_exceed: soft}
  - {id: user-30d, per: [user], unit: requests, amount: 60, window: 30d, on_exceed: soft}
  - {id: user-minute, per: [user], unit: requests, amount: 10, window: 60s, on_exceed: soft}
  - {id: capped, per: [project], unit: usd, amount: )",
                      capped.substr(0, 2), capped.substr(3), ", window: month, on_exceed: deny}\n");
}

// A crossing as people know it: limit, scope and share.
using Name = std::tuple<std::string, std::string, int>;

// Reads the crossings until it is stopped, as an alert role does; every few messages it dies before
// it has acknowledged them.
class Reader {
 public:
  explicit Reader(const RedisServer& redis) : redis_(redis) {
    redis::ClientOptions options;
    options.url = redis.url();
    options.silence_timeout = absl::Seconds(10);
    client_ = *redis::Client::Start(options, {&redis::AcknowledgeScript()});
    if (!client_->WaitReady(absl::Seconds(20)).ok()) Fatal("no Redis for the reader");
    thread_ = std::thread([this] { Run(); });
  }
  ~Reader() {
    stop_ = true;
    thread_.join();
  }

  // Each with the messages that told it.
  std::map<Name, std::set<std::string>> told() const {
    absl::MutexLock lock(&mutex_);
    return told_;
  }
  // Of the half that came soonest, how long the last took.
  absl::Duration median_latency() const {
    absl::MutexLock lock(&mutex_);
    std::vector<int64_t> sorted = latencies_us_;
    if (sorted.empty()) return absl::InfiniteDuration();
    std::sort(sorted.begin(), sorted.end());
    std::printf("%zu crossings told, after %.3f s at the median and %.3f s at most; %d deaths\n",
                sorted.size(), static_cast<double>(sorted[sorted.size() / 2]) / 1e6,
                static_cast<double>(sorted.back()) / 1e6, deaths_);
    return absl::Microseconds(sorted[sorted.size() / 2]);
  }

 private:
  void Run() {
    std::unique_ptr<CrossingStream> stream;
    for (int round = 0; !stop_; ++round) {
      if (stream == nullptr) {
        stream = std::make_unique<CrossingStream>(
            client_.get(), CrossingStreamOptions{.partitions = kDefaultPartitions, .reader = "a"});
      }
      const auto read = stream->Read(1'000);
      ASSERT_TRUE(read.ok()) << read.status();
      const int64_t now_us = RedisNowUs(redis_);
      for (const CrossingSource::Message& one : *read) Keep(one, now_us);
      if (!read->empty() && round % 3 == 0) {
        stream.reset();
        absl::MutexLock lock(&mutex_);
        ++deaths_;
        continue;
      }
      ASSERT_TRUE(stream->Acknowledge(*read).ok());
      absl::SleepFor(absl::Milliseconds(50));  // as often as the role looks, and more
    }
  }

  void Keep(const CrossingSource::Message& message, int64_t now_us) {
    const auto limits = DecodeThresholdLimits(message.crossing.description);
    ASSERT_TRUE(limits.ok()) << limits.status();
    ASSERT_FALSE(limits->empty());
    absl::MutexLock lock(&mutex_);
    for (const ThresholdLimit& limit : *limits) {
      std::set<std::string>& ids = told_[{limit.limit_id, limit.scope, limit.permille}];
      if (ids.insert(absl::StrCat(message.partition, "/", message.id)).second) {
        latencies_us_.push_back(now_us - message.crossing.at_us);
      }
    }
  }

  const RedisServer& redis_;
  std::unique_ptr<redis::Client> client_;
  std::atomic<bool> stop_ = false;
  mutable absl::Mutex mutex_;
  std::map<Name, std::set<std::string>> told_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> latencies_us_ ABSL_GUARDED_BY(mutex_);
  int deaths_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

v1::Subject SubjectFor(uint64_t number) {
  v1::Subject subject;
  subject.set_org(kOrgs[number % kOrgs.size()]);
  subject.set_team(absl::StrCat("team-", number / 3 % 4));
  subject.set_user(absl::StrCat("user-", number / 12 % 5));
  subject.set_model("tester");
  return subject;
}

class CrossingsTold : public testing::Test {
 protected:
  CrossingsTold() {
    for (int i = 0; i < kReplicas; ++i) {
      servers_.push_back(std::make_unique<ServerProcess>(
          ServerProcessOptions{.policy = Policy(), .redis = redis_.url(), .roles = "quota"}));
      clients_.push_back(
          std::make_unique<QuotaClient>(servers_.back()->address(), NoConnection::kFail));
    }
  }

  // Asks one replica after the other until one answers; now and then twice.
  template <typename Request>
  auto Ask(const Request& request, std::mt19937_64* random) {
    for (;;) {
      auto answer = clients_[(*random)() % kReplicas]->Call(request);
      const bool away = answer.status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                        answer.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
      EXPECT_TRUE(answer.ok() || away) << answer.status.error_message();
      if (!away && (*random)() % 4 != 0) return answer.response;
    }
  }

  void Step(const std::string& id, std::mt19937_64* random) {
    v1::Subject subject = SubjectFor((*random)());
    if ((*random)() % 2 == 0) {
      Ask(RecordOf(id, subject, kEach), random);
      return;
    }
    if ((*random)() % 2 == 0) subject.set_project("capped");
    const auto reserved = Ask(ReserveOf(id, subject, kEach), random);
    if (reserved.decision() == v1::DECISION_DENY) return;
    if ((*random)() % 8 == 0) {
      Ask(ReleaseOf(id, subject), random);
    } else {
      Ask(CommitOf(id, subject, kEach), random);
    }
  }

  // What the servers say was used has crossed these shares.
  std::set<Name> Expected() {
    std::set<Name> expected;
    std::mt19937_64 random(1);
    for (uint64_t number = 0; number < 60; ++number) {
      v1::Subject subject = SubjectFor(number);
      subject.set_project("capped");
      const v1::GetUsageResponse usage = Ask(GetUsageOf(subject), &random);
      for (const v1::LimitUsage& one : usage.limits()) {
        if (one.limit_id() == "user-minute") continue;  // too short to be told
        for (const int permille : {500, 800, 1'000}) {
          const bool refused = one.limit_id() == "capped" && permille == 1'000;
          if (one.used() * 1'000 >= one.amount() * permille || refused) {
            expected.insert({one.limit_id(), one.scope(), permille});
          }
        }
      }
    }
    return expected;
  }

  RedisServer redis_;
  std::vector<std::unique_ptr<ServerProcess>> servers_;
  std::vector<std::unique_ptr<QuotaClient>> clients_;
};

TEST_F(CrossingsTold, OnceWithFourReplicasAnd64ClientsWhateverIsKilled) {
  const uint64_t seed = TestSeed(5);
  Reader reader(redis_);
  std::atomic<int> steps = 0;
  std::thread killer([&] {
    for (int i = 0; i < kReplicas; ++i) {
      const int from = steps;
      const int until = std::min(from + kSteps / 12, kSteps);
      PollUntil(absl::Seconds(60), [&] { return steps >= until; });
      servers_[i]->Kill();
      servers_[i]->Start();
    }
  });
  OnThreads(kClients, [&](int number) {
    std::mt19937_64 random(seed + number);
    for (int step = 0; step < kStepsPerClient; ++step) {
      Step(absl::StrCat(number, "-", step), &random);
      ++steps;
    }
  });
  killer.join();
  // Nothing is held any more: of each org's capped project the rest, and one refusal.
  std::mt19937_64 random(seed);
  for (const char* org : kOrgs) {
    v1::Subject subject = SubjectFor(0);
    subject.set_org(org);
    subject.set_project("capped");
    for (int i = 0;; ++i) {
      const std::string id = absl::StrCat("rest-", i);
      if (Ask(ReserveOf(id, subject, kEach), &random).decision() == v1::DECISION_DENY) break;
      Ask(CommitOf(id, subject, kEach), &random);
    }
  }
  const std::set<Name> expected = Expected();
  EXPECT_GT(expected.size(), 60u);
  PollUntil(absl::Seconds(20), [&] { return reader.told().size() >= expected.size(); });
  std::set<Name> told;
  for (const auto& [name, messages] : reader.told()) {
    told.insert(name);
    EXPECT_EQ(messages.size(), 1u) << std::get<0>(name) << " " << std::get<1>(name);
  }
  EXPECT_EQ(told, expected);
  EXPECT_LT(reader.median_latency(), absl::Seconds(1));
}

}  // namespace
}  // namespace quotaplane::fixtures
