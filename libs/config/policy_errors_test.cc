// What each mistake in a policy file is answered with, word for word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_reader.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<std::shared_ptr<const Policy>> policy = ParsePolicy(text, "p.yaml");
  if (policy.ok()) return "OK";
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message().data(), policy.status().message().size());
}

// A sound limit, in which a test replaces or adds lines. Its first line is line 2 of the file.
std::string LimitLines(std::string_view amount = "amount: 5",
                       std::string_view window = "window: day",
                       std::string_view unit = "unit: requests") {
  std::string text = "limits:\n  - id: l\n    per: [user]\n    on_outage: deny\n";
  for (const std::string_view line : {unit, amount, window}) {
    if (!line.empty()) absl::StrAppend(&text, "    ", std::string(line), "\n");
  }
  return text;
}

// The error for a sound limit with one more line, which is line 8.
std::string ErrorWith(std::string_view line) {
  return ErrorOf(LimitLines() + "    " + std::string(line) + "\n");
}

TEST(PolicyErrorTest, TheLimitOfTheseTestsIsSound) { EXPECT_EQ(ErrorOf(LimitLines()), "OK"); }

TEST(PolicyErrorTest, Documents) {
  EXPECT_EQ(ErrorOf(""), "p.yaml:1: the document is empty; a policy has at least `limits: []`");
  EXPECT_EQ(ErrorOf("# nothing\n"),
            "p.yaml:1: the document is empty; a policy has at least `limits: []`");
  EXPECT_EQ(ErrorOf("[]\n"), "p.yaml:1: must be a map (key: value), not a list");
  EXPECT_EQ(ErrorOf("limits\n"), "p.yaml:1: must be a map (key: value), not \"limits\"");
  EXPECT_EQ(ErrorOf("defaults: {}\n"),
            "p.yaml:1: `limits` is missing; write `limits: []` if there are none");
  EXPECT_EQ(ErrorOf("limits:\n"),
            "p.yaml:1: limits: has no value; write a list ([a, b], or lines with `- `)");
  EXPECT_EQ(ErrorOf("limits: {a: 1}\n"),
            "p.yaml:1: limits: must be a list ([a, b], or lines with `- `), not a map");
  EXPECT_EQ(ErrorOf("limits: []\nmodel: []\n"),
            "p.yaml:2: model: unknown key; did you mean \"models\"?");
  EXPECT_EQ(ErrorOf("limits: []\nlimits: []\n"),
            "p.yaml:2: limits: duplicate key, first written in line 1; keep one");
  EXPECT_EQ(ErrorOf("limits: [5]\n"), "p.yaml:1: limits[0]: must be a map (key: value), not \"5\"");
  EXPECT_EQ(ErrorOf("limits: [&a {}]\n"),
            "p.yaml:1: anchors (&name) are not supported; write the value where it is needed");
  EXPECT_EQ(ErrorOf("limits: []\n---\nlimits: []\n"),
            "p.yaml:2: text after the end of the document; a file holds one document");
  EXPECT_EQ(ErrorOf("limits: [\n"), "p.yaml:2: not valid YAML: end of sequence flow not found");
  EXPECT_EQ(ErrorOf("limits: \xFE\n"),
            "p.yaml:1: byte 0xfe is not valid UTF-8; save the file as UTF-8");
}

TEST(PolicyErrorTest, MissingKeys) {
  EXPECT_EQ(ErrorOf("limits:\n  - {}\n"),
            "p.yaml:2: limits[0]: `id` is missing; give it a name that is unique in the policy\n"
            "p.yaml:2: limits[0]: `per` is missing; write [user], say, or [] for one counter for "
            "the whole org\n"
            "p.yaml:2: limits[0]: `on_outage` is missing; write allow or deny here, or once under "
            "`defaults`\n"
            "p.yaml:2: limits[0]: `amount` is missing; write how much the scope may use\n"
            "p.yaml:2: limits[0]: `unit` is missing; write usd, requests, input_tokens, "
            "output_tokens, total_tokens, "
            "concurrency or the name of a meter");
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "")),
            "p.yaml:2: limits[0]: `window` is missing; write 60s, 1h, 30d, day, week, month, "
            "quarter, year or lifetime");
}

TEST(PolicyErrorTest, UnknownKeys) {
  EXPECT_EQ(ErrorWith("on_exeed: deny"),
            "p.yaml:8: limits[0].on_exeed: unknown key; did you mean \"on_exceed\"?");
  EXPECT_EQ(ErrorWith("colour: red"),
            "p.yaml:8: limits[0].colour: unknown key; known are id, tier, per, when, unit, amount, "
            "window, time_zone, "
            "starts_on, on_exceed, on_outage, hold, alert_at, overrides");
  EXPECT_EQ(ErrorWith("<<: {}"),
            "p.yaml:8: limits[0].<<: merge keys are not supported; write the entries out");
  EXPECT_EQ(ErrorWith("unit: usd"),
            "p.yaml:8: limits[0].unit: duplicate key, first written in line 5; keep one");
}

TEST(PolicyErrorTest, AmountsOfUnits) {
  for (const char* amount : {"1e3", "0x10", ".5", "1_000", "1k", "5.0", "true", "ten", "1,000"}) {
    EXPECT_EQ(
        ErrorOf(LimitLines(absl::StrCat("amount: ", amount))),
        absl::StrCat("p.yaml:6: limits[0].amount: must be a whole number such as 1000, not \"",
                     amount, "\""));
  }
  for (const char* amount :
       {"-1", "9007199254740992", "9223372036854775808", "99999999999999999999999"}) {
    EXPECT_EQ(ErrorOf(LimitLines(absl::StrCat("amount: ", amount))),
              absl::StrCat("p.yaml:6: limits[0].amount: must be from 0 to 9007199254740991, not \"",
                           amount, "\""));
  }
  EXPECT_EQ(ErrorOf(LimitLines("amount: ~")),
            "p.yaml:6: limits[0].amount: has no value; write a whole number such as 1000");
  EXPECT_EQ(ErrorOf(LimitLines("amount: [5]")),
            "p.yaml:6: limits[0].amount: must be a whole number such as 1000, not a list");
}

TEST(PolicyErrorTest, AmountsOfMoney) {
  const auto error = [](std::string_view amount) {
    return ErrorOf(LimitLines("amount: " + std::string(amount), "window: day", "unit: usd"));
  };
  EXPECT_EQ(error("500.000000001"), "OK");
  EXPECT_EQ(error("500.0000000010"), "OK");
  EXPECT_EQ(error("9007199.254740991"), "OK");
  EXPECT_EQ(error("500.0000000001"),
            "p.yaml:6: limits[0].amount: must have at most 9 decimals (nano-USD), not "
            "\"500.0000000001\"");
  for (const char* amount :
       {"-1", "-0.000000001", "9007199.254740992", "9223372037", "99999999999999999999999999"}) {
    EXPECT_EQ(
        error(amount),
        absl::StrCat("p.yaml:6: limits[0].amount: must be from 0 to 9007199.254740991 USD, not \"",
                     amount, "\""));
  }
  for (const char* amount : {"1e3", "0x10", ".5", "5.", "$5", "5 USD", "1_000"}) {
    EXPECT_EQ(error(amount),
              absl::StrCat(
                  "p.yaml:6: limits[0].amount: must be an exact decimal such as 12 or 0.25, not \"",
                  amount, "\""));
  }
}

TEST(PolicyErrorTest, Units) {
  EXPECT_EQ(
      ErrorOf(LimitLines("amount: 5", "window: day", "unit: US dollars")),
      "p.yaml:5: limits[0].unit: must be usd, requests, input_tokens, output_tokens, total_tokens, "
      "concurrency, or "
      "the name of a meter (begins with a-z, at most 63 of a-z, 0-9 and _), not \"US dollars\"");
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "window: day", "unit: 5")),
            "p.yaml:5: limits[0].unit: must be a text, not the number 5; if the text is meant, "
            "quote it: \"5\"");
}

TEST(PolicyErrorTest, Windows) {
  const auto error = [](std::string_view window) {
    return ErrorOf(LimitLines("amount: 5", window));
  };
  EXPECT_EQ(error("window: fortnight"),
            "p.yaml:7: limits[0].window: window \"fortnight\": write a number with s, m, h or d "
            "(60s, 1h, 30d), day, week, "
            "month, quarter, year or lifetime");
  for (const char* window : {"0s", "367d", "99999999999999999999d", "8785h"}) {
    EXPECT_THAT(error(absl::StrCat("window: ", window)),
                HasSubstr(absl::StrCat("p.yaml:7: limits[0].window: window \"", window)));
  }
  EXPECT_EQ(error("window: 60"),
            "p.yaml:7: limits[0].window: must be a text, not the number 60; if the text is meant, "
            "quote it: \"60\"");
  EXPECT_EQ(error("window:"), "p.yaml:7: limits[0].window: has no value; write a text");
}

TEST(PolicyErrorTest, ZonesAndStartDays) {
  const std::string zone = "; write a name of the IANA database such as UTC or Europe/Berlin";
  for (const char* name : {"Europe/Berln", "CEST2", "europe/berlin", "localtime", "/etc/localtime",
                           "file:x", "Europe", "UTC/../../x", "\"\""}) {
    const std::string shown = std::string(name) == "\"\"" ? "" : name;
    EXPECT_EQ(
        ErrorWith(absl::StrCat("time_zone: ", name)),
        absl::StrCat("p.yaml:8: limits[0].time_zone: unknown time zone \"", shown, "\"", zone));
  }
  EXPECT_EQ(ErrorOf("defaults: {time_zone: Mars/Base}\nlimits: []\n"),
            absl::StrCat("p.yaml:1: defaults.time_zone: unknown time zone \"Mars/Base\"", zone));
  EXPECT_EQ(ErrorWith("starts_on: 2"),
            "p.yaml:8: limits[0].starts_on: window \"day\": begins at midnight; remove starts_on");
  EXPECT_EQ(ErrorWith("starts_on: 29"),
            "p.yaml:8: limits[0].starts_on: must be from 1 to 28, not \"29\"");
  EXPECT_EQ(ErrorWith("starts_on: monday"),
            "p.yaml:8: limits[0].starts_on: must be a whole number such as 1000, not \"monday\"");
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "window: week") + "    starts_on: 8\n"),
            "p.yaml:8: limits[0].starts_on: window \"week\": starts_on must be from 1 to 7");
  EXPECT_EQ(
      ErrorOf(LimitLines("amount: 5", "window: 24h") + "    starts_on: 1\n    time_zone: UTC\n"),
      "p.yaml:8: limits[0].starts_on: is for calendar windows (day to year) only; remove it\n"
      "p.yaml:9: limits[0].time_zone: is for calendar windows (day to year) only; remove it");
  EXPECT_EQ(
      ErrorOf("defaults: {time_zone: Europe/Berlin}\n" + LimitLines("amount: 5", "window: 24h")),
      "OK");
}

TEST(PolicyErrorTest, Concurrency) {
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "", "unit: concurrency")), "OK");
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "window: lifetime", "unit: concurrency")), "OK");
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "window: day", "unit: concurrency")),
            "p.yaml:2: limits[0]: concurrency counts what is under way, so it has no window; "
            "remove `window`");
  EXPECT_EQ(
      ErrorOf(LimitLines("amount: 5", "", "unit: concurrency") + "    hold: none\n"),
      "p.yaml:2: limits[0]: concurrency counts holds only, so it needs them; remove `hold: none`");
  EXPECT_EQ(ErrorOf(LimitLines("amount: 5", "", "unit: concurrency") + "    time_zone: UTC\n"),
            "p.yaml:7: limits[0].time_zone: is for calendar windows (day to year) only; remove it");
}

TEST(PolicyErrorTest, Outcomes) {
  EXPECT_EQ(ErrorWith("on_exceed: denny"),
            "p.yaml:8: limits[0].on_exceed: must be deny, soft, shadow, or {downgrade: MODEL}, not "
            "\"denny\"; did you mean "
            "\"deny\"?");
  EXPECT_EQ(
      ErrorWith("on_exceed: [deny]"),
      "p.yaml:8: limits[0].on_exceed: must be deny, soft, shadow, or {downgrade: MODEL}, not that");
  EXPECT_EQ(ErrorWith("on_exceed: downgrade"),
            "p.yaml:8: limits[0].on_exceed: downgrade needs a model, which must not be empty; "
            "write {downgrade: MODEL}");
  EXPECT_EQ(ErrorWith("on_exceed: {downgrade: }"),
            "p.yaml:8: limits[0].on_exceed.downgrade: has no value; write a text");
  EXPECT_EQ(ErrorWith("on_exceed: {downgrade: m, soft: n}"),
            "p.yaml:8: limits[0].on_exceed.soft: unknown key; known are downgrade");
  EXPECT_EQ(ErrorWith("on_exceed: {}"),
            "p.yaml:8: limits[0].on_exceed: `downgrade` is missing; write {downgrade: MODEL}");
  EXPECT_EQ(ErrorWith("on_exceed: soft"),
            "p.yaml:4: limits[0].on_outage: a soft or shadow limit never refuses; write allow, or "
            "leave it out");
  EXPECT_EQ(ErrorWith("hold: all"),
            "p.yaml:8: limits[0].hold: must be estimate or none, not \"all\"");
  EXPECT_EQ(ErrorOf("defaults: {on_outage: maybe}\nlimits: []\n"),
            "p.yaml:1: defaults.on_outage: must be allow or deny, not \"maybe\"");
  EXPECT_EQ(ErrorOf("defaults: {on_outages: deny}\nlimits: []\n"),
            "p.yaml:1: defaults.on_outages: unknown key; did you mean \"on_outage\"?");
  EXPECT_EQ(ErrorOf("unpriced_models: ignore\nlimits: []\n"),
            "p.yaml:1: unpriced_models: must be deny, flag, or {price_as: MODEL}, not \"ignore\"");
  EXPECT_EQ(ErrorOf("unpriced_models: {price_as: 5}\nlimits: []\n"),
            "p.yaml:1: unpriced_models.price_as: must be a text, not the number 5; if the text is "
            "meant, quote it: \"5\"");
}

TEST(PolicyErrorTest, Dimensions) {
  EXPECT_EQ(ErrorWith("when: {usr: a}"),
            "p.yaml:8: limits[0].when.usr: \"usr\" is not a dimension; did you mean \"user\"?");
  EXPECT_EQ(ErrorWith("when: {session: a}"),
            "p.yaml:8: limits[0].when.session: \"session\": unknown dimension; there are org, "
            "team, project, user, "
            "api_key, model and labels.NAME");
  EXPECT_EQ(ErrorWith("when: {labels.Session: a}"),
            "p.yaml:8: limits[0].when.labels.Session: \"labels.Session\": a label's name begins "
            "with a-z and has at most 63 "
            "of a-z, 0-9 and _, as in labels.cost_center");
  EXPECT_EQ(ErrorWith("when: [user]"),
            "p.yaml:8: limits[0].when: must be a map (key: value), not a list");
  EXPECT_EQ(
      ErrorWith("when: {user: {a: b}}"),
      "p.yaml:8: limits[0].when.user: must be a list ([a, b], or lines with `- `), not a map");
  EXPECT_EQ(
      ErrorWith("when: {user: []}"),
      "p.yaml:8: limits[0].when.user: is an empty list; name at least one, or leave the key out");
  EXPECT_EQ(ErrorWith("when: {user: [a, true]}"),
            "p.yaml:8: limits[0].when.user[1]: must be a text, not the boolean true; if the text "
            "is meant, quote it: "
            "\"true\"");
  EXPECT_EQ(
      ErrorWith("when: {user: ~}"),
      "p.yaml:8: limits[0].when.user: has no value; write a list ([a, b], or lines with `- `)");
  EXPECT_EQ(
      ErrorOf(
          "limits:\n  - {id: l, per: user, unit: usd, amount: 1, window: day, on_outage: deny}\n"),
      "p.yaml:2: limits[0].per: must be a list ([a, b], or lines with `- `), not \"user\"");
  EXPECT_EQ(ErrorOf("limits:\n  - {id: l, per: [user, user], unit: usd, amount: 1, window: day, "
                    "on_outage: deny}\n"),
            "p.yaml:2: limits[0].per[1]: \"user\" is listed twice");
  EXPECT_EQ(ErrorOf("limits:\n  - {id: l, per: [labels.a, labels.b, labels.c, labels.d, labels.e, "
                    "labels.f, labels.g, "
                    "labels.h, labels.i], unit: usd, amount: 1, window: day, on_outage: deny}\n"),
            "p.yaml:2: limits[0].per: has 9 dimensions; at most 8 are allowed");
}

TEST(PolicyErrorTest, Values) {
  const std::string tail = ": must have at most 128 bytes, not 129";
  const std::string long_text(129, 'x');
  EXPECT_EQ(ErrorWith("when: {user: " + long_text + "}"), "p.yaml:8: limits[0].when.user" + tail);
  EXPECT_EQ(ErrorWith("overrides: [{user: " + long_text + ", amount: 1}]"),
            "p.yaml:8: limits[0].overrides[0].user" + tail);
  EXPECT_EQ(ErrorWith("when: {user: \"a\\tb\"}"),
            "p.yaml:8: limits[0].when.user: must have no control characters");
  EXPECT_EQ(ErrorWith("when: {user: \"a\\x85\"}"),
            "p.yaml:8: limits[0].when.user: must have no control characters");
  EXPECT_EQ(ErrorWith("when: {user: \"\"}"), "p.yaml:8: limits[0].when.user: must not be empty");
  EXPECT_EQ(ErrorWith("when: {user: a\x01}"),
            "p.yaml:8: control character 0x01; the file must be plain UTF-8 text");
}

TEST(PolicyErrorTest, Overrides) {
  EXPECT_EQ(
      ErrorWith("overrides: {user: a}"),
      "p.yaml:8: limits[0].overrides: must be a list ([a, b], or lines with `- `), not a map");
  EXPECT_EQ(ErrorWith("overrides: [alice]"),
            "p.yaml:8: limits[0].overrides[0]: must be a map (key: value), not \"alice\"");
  EXPECT_EQ(
      ErrorWith("overrides: [{user: alice}]"),
      "p.yaml:8: limits[0].overrides[0]: `amount` is missing; write the amount for this scope");
  EXPECT_EQ(ErrorWith("overrides: [{amount: 3}]"),
            "p.yaml:8: limits[0].overrides[0]: names no dimension; name at least one of the "
            "limit's `per`");
  EXPECT_EQ(
      ErrorWith("overrides: [{user: a, amount: 1.5}]"),
      "p.yaml:8: limits[0].overrides[0].amount: must be a whole number such as 1000, not \"1.5\"");
  EXPECT_EQ(ErrorWith("overrides: [{team: a, amount: 1}]"),
            "p.yaml:8: limits[0].overrides[0]: `team` is not in the limit's `per`; add it there, "
            "or remove it here");
  EXPECT_EQ(ErrorWith("overrides: [{user: 42, amount: 1}]"),
            "p.yaml:8: limits[0].overrides[0].user: must be a text, not the number 42; if the text "
            "is meant, quote it: "
            "\"42\"");
  EXPECT_EQ(ErrorWith("overrides:\n      - {user: a, amount: 1}\n      - {user: b, amount: 1}\n    "
                      "  - {user: a, amount: 2}"),
            "p.yaml:11: limits[0].overrides[2]: ties with the override at p.yaml:9: "
            "limits[0].overrides[0]: both name as "
            "many dimensions and could match the same request; let one name more dimensions, or "
            "remove it");
}

TEST(PolicyErrorTest, ModelRules) {
  EXPECT_EQ(ErrorOf("models:\n  - {id: r}\nlimits: []\n"),
            "p.yaml:2: models[0]: has neither `allow` nor `deny`; give a list of models");
  EXPECT_EQ(ErrorOf("models:\n  - {allow: m}\nlimits: []\n"),
            "p.yaml:2: models[0]: `id` is missing; give it a name that is unique in the policy");
  EXPECT_EQ(ErrorOf("models:\n  - {id: r, when: {model: m}, allow: m}\nlimits: []\n"),
            "p.yaml:2: models[0]: `when` of a model rule takes team and user, not model");
  EXPECT_EQ(ErrorOf("models:\n  - {id: r, alow: m}\nlimits: []\n"),
            "p.yaml:2: models[0].alow: unknown key; did you mean \"allow\"?");
  EXPECT_EQ(ErrorOf("models: {}\nlimits: []\n"),
            "p.yaml:1: models: must be a list ([a, b], or lines with `- `), not a map");
}

TEST(PolicyErrorTest, Retention) {
  const auto error = [](std::string_view retention) {
    return ErrorOf("limits: []\nretention: " + std::string(retention) + "\n");
  };
  EXPECT_EQ(error("{entries: 90d, hours: 400d, days: 36500d}"), "OK");
  EXPECT_EQ(error("{below_floor: true, entries: 1d}"), "OK");
  EXPECT_EQ(error("{}"), "OK");
  EXPECT_EQ(error("{entries: 89d, days: 30d, below_floor: false}"),
            "p.yaml:2: retention.entries: must be at least 90d; if less is meant, write "
            "`below_floor: true` beside it\n"
            "p.yaml:2: retention.days: must be at least 90d; if less is meant, write "
            "`below_floor: true` beside it");
  EXPECT_EQ(error("{entries: 0d, below_floor: true}"),
            "p.yaml:2: retention.entries: must be from 1d to 36500d, such as 400d, not \"0d\"");
  EXPECT_EQ(error("{hours: 36501d}"),
            "p.yaml:2: retention.hours: must be from 1d to 36500d, such as 400d, not \"36501d\"");
  EXPECT_EQ(error("{hours: 12h}"),
            "p.yaml:2: retention.hours: must be from 1d to 36500d, such as 400d, not \"12h\"");
  EXPECT_EQ(error("{hours: 400}"),
            "p.yaml:2: retention.hours: must be a text, not the number 400; if the text is meant, "
            "quote it: \"400\"");
  EXPECT_EQ(error("{hours: d}"),
            "p.yaml:2: retention.hours: must be from 1d to 36500d, such as 400d, not \"d\"");
  EXPECT_EQ(error("{below_floor: yes}"),
            "p.yaml:2: retention.below_floor: must be true or false, not \"yes\"");
  EXPECT_EQ(error("{entry: 400d}"),
            "p.yaml:2: retention.entry: unknown key; known are entries, "
            "hours, days, below_floor");
  EXPECT_EQ(error("400d"), "p.yaml:2: retention: must be a map (key: value), not \"400d\"");
}

TEST(PolicyErrorTest, Tiers) {
  const auto error = [](std::string_view rules) {
    return ErrorOf("limits: []\ntiers:\n" + std::string(rules));
  };
  EXPECT_EQ(error("  - {tier: a, when: {team: [x, y], model: \"*-preview\"}}\n  - {tier: b}\n"),
            "OK");
  EXPECT_EQ(error("  - {when: {team: a}}\n"),
            "p.yaml:3: tiers[0]: `tier` is missing; name the tier of what `when` matches");
  EXPECT_EQ(error("  - {tierr: a}\n"),
            "p.yaml:3: tiers[0].tierr: unknown key; did you mean \"tier\"?\n"
            "p.yaml:3: tiers[0]: `tier` is missing; name the tier of what `when` matches");
  EXPECT_EQ(error("  - {tier: a, when: {labels.env: x}}\n"),
            "p.yaml:3: tiers[0]: `when` of a tier takes team, project and model, not labels.env");
  EXPECT_EQ(error("  - {tier: a}\n  - {tier: b, when: {team: a}}\n"),
            "p.yaml:4: tiers[1]: is never reached: p.yaml:3: tiers[0] takes every subject; put "
            "that one last");
  EXPECT_EQ(ErrorOf(LimitLines() + "    tier: restrictd\ntiers: [{tier: restricted}]\n"),
            "p.yaml:2: limits[0]: no rule of `tiers` gives the tier \"restrictd\"; did you mean "
            "\"restricted\"?");
  EXPECT_EQ(ErrorWith("tier: \"\""), "p.yaml:8: limits[0].tier: must not be empty");
  EXPECT_EQ(ErrorOf("limits: []\nmodels:\n  - {id: m, tier: t, deny: x}\n"),
            "p.yaml:3: models[0]: no rule of `tiers` gives the tier \"t\"; add one, or remove "
            "`tier`");
}

TEST(PolicyErrorTest, Approvals) {
  EXPECT_EQ(ErrorOf("limits: []\napprovals: 5\n"), "OK");
  EXPECT_EQ(ErrorOf("limits: []\napprovals: 6\n"),
            "p.yaml:2: approvals: must be from 0 to 5, not \"6\"");
  EXPECT_EQ(ErrorOf("limits: []\napprovals: two\n"),
            "p.yaml:2: approvals: must be a whole number such as 1000, not \"two\"");
}

TEST(PolicyErrorTest, CostCenters) {
  const auto error = [](std::string_view rules) {
    return ErrorOf("limits: []\ncost_centers:\n" + std::string(rules));
  };
  EXPECT_EQ(error("  - {cost_center: R-1, when: {team: [a, b], labels.env: prod}}\n"
                  "  - {from: labels.cost_center}\n"),
            "OK");
  EXPECT_EQ(error("  - {when: {team: a}}\n"),
            "p.yaml:3: cost_centers[0]: has neither `cost_center` nor `from`; name the cost "
            "center, or say whose value it is, such as `from: labels.cost_center`");
  EXPECT_EQ(error("  - {cost_center: R-1, from: team}\n"),
            "p.yaml:3: cost_centers[0]: has both `cost_center` and `from`; keep one");
  EXPECT_EQ(error("  - {cost_centre: R-1}\n  - {cost_center: R-1}\n"),
            "p.yaml:3: cost_centers[0].cost_centre: unknown key; did you mean \"cost_center\"?\n"
            "p.yaml:3: cost_centers[0]: has neither `cost_center` nor `from`; name the cost "
            "center, or say whose value it is, such as `from: labels.cost_center`");
  EXPECT_EQ(error("  - {cost_center: 100}\n"),
            "p.yaml:3: cost_centers[0].cost_center: must be a text, not the number 100; if the "
            "text is meant, quote it: \"100\"");
  EXPECT_EQ(error("  - {cost_center: \"\"}\n"),
            "p.yaml:3: cost_centers[0].cost_center: must not be empty");
  EXPECT_EQ(error("  - {cost_center: \"a\\u0007\"}\n"),
            "p.yaml:3: cost_centers[0].cost_center: must have no control characters");
  EXPECT_EQ(error("  - {from: label.cost_center}\n"),
            "p.yaml:3: cost_centers[0].from: \"label.cost_center\": unknown dimension; there are "
            "org, team, project, user, api_key, model and labels.NAME");
  EXPECT_EQ(error("  - {from: user}\n"),
            "p.yaml:3: cost_centers[0]: `from` takes team, project and labels.NAME, not user");
  EXPECT_EQ(error("  - {cost_center: R-1, when: {model: m}}\n"),
            "p.yaml:3: cost_centers[0]: `when` of a cost center takes team, project and "
            "labels.NAME, not model");
  EXPECT_EQ(error("  - {cost_center: R-1}\n  - {cost_center: R-2, when: {team: a}}\n"),
            "p.yaml:4: cost_centers[1]: is never reached: p.yaml:3: cost_centers[0] takes every "
            "subject; put that one last");
  EXPECT_EQ(ErrorOf("limits: []\ncost_centers: {R-1: [a]}\n"),
            "p.yaml:2: cost_centers: must be a list ([a, b], or lines with `- `), not a map");
}

TEST(PolicyErrorTest, Ids) {
  const std::string second =
      "  - {id: l, per: [], unit: usd, amount: 1, window: day, on_outage: deny}\n";
  EXPECT_EQ(ErrorOf(LimitLines() + second),
            "p.yaml:8: limits[1]: id \"l\" is taken by p.yaml:2: limits[0]; ids are unique");
  EXPECT_EQ(
      ErrorOf(
          "limits:\n  - {id: A, per: [], unit: usd, amount: 1, window: day, on_outage: deny}\n"),
      "p.yaml:2: limits[0]: `id` must begin with a-z or 0-9 and have at most 63 of a-z, 0-9, `.`, "
      "`_` and `-`");
  EXPECT_EQ(
      ErrorOf(
          "limits:\n  - {id: 5, per: [], unit: usd, amount: 1, window: day, on_outage: deny}\n"),
      "p.yaml:2: limits[0].id: must be a text, not the number 5; if the text is meant, quote it: "
      "\"5\"");
}

TEST(PolicyErrorTest, TooManyLimits) {
  std::string text = "limits:\n";
  for (int i = 0; i < 10'001; ++i) text += "  - {}\n";
  EXPECT_EQ(ErrorOf(text), "p.yaml:1: limits: has 10001 entries; at most 10000 are allowed");
}

TEST(PolicyErrorTest, AllProblemsAreListedInOrderOfLines) {
  EXPECT_EQ(ErrorOf("defaults: {on_outage: deny}\n"
                    "limits:\n"
                    "  - {id: same, per: [], unit: usd, amount: 1, window: day}\n"
                    "  - {id: other, per: [], unit: usd, amount: x, window: day}\n"
                    "  - {id: same, per: [], unit: usd, amount: 1, window: day}\n"
                    "  - {id: last, per: [], unit: usd, amount: 1, window: dy}\n"),
            "p.yaml:4: limits[1].amount: must be an exact decimal such as 12 or 0.25, not \"x\"\n"
            "p.yaml:5: limits[2]: id \"same\" is taken by p.yaml:3: limits[0]; ids are unique\n"
            "p.yaml:6: limits[3].window: window \"dy\": write a number with s, m, h or d (60s, 1h, "
            "30d), day, week, month, "
            "quarter, year or lifetime");
}

TEST(PolicyErrorTest, FiftyProblemsAreListed) {
  std::string text = "defaults: {on_outage: deny}\nlimits:\n";
  for (int i = 0; i < 70; ++i) {
    absl::StrAppend(&text, "  - {id: l", i, ", per: [], unit: usd, amount: x, window: day}\n");
  }
  const std::string error = ErrorOf(text);
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 50);
  EXPECT_THAT(error, HasSubstr("p.yaml:52: limits[49].amount"));
  EXPECT_THAT(error, testing::EndsWith("\np.yaml: 20 more problems are not shown"));
}

}  // namespace
}  // namespace quotaplane
