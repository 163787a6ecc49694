// Signals that were on their way when somebody was erased.
#include "services/alerts/erased_signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/alerts/test_alerts.h"
#include "libs/ledger/erasure_sql.h"

namespace quotaplane {
namespace {

class ErasedSignalsTest : public AlertsTest {
 protected:
  std::string Erase(const std::string& org, const std::string& user) {
    const auto pseudonym =
        In([&](sql::Transaction& t) { return RegisterErasure(t, org, user, now_us_); });
    EXPECT_TRUE(pseudonym.ok()) << pseudonym.status();
    return pseudonym.value_or("");
  }
  std::vector<Signal> Erased(std::vector<Signal> signals) {
    const auto done = In([&](sql::Transaction& t) -> absl::StatusOr<bool> {
      if (absl::Status status = EraseSignals(t, &signals); !status.ok()) return status;
      return true;
    });
    EXPECT_TRUE(done.ok()) << done.status();
    return signals;
  }
};
QP_OVER_BOTH_DATABASES(ErasedSignalsTest);

TEST_P(ErasedSignalsTest, WhatIsFromBeforeTheErasureIsUnderThePseudonym) {
  Signal before = SignalOf("alice", "1");
  before.at_us = now_us_;
  EXPECT_EQ(Erased({before})[0].scope, before.scope);
  const std::string pseudonym = Erase("acme", "alice");
  Signal after = before;
  after.at_us = now_us_ + 1;
  Signal elsewhere = before;
  elsewhere.org = "globex";
  Signal bob = SignalOf("bob", "1");
  bob.at_us = now_us_;
  bob.contributors = {{"user", "alice", 0, 7}, {"model", "alice", 0, 7}};
  const std::vector<Signal> erased = Erased({before, after, elsewhere, bob});
  EXPECT_EQ(erased[0].scope, "{org=acme, user=" + pseudonym + "}");
  EXPECT_EQ(erased[0].dimensions[1].second, pseudonym);
  EXPECT_EQ(erased[0].summary, "80% of $100 for " + pseudonym);
  EXPECT_EQ(erased[0].key, before.key);
  EXPECT_EQ(erased[1].scope, before.scope);
  EXPECT_EQ(erased[2].scope, before.scope);
  EXPECT_EQ(erased[3].contributors[0].value, pseudonym);
  EXPECT_EQ(erased[3].contributors[1].value, "alice");  // a model of that name
  EXPECT_EQ(erased[3].scope, bob.scope);
  for (const Signal& signal : erased) EXPECT_TRUE(CheckSignal(signal).ok()) << CheckSignal(signal);
}

}  // namespace
}  // namespace quotaplane
