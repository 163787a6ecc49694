// P8: the store's clock decides windows, expiry and periods; that of a replica does not matter. One
// replica's clock is right, the other's is days off.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/redis_server.h"
#include "tests/e2e/quota_client.h"
#include "tests/e2e/server_process.h"
#include "tests/e2e/store_view.h"

namespace quotaplane::fixtures {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

std::string Policy() {
  return absl::StrCat("defaults: {on_outage: deny, time_zone: ", CalmTimeZone(), "}\n",
                      R"(limits:
  - {id: day, per: [team], unit: total_tokens, amount: 1000, window: day}
  - {id: hour, per: [team], unit: requests, amount: 1000, window: 1h}
)");
}

std::vector<std::pair<std::string, std::string>> ClockOff(absl::Duration by) {
  return {{"LD_PRELOAD", CLOCK_OFFSET_LIBRARY},
          {"CLOCK_OFFSET_SECONDS", absl::StrCat(absl::ToInt64Seconds(by))},
          // Where the server is built with it: it wants to be loaded first, and need not be.
          {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
}

class P8ReplicaClocksDontMatter : public testing::TestWithParam<int> {
 protected:
  P8ReplicaClocksDontMatter()
      : right_({.policy = Policy(), .redis = redis_.url()}),
        wrong_({.policy = Policy(), .redis = redis_.url(), .env = ClockOff(days() * kDay)}),
        right_client_(right_.address()),
        wrong_client_(wrong_.address()) {
    CheckThatTheClockIsOff();
  }

  int days() const { return GetParam(); }
  absl::Time StoreNow() const { return absl::FromUnixMicros(RedisNowUs(redis_)); }

  // Otherwise these tests would say nothing. Log lines begin with the day.
  void CheckThatTheClockIsOff() const {
    const auto day = [&](absl::Duration off) {
      return absl::FormatTime("{\"time\":\"%Y-%m-%dT", absl::Now() + off, absl::UTCTimeZone());
    };
    const bool shifted = absl::StartsWith(wrong_.Log(), day(days() * kDay)) ||
                         absl::StartsWith(wrong_.Log(), day(days() * kDay - absl::Minutes(5)));
    ASSERT_TRUE(shifted) << wrong_.Log();
  }

  const v1::Subject subject_ = SubjectOf("t");
  RedisServer redis_;
  ServerProcess right_, wrong_;
  QuotaClient right_client_, wrong_client_;
};

TEST_P(P8ReplicaClocksDontMatter, BothSeeTheSamePeriodAndNoLimitIsLifted) {
  // The first call of all is the wrong one's: it knows nothing yet but its own clock.
  const auto first = wrong_client_.Call(ReserveOf("a", subject_, {400, 0}));
  ASSERT_TRUE(first.ok()) << first.status.error_message();
  EXPECT_EQ(first.response.decision(), v1::DECISION_ALLOW);
  const auto second = right_client_.Call(ReserveOf("b", subject_, {400, 0}));
  EXPECT_EQ(second.response.decision(), v1::DECISION_ALLOW);
  for (const QuotaClient* client : {&right_client_, &wrong_client_}) {
    const auto refused = client->Call(ReserveOf("c", subject_, {201, 0}));
    ASSERT_TRUE(refused.ok());
    EXPECT_EQ(refused.response.decision(), v1::DECISION_DENY);
    EXPECT_EQ(refused.response.exceeded(0).used(), 800);
  }
  ASSERT_TRUE(wrong_client_.Call(CommitOf("b", subject_, {300, 0})).ok());
  ASSERT_TRUE(right_client_.Call(CommitOf("a", subject_, {300, 0})).ok());
  const auto right = right_client_.Call(GetUsageOf(subject_));
  const auto wrong = wrong_client_.Call(GetUsageOf(subject_));
  ASSERT_TRUE(right.ok() && wrong.ok());
  EXPECT_EQ(right.response.ShortDebugString(), wrong.response.ShortDebugString());
  const v1::LimitUsage day = LimitIn(wrong.response, "day");
  EXPECT_EQ(day.used(), 600);
  const absl::Duration left = absl::FromUnixSeconds(day.resets_at().seconds()) - StoreNow();
  EXPECT_GT(left, absl::ZeroDuration());
  EXPECT_LE(left, kDay);
  EXPECT_EQ(LimitIn(wrong.response, "hour").used(), 2);
}

TEST_P(P8ReplicaClocksDontMatter, HoldsEndByTheStoresClock) {
  constexpr absl::Duration kTtl = absl::Seconds(2);
  const absl::Time before = StoreNow();
  const auto reserved = wrong_client_.Call(ReserveOf("a", subject_, {900, 0}, kTtl));
  const absl::Time after = StoreNow();
  ASSERT_TRUE(reserved.ok());
  const absl::Time expires = absl::FromUnixSeconds(reserved.response.expires_at().seconds()) +
                             absl::Nanoseconds(reserved.response.expires_at().nanos());
  EXPECT_GE(expires, before + kTtl);
  EXPECT_LE(expires, after + kTtl);
  // The right one leaves: the sweep that ends the hold is the wrong one's, not early and not late.
  right_.Kill();
  ASSERT_TRUE(PollUntil(absl::Seconds(20), [&] { return OpenReservations(redis_) == 0; }));
  EXPECT_GE(StoreNow(), expires);
  EXPECT_LT(StoreNow(), expires + absl::Seconds(4));
  EXPECT_EQ(LimitOf(wrong_client_, subject_, "day").used(), 0);
}

TEST_P(P8ReplicaClocksDontMatter, PricesHoldFromTheirDayByTheStoresClock) {
  // The price changes between the two clocks, days away from both.
  const absl::Time change = StoreNow() + 2 * days() * kDay;
  const bool rises = days() > 0;
  const std::string prices = absl::StrCat(
      "version: two\nmodels:\n  - {model: tester, from: 2020-01-01, usd_per_million: {input: ",
      rises ? 3 : 1,
      "}}\n  - {model: tester, from: ", absl::FormatTime("%Y-%m-%d", change, absl::UTCTimeZone()),
      ", usd_per_million: {input: ", rises ? 9 : 3, "}}\n");
  ServerProcess wrong({.policy = Policy(),
                       .prices = prices,
                       .redis = redis_.url(),
                       .env = ClockOff(4 * days() * kDay)});
  const QuotaClient client(wrong.address());
  // Its first call: it has learnt nothing from others yet.
  const auto record = client.Call(RecordOf("a", subject_, {1000, 0}));
  ASSERT_TRUE(record.ok()) << record.status.error_message();
  EXPECT_EQ(record.response.cost_nano_usd(), 3'000'000);
}

INSTANTIATE_TEST_SUITE_P(DaysOff, P8ReplicaClocksDontMatter, testing::Values(-1, 1),
                         [](const auto& info) { return info.param < 0 ? "Behind" : "Ahead"; });

}  // namespace
}  // namespace quotaplane::fixtures
