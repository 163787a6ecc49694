// P2 (all or nothing), P3 (retry freely) and P6 (every hold ends) at the service, with two
// replicas. P1 and P8 have files of their own.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/many_threads.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"

namespace quotaplane::fixtures {
namespace {

// Two replicas on one Redis.
class Replicas {
 public:
  explicit Replicas(const std::string& policy)
      : a_({.policy = policy, .redis = redis_.url()}),
        b_({.policy = policy, .redis = redis_.url()}),
        client_a_(a_.address()),
        client_b_(b_.address()) {}

  RedisServer& redis() { return redis_; }
  const QuotaClient& a() const { return client_a_; }
  const QuotaClient& b() const { return client_b_; }
  const QuotaClient& any(int i) const { return i % 2 == 0 ? client_a_ : client_b_; }
  ServerProcess& server_a() { return a_; }
  ServerProcess& server_b() { return b_; }

 private:
  RedisServer redis_;
  ServerProcess a_, b_;
  QuotaClient client_a_, client_b_;
};

// Five roomy limits, and a last one that lets `user` hold 25 at a time and "nobody" none.
constexpr char kLastIsTight[] = R"(defaults: {on_outage: deny}
limits:
  - {id: hour, per: [user], unit: requests, amount: 1000000, window: 1h}
  - {id: day, per: [user], unit: requests, amount: 1000000, window: day}
  - {id: all, per: [user], unit: requests, amount: 1000000, window: lifetime}
  - {id: two-days, per: [user], unit: requests, amount: 1000000, window: 48h}
  - {id: month, per: [user], unit: requests, amount: 1000000, window: month}
  - id: parallel
    per: [user]
    unit: concurrency
    amount: 25
    overrides: [{user: nobody, amount: 0}]
)";

TEST(P2_AllOrNothing, ARefusalByTheLastLimitLeavesNothingBehind) {
  Replicas replicas(kLastIsTight);
  const v1::Subject nobody = SubjectOf("t", "nobody");
  // Nothing is there before, so nothing may be there afterwards.
  const int64_t keys_before = replicas.redis().Command({"DBSIZE"}).integer;
  const auto refused = replicas.a().Call(ReserveOf("r", nobody, {10, 10}));
  ASSERT_TRUE(refused.ok()) << refused.status.error_message();
  ASSERT_EQ(refused.response.decision(), v1::DECISION_DENY);
  ASSERT_EQ(refused.response.exceeded_size(), 1);
  EXPECT_EQ(refused.response.exceeded(0).limit_id(), "parallel");
  EXPECT_TRUE(refused.response.exceeded(0).never_fits());
  EXPECT_FALSE(refused.response.has_expires_at());
  EXPECT_EQ(replicas.redis().Command({"DBSIZE"}).integer, keys_before);
  const auto usage = replicas.b().Call(GetUsageOf(nobody));
  ASSERT_TRUE(usage.ok());
  ASSERT_EQ(usage.response.limits_size(), 6);
  for (const v1::LimitUsage& limit : usage.response.limits()) {
    EXPECT_EQ(limit.used(), 0) << limit.limit_id();
  }
  EXPECT_EQ(ReasonOf(replicas.b().Call(ReleaseOf("r", nobody)).status), "RESERVATION_UNKNOWN");
}

TEST(P2_AllOrNothing, AtEveryMomentAllLimitsHoldTheSame) {
  constexpr int kThreads = 32;
  Replicas replicas(kLastIsTight);
  const v1::Subject subject = SubjectOf("t", "u");
  std::atomic<int> running = kThreads;
  std::atomic<int> refused = 0, admitted = 0;
  int looks = 0, looks_at_some = 0;
  std::thread watcher([&] {
    while (running > 0) {
      const auto usage = replicas.any(looks++).Call(GetUsageOf(subject));
      ASSERT_TRUE(usage.ok()) << usage.status.error_message();
      // One step of the store, so one moment.
      for (const v1::LimitUsage& limit : usage.response.limits()) {
        ASSERT_EQ(limit.held(), usage.response.limits(0).held())
            << usage.response.ShortDebugString();
      }
      looks_at_some += usage.response.limits(0).held() > 0;
    }
  });
  OnThreads(kThreads, [&](int number) {
    for (int i = 0; i < 40; ++i) {
      const std::string id = absl::StrCat(number, "-", i);
      const auto answer = replicas.any(number).Call(ReserveOf(id, subject, {1, 1}));
      EXPECT_TRUE(answer.ok()) << answer.status.error_message();
      if (answer.response.decision() == v1::DECISION_DENY) {
        ++refused;
        continue;
      }
      ++admitted;
      EXPECT_TRUE(replicas.any(i).Call(ReleaseOf(id, subject)).ok());
    }
    --running;
  });
  watcher.join();
  EXPECT_GT(refused, 0);
  EXPECT_GT(admitted, 0);
  EXPECT_GT(looks_at_some, 0);
  const auto usage = replicas.a().Call(GetUsageOf(subject));
  for (const v1::LimitUsage& limit : usage.response.limits()) {
    EXPECT_EQ(limit.used(), 0) << limit.limit_id();
  }
}

constexpr char kRoomy[] = R"(defaults: {on_outage: deny}
limits:
  - {id: usd, per: [team], unit: usd, amount: 1000, window: lifetime}
  - {id: requests, per: [team], unit: requests, amount: 1000000, window: 24h}
  - {id: tokens, per: [team], unit: total_tokens, amount: 100000000, window: month}
)";

// The same call at both replicas at the same time. The answers have to be equal but for `replayed`,
// which one of the two has where its response has the field at all.
template <typename Request>
typename MethodOf<Request>::Response Twice(const Replicas& replicas, const Request& request) {
  auto other = std::async(std::launch::async, [&] { return replicas.b().Call(request); });
  auto mine = replicas.a().Call(request);
  auto others = other.get();
  EXPECT_TRUE(mine.ok()) << mine.status.error_message();
  EXPECT_TRUE(others.ok()) << others.status.error_message();
  if constexpr (requires { mine.response.replayed(); }) {
    EXPECT_NE(mine.response.replayed(), others.response.replayed()) << request.ShortDebugString();
    mine.response.clear_replayed();
    others.response.clear_replayed();
  }
  EXPECT_EQ(mine.response.ShortDebugString(), others.response.ShortDebugString());
  return mine.response;
}

TEST(P3_RetryFreely, EveryCallTwiceAtOnceChangesThingsOnce) {
  constexpr int kThreads = 16, kRounds = 25;
  Replicas replicas(kRoomy);
  const v1::Subject subject = SubjectOf("t");
  OnThreads(kThreads, [&](int number) {
    for (int i = 0; i < kRounds; ++i) {
      const std::string id = absl::StrCat(number, "-", i);
      EXPECT_EQ(Twice(replicas, ReserveOf(id, subject, {100, 50})).decision(), v1::DECISION_ALLOW);
      EXPECT_EQ(Twice(replicas, ExtendOf(id, subject, 1, {200, 80})).decision(),
                v1::DECISION_ALLOW);
      if (i % 5 == 0) {
        EXPECT_EQ(Twice(replicas, ReleaseOf(id, subject)).outcome(),
                  v1::ReleaseResponse::OUTCOME_RELEASED);
      } else {
        const auto commit = Twice(replicas, CommitOf(id, subject, {210, 70}));
        EXPECT_EQ(commit.held_nano_usd(), 200 * kInputNanoUsd + 80 * kOutputNanoUsd);
      }
      Twice(replicas, RecordOf("record-" + id, subject, {10, 0}));
    }
  });
  const int64_t rounds = kThreads * kRounds, commits = rounds * 4 / 5;
  const auto usage = replicas.a().Call(GetUsageOf(subject));
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(LimitIn(usage.response, "requests").used(), commits + rounds);
  EXPECT_EQ(LimitIn(usage.response, "tokens").used(), commits * 280 + rounds * 10);
  const Tokens committed{210, 70}, recorded{10, 0};
  EXPECT_EQ(LimitIn(usage.response, "usd").used(),
            commits * committed.cost_nano_usd() + rounds * recorded.cost_nano_usd());
  for (const v1::LimitUsage& limit : usage.response.limits()) EXPECT_EQ(limit.held(), 0);
  EXPECT_EQ(OutboxLength(replicas.redis()), commits + rounds);
}

TEST(P3_RetryFreely, OtherCallsUnderTheSameIdAreConflictsAndChangeNothing) {
  Replicas replicas(kRoomy);
  const v1::Subject subject = SubjectOf("t"), stranger = SubjectOf("other");
  ASSERT_TRUE(replicas.a().Call(ReserveOf("r", subject, {100, 50})).ok());
  const auto reason = [&](const auto& request) {
    const auto answer = replicas.b().Call(request);
    EXPECT_FALSE(answer.ok());
    return ReasonOf(answer.status);
  };
  EXPECT_EQ(reason(ReserveOf("r", subject, {100, 51})), "RESERVATION_MISMATCH");
  EXPECT_EQ(reason(ReserveOf("r", stranger, {100, 50})), "RESERVATION_MISMATCH");
  EXPECT_EQ(reason(CommitOf("r", stranger, {1, 1})), "RESERVATION_MISMATCH");
  EXPECT_EQ(reason(RecordOf("r", subject, {1, 1})), "RESERVATION_HELD");
  ASSERT_TRUE(replicas.a().Call(CommitOf("r", subject, {90, 40})).ok());
  EXPECT_EQ(reason(CommitOf("r", subject, {90, 41})), "RESERVATION_COMMITTED");
  EXPECT_EQ(reason(ReleaseOf("r", subject)), "RESERVATION_COMMITTED");
  EXPECT_EQ(reason(ReserveOf("r", subject, {100, 50})), "RESERVATION_COMMITTED");
  EXPECT_EQ(reason(ExtendOf("r", subject, 1, {100, 50})), "RESERVATION_COMMITTED");
  EXPECT_EQ(LimitOf(replicas.a(), subject, "tokens").used(), 130);
  EXPECT_EQ(LimitOf(replicas.a(), stranger, "tokens").used(), 0);
  EXPECT_EQ(OutboxLength(replicas.redis()), 1);
}

// Who comes first decides: Commit, Release and Extend of one reservation, at both replicas at once.
// Every order ends with one outcome that all answers agree on, and with nothing held.
TEST(P3_RetryFreely, CommitReleaseAndExtendOfOneIdRace) {
  constexpr int kRounds = 300;
  Replicas replicas(kRoomy);
  const v1::Subject subject = SubjectOf("t");
  const Tokens used{210, 70};
  int committed = 0, released = 0, extended_first = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string id = absl::StrCat("race-", i);
    ASSERT_TRUE(replicas.any(i).Call(ReserveOf(id, subject, {100, 50})).ok());
    Answer<v1::CommitResponse> commit;
    Answer<v1::ReleaseResponse> release;
    Answer<v1::ExtendResponse> extend;
    OnThreads(3, [&](int number) {
      const QuotaClient& client = replicas.any(i + number);
      // Each begins a call later than the others in a third of the rounds, so that each wins some.
      if (number == i % 3) client.Call(GetUsageOf(subject));
      if (number == 0) commit = client.Call(CommitOf(id, subject, used));
      if (number == 1) release = client.Call(ReleaseOf(id, subject));
      if (number == 2) extend = client.Call(ExtendOf(id, subject, 1, {200, 80}));
    });
    ASSERT_NE(commit.ok(), release.ok()) << "one of the two ends it";
    const std::string ended = commit.ok() ? "RESERVATION_COMMITTED" : "RESERVATION_RELEASED";
    EXPECT_EQ(ReasonOf(commit.ok() ? release.status : commit.status), ended);
    EXPECT_EQ(ReasonOf(extend.status), extend.ok() ? "" : ended);
    extended_first += extend.ok();
    if (commit.ok()) {
      const Tokens hold = extend.ok() ? Tokens{200, 80} : Tokens{100, 50};
      EXPECT_EQ(commit.response.held_nano_usd(), hold.cost_nano_usd());
      ++committed;
    } else {
      ++released;
    }
    // Whoever asks again is told the same.
    EXPECT_EQ(replicas.any(i).Call(CommitOf(id, subject, used)).ok(), commit.ok());
    EXPECT_EQ(replicas.any(i).Call(ReleaseOf(id, subject)).ok(), release.ok());
  }
  EXPECT_GT(committed, 0);
  EXPECT_GT(released, 0);
  EXPECT_GT(extended_first, 0);
  const auto usage = replicas.a().Call(GetUsageOf(subject));
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(LimitIn(usage.response, "usd").used(), committed * used.cost_nano_usd());
  EXPECT_EQ(LimitIn(usage.response, "requests").used(), committed);
  EXPECT_EQ(LimitIn(usage.response, "tokens").used(), committed * used.total());
  for (const v1::LimitUsage& limit : usage.response.limits()) EXPECT_EQ(limit.held(), 0);
  EXPECT_EQ(OpenReservations(replicas.redis()), 0);
  EXPECT_EQ(OutboxLength(replicas.redis()), committed);
}

TEST(P6_EveryHoldEnds, OfAGatewayThatNeverCommits) {
  constexpr int kHolds = 500;
  constexpr absl::Duration kTtl = absl::Seconds(2);
  Replicas replicas(kRoomy);
  const v1::Subject subject = SubjectOf("t");
  ASSERT_TRUE(replicas.a().Call(ReserveOf("long", subject, {7, 0}, absl::Hours(1))).ok());
  OnThreads(8, [&](int number) {
    for (int i = 0; i < kHolds / 8 + 1; ++i) {
      const auto answer =
          replicas.any(i).Call(ReserveOf(absl::StrCat(number, "-", i), subject, {10, 10}, kTtl));
      ASSERT_TRUE(answer.ok());
    }
  });
  const absl::Time last = absl::Now();
  EXPECT_GE(OpenReservations(replicas.redis()), kHolds);
  // Redis is looked at past the servers: no traffic helps them along.
  ASSERT_TRUE(
      PollUntil(absl::Seconds(20), [&] { return OpenReservations(replicas.redis()) == 1; }));
  // A second between sweeps, and some for a busy machine.
  EXPECT_LT(absl::Now() - last, kTtl + absl::Seconds(4));
  const auto usage = replicas.b().Call(GetUsageOf(subject));
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(LimitIn(usage.response, "tokens").used(), 7);
  EXPECT_EQ(LimitIn(usage.response, "requests").used(), 1);
  // What was used after all is charged, once, and flagged.
  for (const bool replay : {false, true}) {
    const auto late = replicas.any(replay).Call(CommitOf("0-0", subject, {20, 10}));
    ASSERT_TRUE(late.ok()) << late.status.error_message();
    EXPECT_TRUE(late.response.late());
    EXPECT_FALSE(late.response.unreserved());
    EXPECT_EQ(late.response.replayed(), replay);
    EXPECT_EQ(late.response.overrun_tokens(), 10);
  }
  EXPECT_EQ(LimitOf(replicas.a(), subject, "tokens").used(), 37);
  const auto release = replicas.a().Call(ReleaseOf("0-1", subject));
  EXPECT_EQ(release.response.outcome(), v1::ReleaseResponse::OUTCOME_EXPIRED);
}

TEST(P6_EveryHoldEnds, AlsoWhenItsServersWereKilled) {
  Replicas replicas(kRoomy);
  const v1::Subject subject = SubjectOf("t");
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(
        replicas.any(i).Call(ReserveOf(absl::StrCat(i), subject, {10, 10}, absl::Seconds(1))).ok());
  }
  replicas.server_a().Kill();
  replicas.server_b().Kill();
  ASSERT_EQ(OpenReservations(replicas.redis()), 50);
  replicas.server_b().Start();
  ASSERT_TRUE(
      PollUntil(absl::Seconds(20), [&] { return OpenReservations(replicas.redis()) == 0; }));
  // The client's connection is to the killed server, as it finds out with the first call.
  ASSERT_TRUE(
      PollUntil(absl::Seconds(20), [&] { return replicas.b().Call(GetUsageOf(subject)).ok(); }));
  EXPECT_EQ(LimitOf(replicas.b(), subject, "tokens").used(), 0);
}

}  // namespace
}  // namespace quotaplane::fixtures
