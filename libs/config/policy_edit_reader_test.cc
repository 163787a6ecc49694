// Edits in texts: what they become, and which field is wrong.
#include "libs/config/policy_edit_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/config/policy_reader.h"
#include "libs/config/policy_writer.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kPolicy = R"(tiers:
  - {tier: restricted, when: {team: interns}}
limits:
  - id: user-month
    per: [user]
    unit: usd
    amount: 100
    window: month
    time_zone: Europe/Berlin
    on_outage: allow
)";

PolicyDocument Document() {
  const auto policy = ParsePolicy(kPolicy, "p.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return (*policy)->document();
}

SetAmountText AliceMonth(std::string amount) {
  SetAmountText set;
  set.scope = {{"user", "alice"}};
  set.unit = "usd";
  set.window = "month";
  set.amount = std::move(amount);
  return set;
}

// "FIELD: WHAT" of each violation.
std::vector<std::string> Violations(const absl::Status& status) {
  std::vector<std::string> lines;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    lines.push_back(absl::StrCat(violation.field, ": ", violation.description));
  }
  return lines;
}

std::vector<std::string> ErrorsOf(const PolicyEditText& text) {
  const auto edit = ReadPolicyEdit(text, "acme", "set", Document());
  EXPECT_FALSE(edit.ok());
  return Violations(edit.status());
}

// The document after the edits, as it is written, without what stays.
std::string After(const std::vector<PolicyEditText>& edits) {
  const auto edited = ApplyEdits(edits, "acme", "edits.edits", Document());
  if (!edited.ok()) return absl::StrCat(edited.status().ToString());
  const auto policy = Policy::Build(edited->document);
  EXPECT_TRUE(policy.ok()) << policy.status();
  std::string text = WritePolicy((*policy)->document());
  EXPECT_EQ(text.substr(0, kPolicy.size()), kPolicy);
  return text.substr(kPolicy.size());
}

TEST(PolicyEditReaderTest, SetsAmounts) {
  EXPECT_EQ(After({AliceMonth("500.25")}),
            "    overrides:\n"
            "      - {user: alice, amount: 500.25}\n");
  SetAmountText team;
  team.scope = {{"team", "search"}, {"labels.agent", "ci"}};
  team.unit = "requests";
  team.window = "24h";
  team.amount = "1000";
  team.on_outage = "deny";
  EXPECT_EQ(After({team}),
            "  - id: team-search-agent-ci-1d-requests\n"
            "    per: [team, labels.agent]\n"
            "    when: {team: search, labels.agent: ci}\n"
            "    unit: requests\n"
            "    amount: 1000\n"
            "    window: 1d\n"
            "    on_outage: deny\n");
}

TEST(PolicyEditReaderTest, EditsAreMadeOneAfterTheOther) {
  SetAmountText named;
  named.limit_id = "new";
  named.amount = "7";
  const PutLimitText put{
      "id: new\nper: [team]\nunit: requests\namount: 5\nwindow: day\n"
      "on_outage: deny\noverrides: [{team: a, amount: 1}]\n"};
  const auto edited =
      ApplyEdits({put, named, AliceMonth("5"), RemoveOverrideText{"new", {{"team", "a"}}}}, "acme",
                 "edits.edits", Document());
  ASSERT_TRUE(edited.ok()) << edited.status();
  ASSERT_EQ(edited->applied.size(), 4u);
  EXPECT_TRUE(edited->applied[0].new_limit);
  EXPECT_EQ(edited->applied[1].limit_id, "new");
  EXPECT_EQ(edited->applied[2].limit_id, "user-month");
  ASSERT_EQ(edited->document.limits.size(), 2u);
  EXPECT_EQ(edited->document.limits[1].amount, 7) << "in the unit of the limit just put";
  EXPECT_TRUE(edited->document.limits[1].overrides.empty());
  EXPECT_EQ(After({put, RemoveLimit{"new"}}), "");
}

TEST(PolicyEditReaderTest, SaysWhichFieldIsWrong) {
  SetAmountText set;
  set.scope = {{"tema", "a"}, {"user", ""}};
  set.unit = "US$";
  set.window = "fortnight";
  set.time_zone = "Mars";
  set.on_outage = "maybe";
  EXPECT_THAT(
      ErrorsOf(set),
      ElementsAre(HasSubstr("set.scope[\"tema\"]: unknown dimension; there are org"),
                  "set.scope[\"user\"]: must not be empty", HasSubstr("set.unit: must be usd"),
                  HasSubstr("set.time_zone: unknown time zone \"Mars\""),
                  HasSubstr("set.window: window \"fortnight\""),
                  "set.on_outage: must be allow or deny, not \"maybe\"", "set.amount: is needed"));
  EXPECT_THAT(ErrorsOf(AliceMonth("1k")),
              ElementsAre("set.amount: must be an exact decimal such as 12 or 0.25, not \"1k\""));
  EXPECT_THAT(ErrorsOf(AliceMonth("1e3")),
              ElementsAre("set.amount: must be an exact decimal such as 12 or 0.25, not \"1e3\""));
  EXPECT_THAT(ErrorsOf(AliceMonth("0.0000000001")),
              ElementsAre("set.amount: must have at most 9 decimals (nano-USD), not "
                          "\"0.0000000001\""));
  EXPECT_THAT(ErrorsOf(AliceMonth("-1")),
              ElementsAre("set.amount: must be from 0 to 9007199.254740991 USD, not \"-1\""));
  SetAmountText requests = AliceMonth("1.5");
  requests.unit = "requests";
  EXPECT_THAT(ErrorsOf(requests),
              ElementsAre("set.amount: must be a whole number such as 1000, not \"1.5\""));
  requests.amount = "99999999999999999999";
  EXPECT_THAT(ErrorsOf(requests), ElementsAre("set.amount: must be from 0 to 9007199254740991, "
                                              "not \"99999999999999999999\""));
  requests.amount = "5";
  requests.unit = "";
  EXPECT_THAT(ErrorsOf(requests), ElementsAre("set.unit: is needed where no limit is named"));
  EXPECT_THAT(ErrorsOf(RemoveOverrideText{"l", {{"user", std::string(129, 'a')}}}),
              ElementsAre("set.match[\"user\"]: must have at most 128 bytes, not 129"));
}

TEST(PolicyEditReaderTest, SaysWhichEditIsWrong) {
  const auto edited =
      ApplyEdits({AliceMonth("5"), AliceMonth("x")}, "acme", "edits.edits", Document());
  EXPECT_THAT(Violations(edited.status()),
              ElementsAre(HasSubstr("edits.edits[1].set_amount.amount")));
  SetAmountText unknown = AliceMonth("5");
  unknown.limit_id = "user-mont";
  const auto missing = ApplyEdits({unknown}, "acme", "edits.edits", Document());
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Violations(ApplyEdits({}, "acme", "edits.edits", Document()).status()),
              ElementsAre("edits.edits: must have from 1 to 1000 edits, not 0"));
  const std::vector<PolicyEditText> many(kMaxPolicyEdits + 1, AliceMonth("5"));
  EXPECT_THAT(Violations(ApplyEdits(many, "acme", "edits.edits", Document()).status()),
              ElementsAre("edits.edits: must have from 1 to 1000 edits, not 1001"));
}

TEST(PolicyEditReaderTest, ALimitsYamlIsCheckedByItself) {
  EXPECT_THAT(ErrorsOf(PutLimitText{"id: l\nper: [user]\nunit: usd\namount: x\nwindo: day\n"
                                    "on_outage: deny\nwindow: day\n"}),
              ElementsAre("set: limit:4: amount: must be an exact decimal such as 12 or 0.25, not "
                          "\"x\"",
                          "set: limit:5: windo: unknown key; did you mean \"window\"?"));
  EXPECT_THAT(ErrorsOf(PutLimitText{"[]"}),
              ElementsAre("set: limit:1: must be a map (key: value), not a list"));
  EXPECT_THAT(ErrorsOf(PutLimitText{""}), ElementsAre(HasSubstr("set: limit:1: has no value")));
  EXPECT_THAT(ErrorsOf(PutLimitText{"{"}), ElementsAre(HasSubstr("set: limit:")));
  const std::string tiered =
      "{id: l, per: [], unit: usd, amount: 1, window: day, on_outage: deny, tier: ";
  EXPECT_TRUE(ReadPolicyEdit(PutLimitText{tiered + "restricted}"}, "acme", "set", Document()).ok());
  EXPECT_THAT(ErrorsOf(PutLimitText{tiered + "restrictd}"}),
              ElementsAre("set: limit:1: no rule of `tiers` gives the tier \"restrictd\"; did you "
                          "mean \"restricted\"?"));
}

TEST(PolicyEditReaderTest, EditsKeepWhatIsSaidOfAlerts) {
  const PutLimitText put = {
      "{id: new, per: [team], unit: usd, amount: 1, window: day, on_outage: deny, "
      "alert_at: [90%]}"};
  SetAmountText set = AliceMonth("5");
  set.limit_id = "new";
  set.window = "day";
  set.scope = {{"team", "a"}};
  PolicyDocument document = Document();
  document.alerts.emplace();
  const auto edited = ApplyEdits({put, set}, "acme", "edits.edits", document);
  ASSERT_TRUE(edited.ok()) << edited.status();
  const Limit& limit = edited->document.limits.back();
  EXPECT_EQ(limit.alert_at, std::vector<int>{900});
  EXPECT_EQ(limit.overrides.size(), 1u) << "the amount was set in it";
  EXPECT_TRUE(edited->document.alerts.has_value());

  AlertRule& rule = document.alerts->emplace_back();
  rule.id = "spent";
  rule.limits = {Glob("user-month")};
  const auto removed = ApplyEdits({RemoveLimit{"user-month"}}, "acme", "edits.edits", document);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_THAT(std::string(Policy::Build(removed->document).status().message()),
              HasSubstr("alert rule \"spent\": limits: the policy has no limit \"user-month\""));
  EXPECT_THAT(ErrorsOf(PutLimitText{
                  "{id: new, per: [], unit: usd, amount: 1, window: day, on_outage: deny, "
                  "alert_at: [90]}"}),
              ElementsAre("set: limit:1: alert_at[0]: must be a share such as 80% or 12.5%, not "
                          "\"90\""));
}

}  // namespace
}  // namespace quotaplane
