#include "services/alerts/deployment_conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMinuteUs = 60'000'000;

TEST(DeploymentConditions, TheLedgerIsBehindByAMinuteAndBadlyByTen) {
  OutboxDepth depth;
  EXPECT_THAT(BacklogConditions(depth), IsEmpty());
  depth.messages = 7;
  depth.oldest_age_us = kMinuteUs - 1;
  EXPECT_THAT(BacklogConditions(depth), IsEmpty());
  depth.oldest_age_us = kMinuteUs;
  ASSERT_EQ(BacklogConditions(depth).size(), 1);
  EXPECT_EQ(BacklogConditions(depth)[0].severity, Severity::kWarning);
  EXPECT_THAT(BacklogConditions(depth)[0].summary, HasSubstr("7 messages"));
  depth.oldest_age_us = 10 * kMinuteUs;
  EXPECT_EQ(BacklogConditions(depth)[0].severity, Severity::kCritical);
  depth = {};
  depth.quarantined = 1;
  ASSERT_EQ(BacklogConditions(depth).size(), 1);
  EXPECT_EQ(BacklogConditions(depth)[0].name, "quarantine");
}

TEST(DeploymentConditions, DroppedCrossingsAreTold) {
  EXPECT_THAT(CrossingConditions({.waiting = 9, .dropped = 0}), IsEmpty());
  ASSERT_EQ(CrossingConditions({.waiting = 0, .dropped = 1}).size(), 1);
  EXPECT_EQ(CrossingConditions({.waiting = 0, .dropped = 1})[0].count, 1);
}

TEST(DeploymentConditions, ReplicasSpeakForThemselvesAndHostileOnesSayNothing) {
  ReplicaReport report;
  report.replica = "one";
  EXPECT_THAT(ReplicaConditions({report}), IsEmpty());
  report.conditions = "file\tcritical\tpolicy.yaml is not in force\nno line of ours\n";
  report.rejected = 2;
  const auto conditions = ReplicaConditions({report});
  ASSERT_EQ(conditions.size(), 2);
  EXPECT_EQ(conditions[0].name, "file");
  EXPECT_EQ(conditions[0].where, "one");
  EXPECT_EQ(conditions[1].name, "replica");
  EXPECT_EQ(conditions[1].where, "one");
}

TEST(DeploymentConditions, MessagesThatWaitOrWereGivenUpAreTheReceivers) {
  DeliveryQueue::Depth depth;
  depth.waiting = 3;
  depth.oldest_at_us = kMinuteUs;
  EXPECT_THAT(DeliveryConditions({{"hook", depth}}, 11 * kMinuteUs - 1), IsEmpty());
  const auto waiting = DeliveryConditions({{"hook", depth}}, 11 * kMinuteUs);
  ASSERT_EQ(waiting.size(), 1);
  EXPECT_EQ(waiting[0].name, "deliveries-waiting");
  EXPECT_EQ(waiting[0].where, "hook");
  depth = {};
  depth.dead = 1;
  const auto dead = DeliveryConditions({{"hook", depth}}, kMinuteUs);
  ASSERT_EQ(dead.size(), 1);
  EXPECT_EQ(dead[0].name, "deliveries-dead");
}

TEST(DeploymentConditions, AStoreThatIsAwayWasNotSeen) {
  EXPECT_TRUE(SawStore({}));
  EXPECT_TRUE(SawStore({{"backlog", "", Severity::kWarning, ""}}));
  EXPECT_FALSE(SawStore({StoreAway(absl::UnavailableError("away"), "one")}));
}

TEST(DeploymentConditions, WhatOneProcessSeesIsUnderItsName) {
  const auto file = ReceiversFileConditions({{"file", "", Severity::kCritical, "x"}}, "one");
  ASSERT_EQ(file.size(), 1);
  for (const OperationsCondition& seen : {file[0], StoreAway(absl::UnavailableError("x"), "one")}) {
    EXPECT_EQ(seen.where, "one");
    EXPECT_TRUE(seen.of_process);
    EXPECT_TRUE(IsOfProcess(seen.name)) << seen.name;
  }
  EXPECT_FALSE(IsOfProcess("file"));
  EXPECT_FALSE(IsOfProcess("backlog"));
}

}  // namespace
}  // namespace quotaplane
