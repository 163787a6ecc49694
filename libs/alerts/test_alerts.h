// For tests: a store over a database of the test's own, and a clock that is moved by hand.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/alerts/alert_store.h"
#include "libs/sql/migrate.h"
#include "libs/sql/test_database.h"

namespace quotaplane {

inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kMinuteUs = 60 * kSecondUs;
inline constexpr int64_t kHourUs = 60 * kMinuteUs;
inline constexpr int64_t kDayUs = 24 * kHourUs;

// A receiver that is never sent to by itself.
inline Receiver TestWebhook(const std::string& name,
                            const std::string& url = "http://127.0.0.1:9/") {
  return {name, WebhookReceiver{.url = url, .secret = "0123456789abcdef", .ca_file = ""}};
}

class AlertsTest : public sql::DatabaseTest {
 protected:
  AlertsTest() {
    EXPECT_TRUE(sql::Migrate(*db_).ok());
    SetReceivers({TestWebhook("hook")}, {"hook"});
  }

  void SetReceivers(std::vector<Receiver> receivers, std::vector<std::string> by_default,
                    std::vector<Route> routes = {}) {
    receivers_ = std::make_shared<const Receivers>(std::move(receivers), std::move(routes),
                                                   std::move(by_default));
  }

  static Signal SignalOf(const std::string& key, const std::string& occurrence) {
    Signal signal;
    signal.org = "acme";
    signal.kind = AlertKind::kThreshold;
    signal.rule_id = "user-month";
    signal.severity = Severity::kWarning;
    signal.scope = absl::StrCat("{org=acme, user=", key, "}");
    signal.dimensions = {{"org", "acme"}, {"user", key}};
    signal.key = key;
    signal.occurrence = occurrence;
    signal.summary = absl::StrCat("80% of $100 for ", key);
    signal.unit = "usd";
    signal.actual = 80'000'000'000;
    signal.amount = 100'000'000'000;
    signal.at_us = 1'790'000'000 * kSecondUs;
    return signal;
  }

  // Runs `work(transaction)` and commits; the error of either.
  template <typename Work>
  auto In(Work work) -> decltype(work(std::declval<sql::Transaction&>())) {
    auto transaction = db_->Begin();
    if (!transaction.ok()) return transaction.status();
    auto result = work(**transaction);
    if (!result.ok()) return result;
    if (absl::Status status = (*transaction)->Commit(); !status.ok()) return status;
    return result;
  }

  std::vector<Recorded> RecordAll(const std::vector<Signal>& signals) {
    const auto recorded =
        In([&](sql::Transaction& t) { return store_.Record(t, signals, now_us_); });
    EXPECT_TRUE(recorded.ok()) << recorded.status();
    return recorded.ok() ? *recorded : std::vector<Recorded>(signals.size());
  }
  Recorded Record(const Signal& signal) { return RecordAll({signal}).at(0); }
  void Advance() {
    for (bool more = true; more;) {
      const auto advanced = In([&](sql::Transaction& t) { return store_.Advance(t, now_us_); });
      ASSERT_TRUE(advanced.ok()) << advanced.status();
      more = *advanced;
    }
  }
  Alert Get(int64_t number) {
    const auto alert = store_.Get(*db_, std::nullopt, number);
    EXPECT_TRUE(alert.ok()) << alert.status();
    return alert.ok() ? *alert : Alert();
  }
  // Notices put into the queue since the last call, as "A-1 firing", in order.
  std::vector<std::string> Told() {
    const auto rows = db_->Query(
        {"told",
         "SELECT message, alert, event, position FROM alert_message_items WHERE message * 1000 + "
         "position > $1 ORDER BY message, position"},
        {told_});
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> told;
    for (size_t i = 0; i < rows->size(); ++i) {
      const sql::Row row = (*rows)[i];
      told.push_back(absl::StrCat("A-", row[1].integer(), " ",
                                  absl::string_view(row[2].text().data(), row[2].text().size())));
      told_ = row[0].integer() * 1000 + row[3].integer();
    }
    return told;
  }

  std::shared_ptr<const Receivers> receivers_;
  AlertStore store_{[this] { return receivers_; }};
  int64_t now_us_ = 1'790'000'000 * kSecondUs;

 private:
  int64_t told_ = -1;
};

}  // namespace quotaplane
