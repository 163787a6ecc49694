// For tests: calls of AlertService as its threads make them, over a database of the test's own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "libs/control/test_stores.h"
#include "services/alerts/alert_methods.h"

namespace quotaplane {

class AlertCallsTest : public StoresTest {
 protected:
  AlertCallsTest() {
    parts_.database = sql::MustOpen({.url = url()});
    parts_.changes = std::make_unique<Changes>(parts_.database.get());
    parts_.curbs = std::make_unique<CurbStore>(&codec_);
    parts_.alerts = std::make_unique<AlertStore>([] { return std::make_shared<Receivers>(); });
    auto ann = std::make_shared<Principal>();
    ann->name = "token:ann";
    caller_.principal = std::move(ann);
  }

  AlertCall CallOf(const std::string& action, int64_t now_us) {
    return {parts_, caller_, action, now_us, now_us};
  }

  Signal SignalOf(const std::string& user) const {
    Signal signal;
    signal.org = "acme";
    signal.kind = AlertKind::kThreshold;
    signal.rule_id = "rule";
    signal.scope = "{org=acme, user=" + user + "}";
    signal.dimensions = {{"org", "acme"}, {"user", user}, {"limit", "user-month"}};
    signal.key = user;
    signal.occurrence = absl::StrCat("at ", now_us_);
    signal.summary = "80 % by " + user;
    signal.at_us = now_us_;
    return signal;
  }
  // The alerts' numbers.
  std::vector<int64_t> Record(const std::vector<Signal>& signals) {
    auto transaction = parts_.database->Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    const auto recorded = parts_.alerts->Record(**transaction, signals, now_us_);
    EXPECT_TRUE(recorded.ok()) << recorded.status();
    EXPECT_TRUE((*transaction)->Commit().ok());
    std::vector<int64_t> numbers;
    for (const Recorded& one : recorded.value_or(std::vector<Recorded>())) {
      numbers.push_back(one.number);
    }
    return numbers;
  }

  AlertParts parts_;
  Caller caller_;
};

}  // namespace quotaplane
