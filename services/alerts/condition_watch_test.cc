// Processes that look at the same deployment, each with its own eyes, and the alerts they share.
#include "services/alerts/condition_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/alerts/test_alerts.h"
#include "services/alerts/deployment_conditions.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const OperationsCondition kBacklog = {"backlog", "", Severity::kWarning, "The ledger is behind"};

class ConditionWatchTest : public AlertsTest {
 protected:
  using Present = std::vector<OperationsCondition>;

  void Look(ConditionWatch& watch, const Present& present) {
    const auto signals = watch.Look(store_, *db_, present, now_us_);
    ASSERT_TRUE(signals.ok()) << signals.status();
    if (!signals->empty()) RecordAll(*signals);
    watch.Told();
  }
  // Every five seconds, one after the other.
  struct Looker {
    ConditionWatch* watch;
    Present present;
  };
  void LookFor(int64_t seconds, const std::vector<Looker>& lookers) {
    for (int64_t i = 0; i < seconds; i += 5) {
      now_us_ += 5 * kSecondUs;
      for (const Looker& looker : lookers) Look(*looker.watch, looker.present);
    }
  }
  static OperationsCondition Away(const std::string& process) {
    return StoreAway(absl::UnavailableError("no answer"), process);
  }
  static Present Dropped(int64_t count) {
    return CrossingConditions({.waiting = 0, .dropped = count});
  }
  // "store-away of one", of those that are open.
  std::vector<std::string> Open() {
    const auto alerts = store_.List(*db_, {.org = "", .states = {AlertState::kFiring}}, 0, 100);
    EXPECT_TRUE(alerts.ok()) << alerts.status();
    std::vector<std::string> names;
    for (const Alert& alert : *alerts) {
      std::string name;
      for (const auto& [dimension, value] : alert.signal.dimensions) {
        absl::StrAppend(&name, name.empty() ? "" : " of ", value);
      }
      names.push_back(name);
    }
    return names;
  }
  int64_t Alerts() { return sql::MustCount(*db_, "SELECT COUNT(*) FROM alerts"); }

  ConditionWatch one_{"one"};
  ConditionWatch two_{"two"};
};
QP_OVER_BOTH_DATABASES(ConditionWatchTest);

TEST_P(ConditionWatchTest, TwoOfWhomOneSeesTheStoreDoNotFightOverIt) {
  LookFor(3'600, {{&one_, {Away("one")}}, {&two_, {}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of one"));
  EXPECT_EQ(Alerts(), 1);
  EXPECT_EQ(Get(1).opened_at_us, Get(1).recorded_at_us - 10 * kSecondUs);
  // Reminders go by the hold-off.
  EXPECT_THAT(Told(), SizeIs(1));
  LookFor(60, {{&one_, {}}, {&two_, {}}});
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Told(), ElementsAre("A-1 resolved"));
}

TEST_P(ConditionWatchTest, EachThatIsCutOffHasItsOwn) {
  LookFor(60, {{&one_, {Away("one")}}, {&two_, {Away("two")}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of two", "store-away of one"));
  LookFor(60, {{&one_, {}}, {&two_, {Away("two")}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of two"));
}

TEST_P(ConditionWatchTest, WhoeverStartsLeavesWhatAnotherStillSees) {
  LookFor(60, {{&one_, {Away("one")}}});
  LookFor(300, {{&one_, {Away("one")}}, {&two_, {}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of one"));
}

TEST_P(ConditionWatchTest, ItsSuccessorEndsWhatAProcessLeftBehind) {
  LookFor(60, {{&one_, {Away("one"), kBacklog}}});
  ConditionWatch again("one");
  LookFor(20, {{&again, {kBacklog}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of one", "backlog"));
  LookFor(20, {{&again, {kBacklog}}});
  EXPECT_THAT(Open(), ElementsAre("backlog"));
}

TEST_P(ConditionWatchTest, WhatIsLeftOfAProcessThatIsGoneEndsOnceItIsSilentForLong) {
  LookFor(60, {{&one_, {Away("one")}}, {&two_, {}}});
  LookFor(840, {{&two_, {}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of one"));
  LookFor(160, {{&two_, {}}});
  EXPECT_THAT(Open(), IsEmpty());
}

TEST_P(ConditionWatchTest, NobodyEndsAnythingWhileItCannotLook) {
  LookFor(60, {{&one_, {kBacklog}}});
  LookFor(600, {{&two_, {Away("two")}}});
  EXPECT_THAT(Open(), ElementsAre("store-away of two", "backlog"));
  LookFor(60, {{&two_, {}}});
  EXPECT_THAT(Open(), IsEmpty());
}

TEST_P(ConditionWatchTest, DroppedCrossingsEndOnceNoMoreAre) {
  LookFor(60, {{&one_, Dropped(5)}, {&two_, Dropped(5)}});
  EXPECT_THAT(Open(), ElementsAre("crossings-dropped"));
  LookFor(300, {{&one_, Dropped(9)}, {&two_, Dropped(9)}});
  LookFor(640, {{&one_, Dropped(9)}, {&two_, Dropped(9)}});
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_EQ(Alerts(), 1);
  EXPECT_EQ(Get(1).signal.actual, 9);
  // Whoever starts knows of those, and tells what was dropped while nobody ran.
  ConditionWatch later("three");
  LookFor(60, {{&later, Dropped(9)}});
  EXPECT_THAT(Open(), IsEmpty());
  ConditionWatch last("four");
  LookFor(60, {{&last, Dropped(10)}});
  EXPECT_THAT(Open(), ElementsAre("crossings-dropped"));
}

}  // namespace
}  // namespace quotaplane
