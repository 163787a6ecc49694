// Over a real Redis: what limits say of themselves without anybody asking.
#include "services/quota/limit_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <future>
#include <map>
#include <optional>

#include "absl/time/clock.h"
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"
#include "libs/counters/redis/forecast_table.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/scripts.h"
#include "libs/metrics/exposer.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "services/quota/charge_convert.h"

namespace quotaplane {
namespace {

constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: org-day, per: [org], unit: requests, amount: 10, window: day}
  - {id: team-day, per: [team], unit: requests, amount: 4, window: day}
  - {id: user-day, per: [user], unit: requests, amount: 100, window: day}
  - {id: team-ever, per: [team], unit: requests, amount: 100, window: lifetime}
  - {id: user-ever, per: [user], unit: requests, amount: 100, window: lifetime}
)";

class NoSpool : public ChargeSpool {
 public:
  void Append(std::string, absl::AnyInvocable<void(absl::Status)> done) override {
    done(absl::ResourceExhaustedError("no spool"));
  }
};

class LimitWatchTest : public testing::Test {
 protected:
  LimitWatchTest()
      : client_(*redis::Client::Start(RedisOptions(), GetCounterScripts().all())),
        store_(client_.get(), {}),
        policy_(*ParsePolicy(kPolicy, "policy.yaml")),
        snapshots_({std::make_shared<const PolicySet>(policy_), DefaultPriceBook()}),
        paces_(client_.get(), store_.partitions()),
        admission_(&store_, &snapshots_, &spool_, &codec_, nullptr, &paces_, &uses_) {
    EXPECT_TRUE(client_->WaitReady(absl::Seconds(20)).ok());
  }

  redis::ClientOptions RedisOptions() const {
    redis::ClientOptions options;
    options.url = redis_.unix_url();
    return options;
  }
  static Subject SubjectOf(const std::string& team, const std::string& user) {
    return {"acme", team, "", user, "", "claude-sonnet-4-5", {}};
  }
  Decision Reserve(const std::string& id, const std::string& team, const std::string& user) {
    ReserveArgs args;
    args.id = id;
    args.subject = SubjectOf(team, user);
    args.estimate = {{"output", 10}};
    std::promise<absl::StatusOr<ReserveAnswer>> answer;
    admission_.Reserve(
        std::move(args), std::chrono::steady_clock::now() + std::chrono::seconds(10),
        [&answer](absl::StatusOr<ReserveAnswer> done) { answer.set_value(std::move(done)); });
    const absl::StatusOr<ReserveAnswer> got = answer.get_future().get();
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->verdict.decision : Decision::kDeny;
  }

  // From now on the table has that pace for every limit of the subject.
  void SetPace(const Subject& subject, float requests_a_day) {
    Pace pace;
    pace.from_us = absl::ToUnixMicros(absl::Now());
    pace.week.fill(requests_a_day / kPaceDayBlocks);
    std::vector<AppliedLimit> applied;
    policy_->Match(subject, subject.model, &applied);
    std::vector<ForecastTable::Entry> entries;
    for (const AppliedLimit& limit : applied) {
      entries.push_back({subject.org, limit.counter, pace});
    }
    const SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    ASSERT_TRUE(paces_.Replace(entries, {}, deadline).ok());
  }

  fixtures::RedisServer redis_;
  const std::unique_ptr<redis::Client> client_;
  RedisCounterStore store_;
  const std::shared_ptr<const Policy> policy_;
  SnapshotHolder snapshots_;
  RedisForecastTable paces_;
  NoSpool spool_;
  LedgerCodec codec_;
  UseCounts uses_;
  Admission admission_;
};

// In days from now, by limit.
std::map<std::string, double> DaysToExhaustion(const LimitWatch& watch) {
  std::map<std::string, double> days;
  for (const metrics::Family& family : watch.Collect()) {
    if (family.name != "quotaplane_budget_exhaustion_timestamp_seconds") continue;
    for (const metrics::Sample& sample : family.samples) {
      const double left_s = sample.value - absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
      days[sample.labels.at(1).second] = left_s / 86'400;
    }
  }
  return days;
}

TEST_F(LimitWatchTest, TellsHowFarLimitsAreUsedUp) {
  for (int i = 0; i < 5; ++i) {
    const Decision decision = Reserve("r-" + std::to_string(i), "core", "alice");
    EXPECT_EQ(decision, i < 4 ? Decision::kAllow : Decision::kDeny);
  }
  EXPECT_EQ(Reserve("r-0", "core", "alice"), Decision::kAllow);  // again: counted once
  EXPECT_EQ(Reserve("s-1", "edge", "bob"), Decision::kAllow);
  const LimitWatch watch(&admission_, &uses_, absl::Milliseconds(5));
  const auto scrape = [&watch] { return metrics::Render({[&watch] { return watch.Collect(); }}); };
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(20),
                                  [&] { return scrape().find("edge") != std::string::npos; }));
  const std::string text = scrape();
  const std::string name = "quotaplane_limit_utilization_ratio";
  EXPECT_THAT(text, testing::HasSubstr(name + R"({org="acme",limit="org-day",scope="{org=acme}",)" +
                                       R"(team="",project="",model=""} 0.5)"));
  EXPECT_THAT(text, testing::HasSubstr(
                        name + R"({org="acme",limit="team-day",scope="{org=acme, team=core}",)" +
                        R"(team="core",project="",model=""} 1)"));
  EXPECT_THAT(text, testing::HasSubstr(
                        name + R"({org="acme",limit="team-day",scope="{org=acme, team=edge}",)" +
                        R"(team="edge",project="",model=""} 0.25)"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("user-day")));
  EXPECT_THAT(text, testing::HasSubstr("quotaplane_limit_utilization_left_out 0"));
  int64_t allowed = 0, denied = 0;
  for (const UseCounts::Use& use : uses_.Read()) {
    allowed += use.decided[static_cast<size_t>(Decision::kAllow)];
    denied += use.decided[static_cast<size_t>(Decision::kDeny)];
  }
  EXPECT_EQ(allowed, 5);
  EXPECT_EQ(denied, 1);
}

TEST_F(LimitWatchTest, TellsWhenBudgetsAreUsedUp) {
  const auto use = [this](int from, int to) {
    for (int i = from; i < to; ++i) {
      ASSERT_EQ(Reserve("r-" + std::to_string(i), "core", "alice"), Decision::kAllow);
    }
  };
  use(0, 2);
  const LimitWatch watch(&admission_, &uses_, absl::Milliseconds(5));
  // In so many days, give or take an hour, in which the test runs.
  const auto ends_in = [&watch](double expected) {
    return fixtures::PollUntil(absl::Seconds(20), [&] {
      const std::map<std::string, double> days = DaysToExhaustion(watch);
      const auto found = days.find("team-ever");
      return found != days.end() && std::abs(found->second - expected) < 1.0 / 24;
    });
  };
  SetPace(SubjectOf("core", "alice"), 14);
  EXPECT_TRUE(ends_in(7));  // 98 are left
  SetPace(SubjectOf("core", "alice"), 28);
  EXPECT_TRUE(ends_in(3.5)) << "faster, so sooner";
  use(2, 4);
  EXPECT_TRUE(ends_in(96 / 28.0)) << "less is left, so sooner";
  // The user's budget has the same pace, and stays untold.
  EXPECT_FALSE(DaysToExhaustion(watch).contains("user-ever"));
  // Without spend a budget lasts.
  SetPace(SubjectOf("core", "alice"), 0);
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20),
                                  [&] { return !DaysToExhaustion(watch).contains("team-ever"); }));
}

}  // namespace
}  // namespace quotaplane
