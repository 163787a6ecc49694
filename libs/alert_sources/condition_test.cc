#include "libs/alert_sources/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/alert_sources/condition_tracker.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kStart = 1'775'500'000 * kSecond;

const OperationsCondition kBacklog = {"backlog", "", Severity::kWarning, "The ledger is behind"};
const OperationsCondition kSpool = {"degraded", "host/data", Severity::kCritical, "Degraded"};

class ConditionTrackerTest : public ::testing::Test {
 protected:
  // At `second`, told at once.
  std::vector<std::string> Look(std::vector<OperationsCondition> present, int64_t second) {
    std::vector<std::string> said;
    for (const Signal& signal : tracker_.Look(present, kStart + second * kSecond)) {
      EXPECT_TRUE(CheckSignal(signal).ok()) << CheckSignal(signal);
      said.push_back(signal.dimensions[0].second + (signal.over ? " over" : " begins"));
    }
    tracker_.Told();
    return said;
  }

  ConditionTracker tracker_{{.begin_after_us = 10 * kSecond, .end_after_us = 30 * kSecond}};
};

TEST_F(ConditionTrackerTest, IsToldOnceItHasLastedAndOverOnceItIsGoneForAWhile) {
  EXPECT_THAT(Look({kBacklog}, 0), IsEmpty());
  EXPECT_THAT(Look({kBacklog}, 9), IsEmpty());
  EXPECT_THAT(Look({kBacklog, kSpool}, 10), ElementsAre("backlog begins"));
  EXPECT_THAT(Look({kBacklog, kSpool}, 20), ElementsAre("degraded begins"));
  EXPECT_THAT(Look({kSpool}, 25), IsEmpty());
  EXPECT_THAT(Look({kSpool}, 54), IsEmpty());
  EXPECT_THAT(Look({kSpool}, 55), ElementsAre("backlog over"));
  EXPECT_THAT(Look({kSpool}, 100), IsEmpty());
  EXPECT_EQ(tracker_.size(), 1);
}

TEST_F(ConditionTrackerTest, WhatOnlyFlickersWakesNobody) {
  EXPECT_THAT(Look({kBacklog}, 0), IsEmpty());
  EXPECT_THAT(Look({}, 5), IsEmpty());
  EXPECT_THAT(Look({kBacklog}, 10), IsEmpty());
  EXPECT_THAT(Look({kBacklog}, 20), ElementsAre("backlog begins"));
  EXPECT_THAT(Look({}, 25), IsEmpty());
  EXPECT_THAT(Look({kBacklog}, 54), IsEmpty());
  EXPECT_THAT(Look({}, 60), IsEmpty());
  EXPECT_THAT(Look({}, 90), ElementsAre("backlog over"));
}

TEST_F(ConditionTrackerTest, WhatBecomesWorseIsToldOnceMore) {
  Look({kBacklog}, 0);
  EXPECT_THAT(Look({kBacklog}, 10), ElementsAre("backlog begins"));
  OperationsCondition worse = kBacklog;
  worse.severity = Severity::kCritical;
  EXPECT_THAT(Look({worse}, 20), ElementsAre("backlog begins"));
  EXPECT_THAT(Look({worse}, 30), IsEmpty());
}

// What was dropped is dropped: only that no more is.
TEST_F(ConditionTrackerTest, WhatIsOnlyCountedLastsWhileItRises) {
  OperationsCondition dropped = {"crossings-dropped", "", Severity::kWarning, "dropped"};
  const auto look = [&](int64_t count, int64_t second) {
    dropped.count = count;
    return Look({dropped}, second);
  };
  EXPECT_THAT(look(3, 0), IsEmpty());
  EXPECT_THAT(look(3, 10), ElementsAre("crossings-dropped begins"));
  EXPECT_THAT(look(3, 500), IsEmpty());
  EXPECT_THAT(look(7, 550), IsEmpty());  // ten minutes from here
  EXPECT_THAT(look(7, 1'149), IsEmpty());
  EXPECT_THAT(look(7, 1'150), IsEmpty());
  EXPECT_THAT(look(7, 1'179), IsEmpty());
  EXPECT_THAT(look(7, 1'180), ElementsAre("crossings-dropped begins", "crossings-dropped over"));
  EXPECT_EQ(tracker_.size(), 0);
  EXPECT_THAT(look(7, 90'000), IsEmpty());
  EXPECT_THAT(look(8, 90'010), IsEmpty());
  EXPECT_THAT(look(8, 90'020), ElementsAre("crossings-dropped begins"));
}

TEST_F(ConditionTrackerTest, WhatWasCountedBeforeTheStartIsNotToldAgain) {
  OperationsCondition dropped = {"crossings-dropped", "", Severity::kWarning, "dropped"};
  dropped.count = 7;
  tracker_.Remember(ConditionBegins(dropped, kStart - 100'000 * kSecond));
  EXPECT_THAT(Look({dropped}, 0), IsEmpty());
  EXPECT_THAT(Look({dropped}, 100), IsEmpty());
  dropped.count = 8;  // while nobody looked, or since
  EXPECT_THAT(Look({dropped}, 110), IsEmpty());
  EXPECT_THAT(Look({dropped}, 120), ElementsAre("crossings-dropped begins"));
}

TEST_F(ConditionTrackerTest, WhatIsCountedAndOpenEndsAfterAStartToo) {
  OperationsCondition dropped = {"crossings-dropped", "", Severity::kWarning, "dropped"};
  dropped.count = 7;
  tracker_.Adopt(ConditionBegins(dropped, kStart));
  EXPECT_THAT(Look({dropped}, 599), IsEmpty());
  EXPECT_THAT(Look({dropped}, 600), IsEmpty());
  EXPECT_THAT(Look({dropped}, 630), ElementsAre("crossings-dropped over"));
}

TEST_F(ConditionTrackerTest, WhatOneProcessSeesIsToldAgainWhileItLasts) {
  OperationsCondition away = {"store-away", "host/data", Severity::kCritical, "away"};
  away.of_process = true;
  Look({away}, 0);
  EXPECT_THAT(Look({away}, 10), ElementsAre("store-away begins"));
  EXPECT_THAT(Look({away}, 299), IsEmpty());
  EXPECT_THAT(Look({away}, 300), ElementsAre("store-away begins"));
  EXPECT_THAT(Look({away}, 310), IsEmpty());
  EXPECT_THAT(Look({away}, 590), ElementsAre("store-away begins"));
  Look({}, 600);
  EXPECT_THAT(Look({}, 630), ElementsAre("store-away over"));
}

TEST(ConditionTracker, IsToldAgainWhileNobodyKeptIt) {
  ConditionTracker tracker({});
  const std::vector<Signal> first = tracker.Look({kBacklog}, kStart);
  ASSERT_EQ(first.size(), 1);
  const std::vector<Signal> second = tracker.Look({kBacklog}, kStart + kSecond);
  ASSERT_EQ(second.size(), 1);
  EXPECT_EQ(first[0].occurrence, second[0].occurrence);
  EXPECT_EQ(first[0].key, second[0].key);
}

TEST(Conditions, AreReadBackFromAReport) {
  const std::string text = EncodeConditions({kBacklog, kSpool}, 1'000);
  OperationsCondition backlog = kBacklog;
  backlog.where = "r1";
  OperationsCondition spool = kSpool;
  spool.where = "r1";
  EXPECT_THAT(DecodeConditions(text, "r1"), ElementsAre(backlog, spool));
  EXPECT_THAT(DecodeConditions(EncodeConditions({kBacklog, kSpool}, 40), "r1"),
              ElementsAre(backlog));
}

TEST(Conditions, HostileReportsAreLeftOut) {
  for (const char* text : {"", "\n\n", "backlog", "backlog\twarning", "BACK LOG\twarning\tx",
                           "backlog\tworst\tx", "\t\t\t\t"}) {
    EXPECT_THAT(DecodeConditions(text, "r1"), IsEmpty()) << text;
  }
  const auto read = DecodeConditions("backlog\twarning\tx\x01y\ttab", "r1");
  ASSERT_EQ(read.size(), 1);
  EXPECT_TRUE(CheckSignal(ConditionBegins(read[0], 1)).ok());
}

TEST(ConditionTracker, WhatWasToldBeforeTheStartEndsAndIsNotToldAgain) {
  const OperationsCondition gone = {"file", "replica-1", Severity::kCritical, "policy.yaml"};
  const OperationsCondition stays = {"backlog", "", Severity::kWarning, "behind"};
  ConditionTracker tracker({.begin_after_us = 10, .end_after_us = 30});
  tracker.Adopt(ConditionBegins(gone, 500));
  tracker.Adopt(ConditionBegins(stays, 600));
  EXPECT_TRUE(tracker.Look({{stays}}, 1'000).empty());
  EXPECT_TRUE(tracker.Look({{stays}}, 1'029).empty());
  const std::vector<Signal> ends = tracker.Look({{stays}}, 1'030);
  ASSERT_EQ(ends.size(), 1);
  EXPECT_TRUE(ends[0].over);
  EXPECT_EQ(ends[0].key, ConditionBegins(gone, 1).key);
  tracker.Told();
  EXPECT_EQ(tracker.size(), 1);
}

TEST(ConditionTracker, WhatCannotBeNamedIsNotAdopted) {
  ConditionTracker tracker({.begin_after_us = 10, .end_after_us = 30});
  tracker.Adopt(ConditionBegins({"file", std::string(300, 'x'), Severity::kWarning, ""}, 500));
  EXPECT_EQ(tracker.size(), 0);
}

}  // namespace
}  // namespace quotaplane
