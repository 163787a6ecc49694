#include "tools/quotactl/alert_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AlertFlags, Matchers) {
  const auto matcher = ParseMatcher("--match", "labels.session=ci-*=1");
  ASSERT_TRUE(matcher.ok()) << matcher.status();
  EXPECT_EQ(matcher->name(), "labels.session");
  EXPECT_EQ(matcher->glob(), "ci-*=1");
  for (const char* bad : {"", "user", "user=", "=alice"}) {
    const auto wrong = ParseMatcher("--match", bad);
    ASSERT_TRUE(absl::IsInvalidArgument(wrong.status())) << bad;
    EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("--match")) << bad;
  }
}

TEST(AlertFlags, DeliveryIds) {
  EXPECT_EQ(*ParseDeliveryId("DELIVERY", "42"), 42);
  for (const char* bad : {"", "0", "-1", "A-17", "9223372036854775808"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseDeliveryId("DELIVERY", bad).status())) << bad;
  }
}

TEST(AlertFlags, WordsBecomeValues) {
  WordsFlag<v1::AlertState> states;
  CLI::App app;
  states.AddTo(app, "--state", "");
  app.parse("--state silenced --state firing");
  v1::ListAlertsRequest request;
  states.Fill(request.mutable_states());
  EXPECT_THAT(request.states(), ElementsAre(v1::ALERT_STATE_SILENCED, v1::ALERT_STATE_FIRING));
  EXPECT_THROW(app.parse("--state over"), CLI::ValidationError);
}

TEST(AlertFlags, TheDeploymentIsTheEmptyOrg) {
  AlertOrgFlag flag;
  flag.org.org = "acme";
  EXPECT_EQ(flag.Org(), "acme");
  flag.deployment = true;
  EXPECT_EQ(flag.Org(), "");
}

TEST(AlertFlags, RequestIdsAreRandomUnlessGiven) {
  RequestIdFlag flag;
  EXPECT_FALSE(flag.Id().empty());
  EXPECT_NE(flag.Id(), flag.Id());
  flag.request_id = "ticket-17";
  EXPECT_EQ(flag.Id(), "ticket-17");
}

}  // namespace
}  // namespace quotaplane::quotactl
