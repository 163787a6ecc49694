#include "tools/quotactl/policy_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);
const absl::Time kNow = absl::FromUnixSeconds(1'764'000'000);

v1::PolicyVersion Version() {
  v1::PolicyVersion version;
  version.set_org("acme");
  version.set_version(7);
  version.set_state(v1::POLICY_STATE_DRAFT);
  version.set_base_version(6);
  version.set_author("token:ann");
  version.set_reason("budgets");
  version.mutable_create_time()->set_seconds(1'764'000'000);
  version.set_approvals_needed(2);
  version.add_approvals()->set_approver("token:bob");
  return version;
}

TEST(PolicyRender, Versions) {
  v1::ListPolicyVersionsResponse response;
  EXPECT_THAT(VersionsAsText(response, kPlain), HasSubstr("default policy"));
  *response.add_versions() = Version();
  const std::string text = VersionsAsText(response, kPlain);
  EXPECT_THAT(text, HasSubstr("draft"));
  EXPECT_THAT(text, HasSubstr("1 of 2"));
  EXPECT_THAT(text, HasSubstr("2025-11-24 16:00:00"));
  EXPECT_THAT(VersionAsText(Version(), kNow, kPlain), HasSubstr("token:bob"));
  v1::PolicyVersion free = Version();
  free.set_approvals_needed(0);
  EXPECT_EQ(ApprovalWords(free), "1");
}

TEST(PolicyRender, TheDefaultPolicyAndACheckedDocument) {
  v1::PolicyVersion version;
  version.set_org("acme");
  version.set_state(v1::POLICY_STATE_ACTIVE);
  EXPECT_THAT(VersionAsText(version, kNow, kPlain), HasSubstr("default policy"));
  version.set_state(v1::POLICY_STATE_DRAFT);
  EXPECT_THAT(VersionAsText(version, kNow, kPlain), HasSubstr("valid"));
}

TEST(PolicyRender, Changes) {
  Changes changes;
  EXPECT_EQ(ChangesAsText(changes, 0, kPlain), "No changes.\n");
  v1::PolicyChange* change = changes.Add();
  change->set_kind(v1::PolicyChange::KIND_CHANGED);
  change->set_path("limits[a].amount");
  change->set_before("400");
  change->set_after("500");
  change->set_counts_anew(true);
  change = changes.Add();
  change->set_kind(v1::PolicyChange::KIND_REMOVED);
  change->set_path("limits[b]");
  EXPECT_EQ(ChangesAsText(changes, 12, kPlain),
            "~  limits[a].amount  400 -> 500  (counts anew)\n"
            "-  limits[b]\n"
            "… and 12 more changes\n");
}

TEST(PolicyRender, Plans) {
  v1::PlanPolicyResponse plan;
  plan.mutable_as_of_time()->set_seconds(1'764'000'000);
  EXPECT_THAT(PlanAsText(plan, kNow, kPlain), HasSubstr("0 over at once"));
  v1::PlannedScope* const scope = plan.add_scopes();
  scope->set_limit_id("user-month");
  scope->set_scope("{org=acme, user=alice}");
  scope->set_unit("usd");
  scope->set_amount_after(2'000'000'000);
  scope->set_used(3'000'000'000);
  scope->set_over_at_once(true);
  plan.set_over_at_once(1);
  const std::string text = PlanAsText(plan, kNow, kPlain);
  EXPECT_THAT(text, HasSubstr("none"));
  EXPECT_THAT(text, HasSubstr("150.0%"));
  EXPECT_THAT(text, HasSubstr("over at once"));
}

TEST(PolicyRender, Backtests) {
  v1::BacktestResult result;
  result.mutable_from_time()->set_seconds(1'764'000'000);
  result.mutable_to_time()->set_seconds(1'764'086'400);
  result.set_charges(200);
  result.set_refused(10);
  result.set_refused_cost_nano_usd(1'500'000'000);
  EXPECT_THAT(BacktestAsText(result, kPlain), HasSubstr("10 refused (5.0%), which cost $1.50"));
  v1::BacktestLimit* const limit = result.add_limits();
  limit->set_limit_id("user-month");
  limit->set_refused(10);
  limit->set_scopes_refused(3);
  limit->add_scopes()->set_scope("{org=acme, user=alice}");
  result.add_limits_not_replayed("streams");
  const std::string text = BacktestAsText(result, kPlain);
  EXPECT_THAT(text, HasSubstr("{org=acme, user=alice}"));
  EXPECT_THAT(text, HasSubstr("… and 2 more scopes"));
  EXPECT_THAT(text, HasSubstr("Not replayed (concurrency): streams"));
}

TEST(PolicyRender, Limits) {
  Limits limits;
  EXPECT_EQ(LimitsAsText(limits, kNow, kPlain), "No limit applies.\n");
  v1::EffectiveLimit* const limit = limits.Add();
  limit->set_limit_id("user-month");
  limit->set_unit("usd");
  limit->set_amount(500'000'000'000);
  limit->set_source("override {user=alice}");
  EXPECT_THAT(LimitsAsText(limits, kNow, kPlain), HasSubstr("$500.00"));
  EXPECT_THAT(LimitsAsText(limits, kNow, kPlain), Not(HasSubstr("in ")));
  limit->mutable_until_time()->set_seconds(1'764'003'600);
  EXPECT_THAT(LimitsAsText(limits, kNow, kPlain), HasSubstr("in 1h"));
}

}  // namespace
}  // namespace quotaplane::quotactl
