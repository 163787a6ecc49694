// P1: by the store's clock, used + hold <= amount at every admission, for any number of replicas,
// clients and retries; only overruns go past it, and they are reported. Two server processes on one
// Redis, 64 clients.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kClients = 64;
constexpr int kStepsPerClient = 40;
constexpr int64_t kMostTokens = 200;  // of an estimate, each way

// One level of the company, where the limit is tight for the subjects named "tight".
struct Level {
  const char* limit_id;
  const char* limit;  // but for id and overrides
  int64_t amount;     // of the tight ones, in the limit's unit; usd in nano-USD
  const char* amount_text;
  void (*name)(v1::Subject*);
  int64_t (*hold)(Tokens estimate);
  int64_t (*charge)(Tokens used);
};

int64_t Cost(Tokens tokens) { return tokens.cost_nano_usd(); }
int64_t Total(Tokens tokens) { return tokens.total(); }
int64_t One(Tokens) { return 1; }
int64_t None(Tokens) { return 0; }

const std::array<Level, 6> kLevels = {{
    {"user-hour", "per: [user], unit: requests, amount: 9000000, window: 1h", 150, "150",
     [](v1::Subject* s) { s->set_user("tight"); }, One, One},
    {"team-day", "per: [team], unit: total_tokens, amount: 9000000000, window: day", 30'000,
     "30000", [](v1::Subject* s) { s->set_team("tight"); }, Total, Total},
    {"project-24h", "per: [project], unit: usd, amount: 900000, window: 24h", 250'000'000, "0.25",
     [](v1::Subject* s) { s->set_project("tight"); }, Cost, Cost},
    {"model-month", "per: [model], unit: usd, amount: 900000, window: month", 270'000'000, "0.27",
     [](v1::Subject* s) { s->set_model("tight"); }, Cost, Cost},
    {"org-lifetime", "per: [org], unit: usd, amount: 900000, window: lifetime", 260'000'000, "0.26",
     [](v1::Subject* s) { s->set_org("tight"); }, Cost, Cost},
    {"key-parallel", "per: [api_key], unit: concurrency, amount: 9000000", 20, "20",
     [](v1::Subject* s) { s->set_api_key("tight"); }, One, None},
}};

std::string LevelsPolicy() {
  std::string yaml =
      absl::StrCat("defaults: {on_outage: deny, time_zone: ", CalmTimeZone(), "}\nlimits:\n");
  const std::array<const char*, 6> dimensions = {"user",  "team", "project",
                                                 "model", "org",  "api_key"};
  for (size_t i = 0; i < kLevels.size(); ++i) {
    absl::StrAppend(&yaml, "  - {id: ", kLevels[i].limit_id, ", ", kLevels[i].limit,
                    ", overrides: [{", dimensions[i], ": tight, amount: ", kLevels[i].amount_text,
                    "}]}\n");
  }
  return yaml;
}

constexpr char kPrices[] = R"(version: "test"
models:
  - {model: tester, aliases: [tight], from: 2020-01-01, usd_per_million: {input: 3, output: 15}}
)";

v1::Subject SubjectAt(const Level& level, int roomy) {
  const std::string name = absl::StrCat("roomy-", roomy);
  v1::Subject subject;
  subject.set_org("acme");
  subject.set_team(name);
  subject.set_project(name);
  subject.set_user(name);
  subject.set_api_key(name);
  subject.set_model("tester");
  level.name(&subject);
  return subject;
}

// What the clients know of a level's tight limit, from the answers alone.
struct Book {
  std::atomic<int64_t> used = 0;
  std::atomic<int> refused = 0;
};

class NeverOverAdmit : public testing::Test {
 protected:
  static ServerProcessOptions Options(const std::string& policy, const RedisServer& redis) {
    return {.policy = policy, .prices = kPrices, .redis = redis.url()};
  }

  RedisServer redis_;
};

// One client: reserves at random levels through random replicas, retries, and ends its reservations
// in every way.
class Client {
 public:
  Client(int number, uint64_t seed, const std::array<QuotaClient, 2>& replicas,
         std::array<Book, 6>* books)
      : number_(number), random_(seed + number), replicas_(replicas), books_(*books) {}

  void Step(int step) {
    const size_t at = Random(0, kLevels.size() - 1);
    const Level& level = kLevels[at];
    const v1::Subject subject = SubjectAt(level, static_cast<int>(Random(0, 7)));
    const std::string id = absl::StrCat(number_, "-", step);
    const Tokens estimate{Random(1, kMostTokens), Random(1, kMostTokens)};
    const v1::ReserveRequest request = ReserveOf(id, subject, estimate);
    if (!Admitted(level, request, estimate)) {
      ++books_[at].refused;
      return;
    }
    books_[at].used += level.hold(estimate);
    End(level, &books_[at], id, subject, estimate);
  }

 private:
  int64_t Random(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random_);
  }
  const QuotaClient& AnyReplica() { return replicas_[Random(0, 1)]; }

  bool Admitted(const Level& level, const v1::ReserveRequest& request, Tokens estimate) {
    const size_t first = Random(0, 1);
    const auto answer = replicas_[first].Call(request);
    EXPECT_TRUE(answer.ok()) << answer.status.error_message();
    bool admitted = Judge(level, answer.response, estimate);
    if (Random(0, 3) > 0) return admitted;
    // A retry, at the other replica: an admission stays, a refusal is decided anew.
    const auto again = replicas_[1 - first].Call(request);
    EXPECT_TRUE(again.ok()) << again.status.error_message();
    if (admitted) {
      EXPECT_EQ(again.response.ShortDebugString(), answer.response.ShortDebugString());
    } else {
      admitted = Judge(level, again.response, estimate);
    }
    return admitted;
  }

  static bool Judge(const Level& level, const v1::ReserveResponse& response, Tokens estimate) {
    if (response.decision() == v1::DECISION_ALLOW) {
      for (const v1::Remaining& limit : response.tightest()) {
        EXPECT_LE(limit.used(), limit.amount());
      }
      return true;
    }
    EXPECT_EQ(response.decision(), v1::DECISION_DENY);
    EXPECT_EQ(response.exceeded_size(), 1) << response.ShortDebugString();
    const v1::Exceeded& exceeded = response.exceeded(0);
    EXPECT_EQ(exceeded.cause(), v1::CAUSE_LIMIT_EXCEEDED);
    EXPECT_EQ(exceeded.limit_id(), level.limit_id);
    EXPECT_EQ(exceeded.amount(), level.amount);
    EXPECT_EQ(exceeded.needed(), level.hold(estimate));
    EXPECT_LE(exceeded.used(), exceeded.amount());
    EXPECT_GT(exceeded.used() + exceeded.needed(), exceeded.amount());
    return false;
  }

  void End(const Level& level, Book* book, const std::string& id, const v1::Subject& subject,
           Tokens estimate) {
    const int64_t way = Random(0, 9);
    if (way < 4) {
      const Tokens used{Random(0, estimate.input), Random(0, estimate.output)};
      const auto commit = AnyReplica().Call(CommitOf(id, subject, used));
      ASSERT_TRUE(commit.ok()) << commit.status.error_message();
      EXPECT_EQ(commit.response.overrun_nano_usd(), 0);
      book->used += level.charge(used) - level.hold(estimate);
    } else if (way < 6) {
      const auto release = AnyReplica().Call(ReleaseOf(id, subject));
      ASSERT_TRUE(release.ok()) << release.status.error_message();
      book->used -= level.hold(estimate);
    } else if (way < 8) {
      const Tokens more{estimate.input + Random(0, 100), estimate.output + Random(0, 100)};
      const auto extend = AnyReplica().Call(ExtendOf(id, subject, 1, more));
      ASSERT_TRUE(extend.ok()) << extend.status.error_message();
      if (extend.response.decision() == v1::DECISION_ALLOW) {
        book->used += level.hold(more) - level.hold(estimate);
      }
    }
  }

  const int number_;
  std::mt19937_64 random_;
  const std::array<QuotaClient, 2>& replicas_;
  std::array<Book, 6>& books_;
};

// Looks at every tight limit, over and over, as long as it lives.
class Watcher {
 public:
  explicit Watcher(const QuotaClient& client) : client_(client), thread_([this] { Run(); }) {}
  ~Watcher() {
    stop_ = true;
    thread_.join();
    EXPECT_GT(looks_, 0);
  }

 private:
  void Run() {
    while (!stop_) {
      for (const Level& level : kLevels) {
        EXPECT_LE(LimitOf(client_, SubjectAt(level, 0), level.limit_id).used(), level.amount)
            << level.limit_id;
      }
      ++looks_;
    }
  }

  const QuotaClient& client_;
  std::atomic<bool> stop_ = false;
  int looks_ = 0;
  std::thread thread_;
};

TEST_F(NeverOverAdmit, P1_NeverOverAdmit) {
  const uint64_t seed = TestSeed(64);
  ServerProcess a(Options(LevelsPolicy(), redis_)), b(Options(LevelsPolicy(), redis_));
  const std::array<QuotaClient, 2> replicas = {QuotaClient(a.address()), QuotaClient(b.address())};
  std::array<Book, 6> books;
  const Tokens one{40, 40};
  {
    Watcher watcher(replicas[0]);
    OnThreads(kClients, [&](int number) {
      Client client(number, seed, replicas, &books);
      for (int step = 0; step < kStepsPerClient; ++step) client.Step(step);
    });
    // Everybody asks until refused: what is left then is less than what was asked for.
    OnThreads(kClients, [&](int number) {
      const size_t at = number % kLevels.size();
      const v1::Subject subject = SubjectAt(kLevels[at], number);
      for (int i = 0;; ++i) {
        const auto answer = replicas[number / 8 % 2].Call(
            ReserveOf(absl::StrCat("fill-", number, "-", i), subject, one));
        ASSERT_TRUE(answer.ok()) << answer.status.error_message();
        if (answer.response.decision() == v1::DECISION_DENY) break;
        books[at].used += kLevels[at].hold(one);
      }
    });
  }
  for (size_t at = 0; at < kLevels.size(); ++at) {
    const Level& level = kLevels[at];
    SCOPED_TRACE(level.limit_id);
    for (const QuotaClient& replica : replicas) {
      const v1::LimitUsage usage = LimitOf(replica, SubjectAt(level, 0), level.limit_id);
      EXPECT_EQ(usage.used(), books[at].used);
      EXPECT_LE(usage.used(), level.amount);
      EXPECT_GT(usage.used() + level.hold(one), level.amount);
    }
    EXPECT_GT(books[at].refused, 0) << "the limit was not tight";
  }
}

TEST_F(NeverOverAdmit, P1_OnlyOverrunsPassTheAmountAndAreReported) {
  constexpr char kPolicy[] = R"(defaults: {on_outage: deny}
limits:
  - {id: usd, per: [team], unit: usd, amount: 1, window: 24h}
  - {id: tokens, per: [team], unit: total_tokens, amount: 1000000, window: lifetime}
)";
  ServerProcess a(Options(kPolicy, redis_)), b(Options(kPolicy, redis_));
  const std::array<QuotaClient, 2> replicas = {QuotaClient(a.address()), QuotaClient(b.address())};
  const v1::Subject subject = SubjectOf("t");
  const Tokens estimate{100, 20};
  absl::Mutex mutex;
  std::vector<std::string> admitted;
  OnThreads(kClients, [&](int number) {
    for (int i = 0;; ++i) {
      const std::string id = absl::StrCat(number, "-", i);
      const auto answer = replicas[number % 2].Call(ReserveOf(id, subject, estimate));
      ASSERT_TRUE(answer.ok()) << answer.status.error_message();
      if (answer.response.decision() == v1::DECISION_DENY) return;
      absl::MutexLock lock(&mutex);
      admitted.push_back(id);
    }
  });
  // 600,000 nano-USD each: usd is the tight one.
  ASSERT_EQ(admitted.size(), 1'666);
  const Tokens used{105, 22};
  std::atomic<int64_t> overrun_usd = 0, overrun_tokens = 0;
  OnThreads(kClients, [&](int number) {
    for (size_t i = number; i < admitted.size(); i += kClients) {
      const auto commit = replicas[i % 2].Call(CommitOf(admitted[i], subject, used));
      ASSERT_TRUE(commit.ok()) << commit.status.error_message();
      EXPECT_EQ(commit.response.held_nano_usd(), estimate.cost_nano_usd());
      EXPECT_EQ(commit.response.cost_nano_usd(), used.cost_nano_usd());
      EXPECT_FALSE(commit.response.replayed());
      overrun_usd += commit.response.overrun_nano_usd();
      overrun_tokens += commit.response.overrun_tokens();
    }
  });
  EXPECT_EQ(overrun_usd, 1'666 * (used.cost_nano_usd() - estimate.cost_nano_usd()));
  EXPECT_EQ(overrun_tokens, 1'666 * 7);
  const v1::LimitUsage usd = LimitOf(replicas[0], subject, "usd");
  EXPECT_EQ(usd.used(), 1'666 * used.cost_nano_usd());
  EXPECT_EQ(usd.held(), 0);
  EXPECT_EQ(usd.remaining(), 0);
  EXPECT_GT(usd.used(), usd.amount());
  EXPECT_LE(usd.used() - overrun_usd, usd.amount());
  const auto refused = replicas[1].Call(ReserveOf("after", subject, {1, 0}));
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused.response.decision(), v1::DECISION_DENY);
}

}  // namespace
}  // namespace quotaplane::fixtures
