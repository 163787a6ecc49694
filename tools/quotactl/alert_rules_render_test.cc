#include "tools/quotactl/alert_rules_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/config/policy_reader.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);

PolicyDocument Document() {
  const auto policy = ParsePolicy(
      "limits: []\n"
      "alerts:\n"
      "  - {id: full, on: threshold, at: 100%, when: {team: ads}, receivers: [oncall, chat],\n"
      "     hold_off: 2h, action: {throttle: 12.5%, for: 90m}}\n"
      "  - {id: wild, on: runaway, severity: critical, action: {freeze: true, for: 2h}}\n",
      "p.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return (*policy)->document();
}

TEST(AlertRulesRender, Text) {
  const std::string text = AlertRulesAsText(Document(), kPlain);
  EXPECT_THAT(text, ContainsRegex("full +threshold +when \\{team: ads\\}, at 100% +warning +chat, "
                                  "oncall +2h +throttle to 12.5% for 90m\n"));
  EXPECT_THAT(text, ContainsRegex("wild +runaway +all +critical +by routes +1h +freeze for 2h\n"));
  EXPECT_THAT(text, Not(HasSubstr("default")));
}

TEST(AlertRulesRender, TheDefaultRulesAndNone) {
  PolicyDocument document;
  const std::string text = AlertRulesAsText(document, kPlain);
  EXPECT_THAT(text, HasSubstr("limit-exhausted"));
  EXPECT_THAT(text, HasSubstr("the policy has no `alerts`"));
  document.alerts.emplace();
  EXPECT_THAT(AlertRulesAsText(document, kPlain), HasSubstr("nobody is told"));
  EXPECT_TRUE(AlertRulesAsJson(document).empty());
}

TEST(AlertRulesRender, Json) {
  const auto json = AlertRulesAsJson(Document());
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["id"], "full");
  EXPECT_EQ(json[0]["at"], "100%");
  EXPECT_EQ(json[0]["severity"], "warning");
  EXPECT_EQ(json[0]["receivers"], (std::vector<std::string>{"chat", "oncall"}));
  EXPECT_EQ(json[0]["when"].dump(), R"({"team":["ads"]})");
  EXPECT_EQ(json[0]["action"].dump(), R"({"throttle":"12.5%","for":"90m"})");
  EXPECT_EQ(json[1].dump(),
            R"({"id":"wild","on":"runaway","floor":"5","severity":"critical","receivers":[],)"
            R"("hold_off":"1h","action":{"freeze":true,"for":"2h"}})");
}

}  // namespace
}  // namespace quotaplane::quotactl
