// What each mistake in alert rules is answered with, word for word.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_reader.h"

namespace quotaplane {
namespace {

std::string ErrorOf(std::string_view text) {
  const auto policy = ParsePolicy(text, "p.yaml");
  if (policy.ok()) return "OK";
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message());
}

constexpr std::string_view kLimits =
    "limits:\n"
    "  - {id: user-month, per: [user], unit: usd, amount: 5, window: month, on_outage: deny}\n"
    "alerts:\n";

// The error for a rule of this kind, whose id is in line 4, with more lines from line 6 on.
std::string ErrorWith(std::string_view on, std::string_view lines) {
  std::string text(kLimits);
  absl::StrAppend(&text, "  - id: night\n    on: ", std::string(on), "\n");
  if (!lines.empty()) absl::StrAppend(&text, "    ", std::string(lines), "\n");
  return ErrorOf(text);
}

std::string ErrorOfRule(std::string_view rule) {
  return ErrorOf(absl::StrCat(std::string(kLimits), "  - ", std::string(rule), "\n"));
}

TEST(AlertErrorTest, TheRulesOfTheseTestsAreSound) {
  for (const char* on : {"threshold", "forecast", "anomaly", "runaway"}) {
    EXPECT_EQ(ErrorWith(on, ""), "OK");
  }
}

TEST(AlertErrorTest, Lists) {
  EXPECT_EQ(ErrorOf("limits: []\nalerts:\n"),
            "p.yaml:2: alerts: has no value; write a list ([a, b], or lines with `- `)");
  EXPECT_EQ(ErrorOf("limits: []\nalert: []\n"),
            "p.yaml:2: alert: unknown key; did you mean \"alerts\"?");
  EXPECT_EQ(ErrorOfRule("5"), "p.yaml:4: alerts[0]: must be a map (key: value), not \"5\"");
  std::string many = "limits: []\nalerts:\n";
  for (int i = 0; i < 1'001; ++i) absl::StrAppend(&many, "  - {id: r", i, ", on: runaway}\n");
  EXPECT_EQ(ErrorOf(many), "p.yaml:2: alerts: has 1001 entries; at most 1000 are allowed");
}

TEST(AlertErrorTest, Keys) {
  EXPECT_EQ(ErrorOfRule("{}"),
            "p.yaml:4: alerts[0]: `id` is missing; give it a name that is unique in the policy\n"
            "p.yaml:4: alerts[0]: `on` is missing; write threshold, forecast, anomaly or runaway");
  EXPECT_EQ(ErrorOfRule("{id: 007, on: runaway}"),
            "p.yaml:4: alerts[0].id: must be a text, not the number 007; if the text is meant, "
            "quote it: \"007\"");
  EXPECT_EQ(ErrorOfRule("{id: Night, on: runaway}"),
            "p.yaml:4: alerts[0]: `id` must begin with a-z or 0-9 and have at most 63 of a-z, "
            "0-9, `.`, `_` and `-`");
  EXPECT_EQ(ErrorWith("thresold", ""),
            "p.yaml:5: alerts[night].on: must be threshold or forecast or anomaly or runaway, not "
            "\"thresold\"");
  EXPECT_EQ(ErrorWith("runaway", "severty: info"),
            "p.yaml:6: alerts[night].severty: unknown key; did you mean \"severity\"?");
  EXPECT_EQ(ErrorWith("runaway", "colour: red"),
            "p.yaml:6: alerts[night].colour: unknown key; known are id, on, when, limits, at, "
            "margin, signals, per, floor, severity, receivers, hold_off, action");
  EXPECT_EQ(ErrorWith("runaway", "severity: page"),
            "p.yaml:6: alerts[night].severity: must be info or warning or critical, not \"page\"");
}

TEST(AlertErrorTest, IdsAreUnique) {
  EXPECT_EQ(ErrorWith("runaway", ""), "OK");
  EXPECT_EQ(ErrorOf("limits: []\nalerts:\n  - {id: a, on: runaway}\n  - {id: a, on: anomaly}\n"),
            "p.yaml:4: alerts[a]: id \"a\" is taken by p.yaml:3: alerts[a]; ids are unique");
}

TEST(AlertErrorTest, KeysOfOtherKinds) {
  const auto error = [](std::string_view key, std::string_view whose) {
    return absl::StrCat("p.yaml:6: alerts[night].", std::string(key), ": is for ",
                        std::string(whose), " rules only; remove it");
  };
  EXPECT_EQ(ErrorWith("anomaly", "limits: user-month"), error("limits", "threshold and forecast"));
  EXPECT_EQ(ErrorWith("runaway", "limits: user-month"), error("limits", "threshold and forecast"));
  EXPECT_EQ(ErrorWith("forecast", "at: 80%"), error("at", "threshold"));
  EXPECT_EQ(ErrorWith("threshold", "margin: 1h"), error("margin", "forecast"));
  EXPECT_EQ(ErrorWith("runaway", "signals: cost"), error("signals", "anomaly"));
  EXPECT_EQ(ErrorWith("forecast", "per: [user]"), error("per", "anomaly"));
  EXPECT_EQ(ErrorWith("threshold", "floor: 5"), error("floor", "anomaly and runaway"))
      << "also where it says what is the default";
  EXPECT_EQ(ErrorWith("forecast", "at: 80"), error("at", "threshold")) << "and nothing else";
}

TEST(AlertErrorTest, Shares) {
  EXPECT_EQ(ErrorWith("threshold", "at: 80"),
            "p.yaml:6: alerts[night].at: must be a share such as 80% or 12.5%, not \"80\"");
  for (const char* share : {"0.5", "-5%", "+5%", "1e2%", ".5%", "5.%", "5 %", "%", "all"}) {
    EXPECT_EQ(ErrorWith("threshold", absl::StrCat("at: \"", share, "\"")),
              absl::StrCat("p.yaml:6: alerts[night].at: must be a share such as 80% or 12.5%, not "
                           "\"",
                           share, "\""));
  }
  for (const char* share : {"0%", "1000.1%", "99999999999999999999999%"}) {
    EXPECT_EQ(ErrorWith("threshold", absl::StrCat("at: ", share)),
              absl::StrCat("p.yaml:6: alerts[night].at: must be from 0.1% to 1000%, not \"", share,
                           "\""));
  }
  EXPECT_EQ(ErrorWith("threshold", "at: 0.05%"),
            "p.yaml:6: alerts[night].at: must have at most one decimal, not \"0.05%\"");
}

TEST(AlertErrorTest, Durations) {
  for (const char* text : {"1", "1w", "h", "-1h", "1.5h", "1h30m", "1 h", "1H"}) {
    EXPECT_EQ(ErrorWith("forecast", absl::StrCat("margin: \"", text, "\"")),
              absl::StrCat("p.yaml:6: alerts[night].margin: must be a duration such as 90s, 30m, "
                           "12h or 2d, not \"",
                           text, "\""));
  }
  for (const char* text : {"32d", "745h", "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_EQ(
        ErrorWith("forecast", absl::StrCat("margin: ", text)),
        absl::StrCat("p.yaml:6: alerts[night].margin: must be from 0s to 31d, not \"", text, "\""));
  }
  EXPECT_EQ(ErrorWith("runaway", "hold_off: 8d"),
            "p.yaml:6: alerts[night].hold_off: must be from 0s to 7d, not \"8d\"");
  EXPECT_EQ(ErrorWith("runaway", "hold_off: 0s"), "OK");
}

TEST(AlertErrorTest, Actions) {
  EXPECT_EQ(ErrorWith("runaway", "action: freeze"),
            "p.yaml:6: alerts[night].action: must be a map (key: value), not \"freeze\"");
  EXPECT_EQ(ErrorWith("runaway", "action: {throttle: 20%}"),
            "p.yaml:6: alerts[night].action: `for` is missing; an action always ends: write 2h, "
            "say");
  EXPECT_EQ(ErrorWith("runaway", "action: {for: 2h}"),
            "p.yaml:6: alerts[night].action: has neither `throttle` nor `freeze`; write "
            "{throttle: 20%, for: 2h} or {freeze: true, for: 2h}, say");
  EXPECT_EQ(ErrorWith("runaway", "action: {throttle: 20%, freeze: true, for: 2h}"),
            "p.yaml:6: alerts[night].action: has both `throttle` and `freeze`; keep one");
  EXPECT_EQ(ErrorWith("runaway", "action: {freeze: false, for: 2h}"),
            "p.yaml:6: alerts[night].action.freeze: must be true, not \"false\"");
  for (const char* share : {"0%", "100%"}) {
    EXPECT_EQ(ErrorWith("runaway", absl::StrCat("action: {throttle: ", share, ", for: 2h}")),
              absl::StrCat("p.yaml:6: alerts[night].action.throttle: must be from 0.1% to 99.9%, "
                           "not \"",
                           share, "\""));
  }
  for (const char* text : {"59s", "0s", "32d"}) {
    EXPECT_EQ(ErrorWith("runaway", absl::StrCat("action: {freeze: true, for: ", text, "}")),
              absl::StrCat("p.yaml:6: alerts[night].action.for: must be from 1m to 31d, not \"",
                           text, "\""));
  }
  EXPECT_EQ(ErrorWith("runaway", "action: {freze: true, for: 2h}"),
            "p.yaml:6: alerts[night].action.freze: unknown key; did you mean \"freeze\"?\n"
            "p.yaml:6: alerts[night].action: has neither `throttle` nor `freeze`; write "
            "{throttle: 20%, for: 2h} or {freeze: true, for: 2h}, say");
  EXPECT_EQ(ErrorWith("forecast", "action: {freeze: true, for: 2h}"),
            "p.yaml:4: alerts[night]: a forecast does not freeze, since what it tells of has not "
            "happened; write action: {throttle: 50%, for: 2h}, say");
}

TEST(AlertErrorTest, ListsOfARule) {
  for (const char* key : {"signals", "per"}) {
    EXPECT_EQ(ErrorWith("anomaly", absl::StrCat(key, ": []")),
              absl::StrCat("p.yaml:6: alerts[night].", key,
                           ": is an empty list; name at least one, or leave the key out"));
  }
  EXPECT_EQ(ErrorWith("runaway", "receivers: []"),
            "p.yaml:6: alerts[night].receivers: is an empty list; name at least one, or leave the "
            "key out");
  EXPECT_EQ(ErrorWith("anomaly", "signals: [cost, costs]"),
            "p.yaml:6: alerts[night].signals[1]: must be cost or tokens or requests or refusals, "
            "not \"costs\"");
  EXPECT_EQ(ErrorWith("anomaly", "signals: [cost, cost]"),
            "p.yaml:6: alerts[night].signals[1]: \"cost\" is listed twice");
  EXPECT_EQ(ErrorWith("anomaly", "per: [usr]"),
            "p.yaml:6: alerts[night].per[0]: \"usr\" is not a dimension; did you mean \"user\"?");
  EXPECT_EQ(ErrorWith("anomaly", "per: [labels.env]"),
            "p.yaml:4: alerts[night]: `per` of an alert rule takes org, team, project, user, model "
            "and labels.session, not labels.env");
  EXPECT_EQ(ErrorWith("runaway", "receivers: [On call]"),
            "p.yaml:4: alerts[night]: receivers: a name begins with a-z or 0-9 and has at most 63 "
            "of a-z, 0-9, `_` and `-`, unlike \"On call\"");
  EXPECT_EQ(ErrorWith("anomaly", "floor: -1"),
            "p.yaml:6: alerts[night].floor: must be from 0 to 9007199.254740991 USD, not \"-1\"");
  EXPECT_EQ(ErrorWith("anomaly", "floor: 5 USD"),
            "p.yaml:6: alerts[night].floor: must be an exact decimal such as 12 or 0.25, not \"5 "
            "USD\"");
}

TEST(AlertErrorTest, LimitsThatAreNotThere) {
  EXPECT_EQ(ErrorWith("threshold", "limits: [\"user-*\", user-mont]"),
            "p.yaml:4: alerts[night]: limits: the policy has no limit \"user-mont\"; did you mean "
            "\"user-month\"?");
  EXPECT_EQ(ErrorOf("limits:\n"
                    "  - {id: l, per: [user], unit: usd, amount: x, window: day, on_outage: deny}\n"
                    "alerts: [{id: a, on: threshold, limits: l}]\n"),
            "p.yaml:2: limits[0].amount: must be an exact decimal such as 12 or 0.25, not \"x\"")
      << "the limit is there, and has a mistake of its own";
}

TEST(AlertErrorTest, RulesThatNothingReaches) {
  EXPECT_EQ(ErrorOf("limits: []\nalerts:\n  - {id: all, on: threshold}\n"
                    "  - {id: full, on: threshold, at: 100%}\n"),
            "p.yaml:4: alerts[full]: is never reached: p.yaml:3: alerts[all] takes all that it "
            "would; put this one first, or remove it");
}

TEST(AlertErrorTest, SharesOfLimits) {
  const auto with = [](std::string_view alert_at) {
    return ErrorOf(absl::StrCat(
        "limits:\n  - id: l\n    per: []\n    unit: usd\n    amount: 1\n",
        "    window: day\n    on_outage: deny\n    alert_at: ", std::string(alert_at), "\n"));
  };
  EXPECT_EQ(with("[50%, 80%]"), "OK");
  EXPECT_EQ(with("80%"),
            "p.yaml:8: limits[0].alert_at: must be a list ([a, b], or lines with `- `), not "
            "\"80%\"");
  EXPECT_EQ(with("[80]"),
            "p.yaml:8: limits[0].alert_at[0]: must be a share such as 80% or 12.5%, not \"80\"");
  EXPECT_EQ(with("[0%]"),
            "p.yaml:8: limits[0].alert_at[0]: must be from 0.1% to 1000%, not \"0%\"");
  EXPECT_EQ(with("[80%, 50%]"),
            "p.yaml:2: limits[0]: alert_at has 50% behind 80%; write them ascending, each once");
  EXPECT_EQ(ErrorOf("defaults: {alert_at: [x]}\nlimits: []\n"),
            "p.yaml:1: defaults.alert_at[0]: must be a share such as 80% or 12.5%, not \"x\"");
}

}  // namespace
}  // namespace quotaplane
