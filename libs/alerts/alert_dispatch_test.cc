// From a signal to a receiver, with real threads and sockets, by a hand-moved clock.
#include "libs/alerts/alert_dispatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "absl/time/clock.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/test_alerts.h"
#include "libs/testing/alertmanager_server.h"
#include "libs/testing/http_receiver.h"
#include "libs/testing/poll_until.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using ::quotaplane::fixtures::HttpAnswerOf;
using ::quotaplane::fixtures::HttpReceived;
using ::quotaplane::fixtures::HttpReceiver;
using ::quotaplane::fixtures::PollUntil;
using Json = nlohmann::json;

class AlertDispatchTest : public AlertsTest {
 protected:
  std::unique_ptr<AlertDispatch> StartDispatch() {
    return std::make_unique<AlertDispatch>(
        db_.get(), AlertDispatchOptions{.receivers = [all = receivers_] { return all; },
                                        .now_us = [this] { return clock_us_.load(); },
                                        .interval = absl::Milliseconds(20),
                                        .timeout = absl::Seconds(5)});
  }
  void MoveClock(int64_t us) {
    now_us_ += us;
    clock_us_ = now_us_;
  }
  int64_t Waiting() {
    return sql::MustCount(*db_, "SELECT COUNT(*) FROM alert_messages WHERE state = 'waiting'");
  }
  bool WaitForNothing() {
    return PollUntil(absl::Seconds(60), [&] { return Waiting() == 0; });
  }

  std::atomic<int64_t> clock_us_ = now_us_;
};

TEST_P(AlertDispatchTest, AnAlertIsThereAtOnce) {
  const HttpReceiver server;
  SetReceivers({TestWebhook("hook", server.Url())}, {"hook"});
  const auto dispatch = StartDispatch();
  const absl::Time start = absl::Now();
  Record(SignalOf("alice", "1"));
  dispatch->Wake();
  ASSERT_TRUE(server.WaitFor(1));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_TRUE(WaitForNothing());
  EXPECT_TRUE(PollUntil(absl::Seconds(10), [&] { return dispatch->stats().sent == 1; }));
}

// "A receiver down for an hour gets each message once it is back."
TEST_P(AlertDispatchTest, AReceiverDownForAnHourGetsEachMessageOnce) {
  HttpReceiver server;
  SetReceivers({TestWebhook("hook", server.Url())}, {"hook"});
  server.Down();
  auto dispatch = StartDispatch();
  for (int minute = 0; minute < 60; ++minute) {
    Record(SignalOf(absl::StrCat("u", minute), "1"));
    // It is tried meanwhile.
    const int64_t failed = dispatch->stats().failed;
    MoveClock(kMinuteUs);
    dispatch->Wake();
    ASSERT_TRUE(PollUntil(absl::Seconds(30), [&] { return dispatch->stats().failed > failed; }));
    // And the process is restarted halfway.
    if (minute == 30) {
      dispatch.reset();
      dispatch = StartDispatch();
    }
  }
  EXPECT_EQ(dispatch->stats().sent, 0);
  server.Up();
  ASSERT_TRUE(PollUntil(absl::Seconds(60), [&] {
    MoveClock(kMinuteUs);
    dispatch->Wake();
    return Waiting() == 0;
  }));
  std::map<std::string, int> ids;
  std::map<std::string, int> alerts;
  for (const HttpReceived& got : server.received()) {
    const Json body = Json::parse(got.body);
    ++ids[body["id"]];
    int64_t listed = body["more"];
    for (const Json& alert : body["alerts"]) ++alerts[alert["alert"]], ++listed;
    EXPECT_EQ(listed, body["count"]);
  }
  for (const auto& [id, times] : ids) EXPECT_EQ(times, 1) << id;
  for (const auto& [alert, times] : alerts) EXPECT_EQ(times, 1) << alert;
  EXPECT_EQ(sql::MustCount(*db_, "SELECT SUM(alerts) FROM alert_messages"), 60);
  // The one that was tried all the time, and the one that gathered the others.
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_EQ(static_cast<int64_t>(ids.size()),
            sql::MustCount(*db_, "SELECT COUNT(*) FROM alert_messages WHERE state = 'sent'"));
}

TEST_P(AlertDispatchTest, ASlowReceiverHoldsUpNoOther) {
  const HttpReceiver slow([](const HttpReceived&) { return std::string(); });
  const HttpReceiver quick;
  SetReceivers({TestWebhook("slow", slow.Url()), TestWebhook("quick", quick.Url())},
               {"slow", "quick"});
  auto dispatch = StartDispatch();
  Record(SignalOf("alice", "1"));
  dispatch->Wake();
  ASSERT_TRUE(slow.WaitFor(1));
  ASSERT_TRUE(quick.WaitFor(1));
  // A stop does not wait for the slow one, and takes nothing with it.
  const absl::Time start = absl::Now();
  dispatch.reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(4));
  EXPECT_EQ(sql::MustCount(*db_,
                           "SELECT COUNT(*) FROM alert_messages WHERE state = 'waiting' AND "
                           "receiver = 'slow' AND lease = '' AND attempts = 0"),
            1);
}

TEST_P(AlertDispatchTest, WhatIsRefusedIsDeadAndTheNextOneGoes) {
  HttpReceiver server([](const HttpReceived& request) {
    return HttpAnswerOf(request.body.find("bad") != std::string::npos ? 400 : 200);
  });
  SetReceivers({TestWebhook("hook", server.Url())}, {"hook"});
  Signal bad = SignalOf("bad", "1");
  bad.kind = AlertKind::kForecast;
  RecordAll({bad, SignalOf("good", "1")});
  const auto dispatch = StartDispatch();
  ASSERT_TRUE(server.WaitFor(2));
  EXPECT_TRUE(WaitForNothing());
  EXPECT_EQ(server.received().size(), 2u);
  EXPECT_EQ(DeliveryQueue(db_.get()).List("acme", {DeliveryState::kDead}, 0, 10)->size(), 1u);
}

TEST_P(AlertDispatchTest, AStormIsDelivered) {
  const HttpReceiver server;
  const fixtures::AlertmanagerServer alertmanager;
  SetReceivers(
      {TestWebhook("hook", server.Url()),
       {"am", AlertmanagerReceiver{.url = alertmanager.url(), .token = "", .ca_file = ""}}},
      {"hook", "am"});
  // Alertmanager judges by its own clock.
  MoveClock(absl::ToUnixMicros(absl::Now()) - now_us_);
  const auto dispatch = StartDispatch();
  const absl::Time start = absl::Now();
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<Signal> signals;
    for (int i = 0; i < 500; ++i) {
      signals.push_back(SignalOf(absl::StrCat("u", batch, "-", i), "1"));
      signals.back().at_us = now_us_;
    }
    RecordAll(signals);
    dispatch->Wake();
  }
  const absl::Duration recorded = absl::Now() - start;
  MoveClock(2 * kGroupingUs);
  dispatch->Wake();
  ASSERT_TRUE(WaitForNothing());
  std::cout << "10,000 scopes: recorded in " << recorded << ", delivered in " << absl::Now() - start
            << ", in " << server.received().size() << " messages\n";
  int64_t told = 0;
  for (const HttpReceived& got : server.received()) {
    const Json body = Json::parse(got.body);
    told += body["count"].get<int64_t>();
    EXPECT_LE(body["alerts"].size(), kListedAlerts);
    EXPECT_LT(got.body.size(), size_t{64} << 10);
  }
  EXPECT_EQ(told, 10'000);
  EXPECT_LE(server.received().size(), 4u);
  EXPECT_EQ(Json::parse(alertmanager.Get("/api/v2/alerts")).size(), 10'000u);
}

TEST_P(AlertDispatchTest, ARestartedAlertmanagerKnowsAgainWhatFires) {
  fixtures::AlertmanagerServer alertmanager;
  SetReceivers(
      {{"am", AlertmanagerReceiver{.url = alertmanager.url(), .token = "", .ca_file = ""}}},
      {"am"});
  MoveClock(absl::ToUnixMicros(absl::Now()) - now_us_);
  const auto known = [&] {
    const Json alerts = Json::parse(alertmanager.Get("/api/v2/alerts"), nullptr, false);
    return alerts.is_array() ? alerts.size() : 0;
  };
  std::vector<Signal> signals;
  for (const char* key : {"alice", "bob"}) {
    signals.push_back(SignalOf(key, "1"));
    signals.back().at_us = now_us_;
  }
  RecordAll(signals);
  {
    AlertDispatch dispatch(db_.get(), {.receivers = [this] { return receivers_; },
                                       .now_us = [this] { return clock_us_.load(); },
                                       .interval = absl::Milliseconds(20)});
    ASSERT_TRUE(WaitForNothing());
  }
  EXPECT_EQ(known(), 2u);
  alertmanager.Stop();
  alertmanager.Start();
  EXPECT_EQ(known(), 0u);
  const AlertDispatch dispatch(db_.get(), {.receivers = [this] { return receivers_; },
                                           .now_us = [this] { return clock_us_.load(); },
                                           .sync_every = absl::Milliseconds(20)});
  ASSERT_TRUE(PollUntil(absl::Seconds(30), [&] { return dispatch.stats().syncs > 0; }));
  EXPECT_EQ(known(), 2u);
}

TEST_P(AlertDispatchTest, TwoDispatchesShareTheWork) {
  const HttpReceiver server;
  SetReceivers({TestWebhook("hook", server.Url())}, {"hook"});
  const auto one = StartDispatch(), other = StartDispatch();
  constexpr int kOrgs = 50;
  for (int i = 0; i < kOrgs; ++i) {
    Signal signal = SignalOf("alice", "1");
    signal.org = absl::StrCat("org", i);
    Record(signal);
    (i % 2 == 0 ? one : other)->Wake();
  }
  ASSERT_TRUE(WaitForNothing());
  std::map<std::string, int> ids;
  for (const HttpReceived& got : server.received()) ++ids[got.headers.at("idempotency-key")];
  EXPECT_EQ(ids.size(), static_cast<size_t>(kOrgs));
  for (const auto& [id, times] : ids) EXPECT_EQ(times, 1) << id;
}

QP_OVER_BOTH_DATABASES(AlertDispatchTest);

class DatabaseAwayTest : public AlertDispatchTest {};

TEST_P(DatabaseAwayTest, WhatWaitsGoesWhenItIsBack) {
  const HttpReceiver server;
  SetReceivers({TestWebhook("hook", server.Url())}, {"hook"});
  Record(SignalOf("alice", "1"));
  server_->Stop();
  const auto dispatch = StartDispatch();
  ASSERT_TRUE(PollUntil(absl::Seconds(30), [&] { return dispatch->stats().troubles > 2; }));
  server_->Start();
  ASSERT_TRUE(server.WaitFor(1));
  EXPECT_TRUE(WaitForNothing());
  EXPECT_EQ(server.received().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Postgres, DatabaseAwayTest, ::testing::Values(sql::Dialect::kPostgres),
                         sql::NameOfDialect);

}  // namespace
}  // namespace quotaplane
