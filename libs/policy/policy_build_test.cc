// What Build refuses, word for word, and what it makes of the rest.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

std::string ErrorOf(PolicyDocument document) {
  const absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  if (policy.ok()) return "OK";
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message().data(), policy.status().message().size());
}

std::string ErrorOf(std::vector<Limit> limits) {
  PolicyDocument document;
  document.limits = std::move(limits);
  return ErrorOf(std::move(document));
}

// The error for one sound limit after `change`.
template <typename Change>
std::string ErrorAfter(Change change) {
  Limit limit = DailyLimit("l", {"team", "user"}, 10);
  change(limit);
  return ErrorOf({limit});
}

std::string ErrorOf(ModelRule rule) {
  PolicyDocument document;
  document.model_rules = {std::move(rule)};
  return ErrorOf(std::move(document));
}

ModelRule SoundRule() { return {"r", {When("team", {"a"})}, {Glob("m")}, {}, ""}; }

std::string Fingerprint(PolicyDocument document) {
  const absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? (*policy)->fingerprint() : "";
}

TEST(BuildTest, AnEmptyPolicyIsSound) { EXPECT_EQ(ErrorOf(PolicyDocument()), "OK"); }

TEST(BuildTest, PutsDocumentsInOrder) {
  PolicyDocument document;
  document.limits = {DailyLimit("l", {"user", "org", "team", "user"}, 1)};
  document.limits[0].when = {When("model", {"b", "a"}), When("team", {"t"})};
  const auto policy = Policy::Build(document);
  ASSERT_TRUE(policy.ok()) << policy.status();
  const Limit& limit = (*policy)->document().limits[0];
  EXPECT_EQ(limit.per, (std::vector<Dimension>{Dim("team"), Dim("user")}));
  EXPECT_EQ(limit.when[0].dimension, Dim("team"));
  EXPECT_EQ(limit.when[1].any_of[0].pattern(), "b") << "globs stay as written";
}

TEST(BuildTest, IdsHaveAForm) {
  const std::string message =
      ": `id` must begin with a-z or 0-9 and have at most 63 of a-z, 0-9, `.`, `_` and `-`";
  for (const std::string& id : {std::string(), std::string("A"), std::string("-a"),
                                std::string("a b"), std::string(64, 'a')}) {
    EXPECT_EQ(ErrorAfter([&](Limit& l) { l.id = id; }),
              absl::StrCat("limit \"", id, "\"", message));
  }
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.id = "9.a_b-c" + std::string(56, 'z'); }), "OK");
}

TEST(BuildTest, IdsAreUniqueOverLimitsAndRules) {
  Limit second = DailyLimit("same", {}, 1);
  second.source = "p.yaml:9: limits[1]";
  EXPECT_EQ(ErrorOf({DailyLimit("same", {}, 1), second}),
            "p.yaml:9: limits[1]: id \"same\" is taken by limit \"same\"; ids are unique");
  PolicyDocument document;
  document.limits = {DailyLimit("r", {}, 1)};
  document.model_rules = {SoundRule()};
  EXPECT_EQ(ErrorOf(document),
            "model rule \"r\": id \"r\" is taken by limit \"r\"; ids are unique");
}

TEST(BuildTest, AmountsHaveARange) {
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.amount = 0; }), "OK");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.amount = kMaxAmount; }), "OK");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.amount = -1; }),
            "limit \"l\": amount must be from 0 to 9007199254740991, not -1");
  EXPECT_EQ(
      ErrorAfter([](Limit& l) { l.amount = kMaxAmount + 1, l.unit = *ParseUnit("usd"); }),
      "limit \"l\": amount must be from 0 to 9007199254740991 nano-USD, not 9007199254740992");
  EXPECT_EQ(ErrorAfter([](Limit& l) {
              l.overrides = {For({{"user", "a"}}, -5, "p:3: o")};
            }),
            "p:3: o: amount must be from 0 to 9007199254740991, not -5");
}

TEST(BuildTest, ConcurrencyHasNeitherWindowNorHoldNone) {
  const auto concurrency = [](Limit& l) {
    l.unit = *ParseUnit("concurrency");
    l.window = WindowSpec();
  };
  EXPECT_EQ(ErrorAfter(concurrency), "OK");
  EXPECT_EQ(
      ErrorAfter([&](Limit& l) {
        concurrency(l), l.window = *ParseWindow("60s", absl::UTCTimeZone(), 1);
      }),
      "limit \"l\": concurrency counts what is under way, so it has no window; remove `window`");
  EXPECT_EQ(ErrorAfter([&](Limit& l) { concurrency(l), l.hold = HoldMode::kNone; }),
            "limit \"l\": concurrency counts holds only, so it needs them; remove `hold: none`");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.hold = HoldMode::kNone; }), "OK");
}

TEST(BuildTest, DowngradeNeedsAModelAndNothingElseHasOne) {
  EXPECT_EQ(
      ErrorAfter([](Limit& l) { l.on_exceed = OnExceed::kDowngrade, l.downgrade_model = "m"; }),
      "OK");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.on_exceed = OnExceed::kDowngrade; }),
            "limit \"l\": on_exceed: downgrade needs a model; write on_exceed: {downgrade: MODEL}");
  EXPECT_EQ(
      ErrorAfter([](Limit& l) { l.on_exceed = OnExceed::kDowngrade, l.downgrade_model = "a\tb"; }),
      "limit \"l\": on_exceed.downgrade must have no control characters");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.downgrade_model = "m"; }),
            "limit \"l\": a downgrade model is given, but on_exceed is not downgrade");
}

TEST(BuildTest, PriceAsNeedsAModelAndNothingElseHasOne) {
  PolicyDocument document;
  document.unpriced_models = UnpricedModels::kPriceAs;
  EXPECT_EQ(ErrorOf(document), "unpriced_models: price_as needs a model; write {price_as: MODEL}");
  document.price_as = "m";
  EXPECT_EQ(ErrorOf(document), "OK");
  document.unpriced_models = UnpricedModels::kFlag;
  EXPECT_EQ(ErrorOf(document),
            "unpriced_models: a model to price as is given, but the mode is not price_as");
}

TEST(BuildTest, ConditionsAreSound) {
  EXPECT_EQ(ErrorAfter([](Limit& l) {
              l.when = {When("user", {"a"}), When("user", {"b"})};
            }),
            "limit \"l\": when.user is given twice");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.when = {When("user", {})}; }),
            "limit \"l\": when.user has no glob and would match nothing; give one");
  EXPECT_EQ(ErrorAfter([](Limit& l) { l.when = {When("labels.x", {""})}; }),
            "limit \"l\": when.labels.x: a glob must not be empty");
  EXPECT_EQ(ErrorAfter([](Limit& l) {
              l.when = {When("user", std::vector<std::string>(kMaxGlobs + 1, "a"))};
            }),
            "limit \"l\": when.user has 257 globs; at most 256 are allowed");
}

TEST(BuildTest, UnitsAreSound) {
  EXPECT_EQ(ErrorAfter([](Limit& l) {
              l.unit = {UnitKind::kMeter, "usd"};
            }),
            "limit \"l\": a meter cannot be called \"usd\": that is a unit of its own");
  EXPECT_EQ(ErrorAfter([](Limit& l) {
              l.unit = {UnitKind::kMeter, "Images"};
            }),
            "limit \"l\": unit must be usd, requests, input_tokens, output_tokens, total_tokens, "
            "concurrency, or the "
            "name of a meter (begins with a-z, at most 63 of a-z, 0-9 and _)");
}

TEST(BuildTest, PerIsBounded) {
  EXPECT_EQ(ErrorAfter([](Limit& l) {
              for (int i = 0; i < 8; ++i) l.per.push_back(Dim(absl::StrCat("labels.l", i)));
            }),
            "limit \"l\": `per` has 10 dimensions; at most 8 are allowed");
}

TEST(BuildTest, OverridesNameDimensionsOfPer) {
  const auto error = [](Override entry) {
    return ErrorAfter([&](Limit& l) { l.overrides = {std::move(entry)}; });
  };
  EXPECT_EQ(error(For({{"team", "a"}, {"user", "b"}, {"org", "c"}}, 1)), "OK");
  EXPECT_EQ(error(For({{"model", "m"}}, 1, "p:4: o")),
            "p:4: o: `model` is not in the limit's `per`; add it there, or remove it here");
  EXPECT_EQ(error(For({}, 1, "p:4: o")),
            "p:4: o: names no dimension; name at least one of the limit's `per`");
  EXPECT_EQ(error(For({{"user", "a"}, {"user", "b"}}, 1, "p:4: o")), "p:4: o: user is given twice");
  EXPECT_EQ(error(For({{"user", std::string(129, 'x')}}, 1, "p:4: o")),
            "p:4: o: user must have at most 128 bytes, not 129");
}

std::string TieError(std::vector<Override> overrides) {
  return ErrorAfter(
      [&](Limit& l) { l.per.push_back(Dim("model")), l.overrides = std::move(overrides); });
}

std::string Tie(const std::string& later, const std::string& earlier) {
  return absl::StrCat(later, ": ties with the override at ", earlier,
                      ": both name as many dimensions and could match the same request; let one "
                      "name more dimensions, "
                      "or remove it");
}

TEST(BuildTest, TheSameOverrideTwiceIsATie) {
  EXPECT_EQ(TieError({For({{"user", "a"}}, 1, "A"), For({{"user", "b"}}, 1, "B"),
                      For({{"user", "a"}}, 1, "C")}),
            Tie("C", "A"));
}

TEST(BuildTest, OverridesOfEqualRankThatCouldMeetAreATie) {
  EXPECT_EQ(TieError({For({{"user", "a"}}, 1, "A"), For({{"team", "t"}}, 1, "B")}), Tie("B", "A"));
  EXPECT_EQ(TieError({For({{"team", "t"}, {"model", "m"}}, 1, "A"),
                      For({{"user", "a"}, {"team", "t"}}, 1, "B")}),
            Tie("B", "A"));
  EXPECT_EQ(TieError({For({{"team", "t"}}, 1, "A"), For({{"org", "o"}}, 1, "B")}), Tie("B", "A"));
}

TEST(BuildTest, OverridesThatCannotMeetAreNoTie) {
  EXPECT_EQ(TieError({For({{"user", "a"}}, 1), For({{"user", "b"}}, 1)}), "OK");
  EXPECT_EQ(
      TieError({For({{"team", "t"}, {"model", "m"}}, 1), For({{"user", "a"}, {"team", "u"}}, 1)}),
      "OK");
  EXPECT_EQ(TieError({For({{"user", "a"}}, 1), For({{"user", "a"}, {"team", "t"}}, 1)}), "OK");
}

TEST(BuildTest, ATieIsATieEvenWhereAThirdDecides) {
  EXPECT_EQ(TieError({For({{"user", "a"}}, 1, "A"), For({{"team", "t"}}, 1, "B"),
                      For({{"user", "a"}, {"team", "t"}}, 1, "C")}),
            Tie("B", "A"));
}

TEST(BuildTest, ModelRulesAreSound) {
  EXPECT_EQ(ErrorOf(SoundRule()), "OK");
  ModelRule rule = SoundRule();
  rule.allow.clear();
  EXPECT_EQ(ErrorOf(rule),
            "model rule \"r\": has neither `allow` nor `deny`; give a list of models");
  rule = SoundRule();
  rule.when = {When("project", {"p"})};
  EXPECT_EQ(ErrorOf(rule),
            "model rule \"r\": `when` of a model rule takes team and user, not project");
  rule = SoundRule();
  rule.deny = {Glob("")};
  EXPECT_EQ(ErrorOf(rule), "model rule \"r\": deny: a glob must not be empty");
  rule = SoundRule();
  rule.id = "R";
  rule.source = "p.yaml:3: models[0]";
  EXPECT_EQ(ErrorOf(rule),
            "p.yaml:3: models[0]: `id` must begin with a-z or 0-9 and have at most 63 of a-z, 0-9, "
            "`.`, `_` and `-`");
}

TEST(BuildTest, DocumentsAreBounded) {
  std::vector<Limit> limits;
  for (size_t i = 0; i <= kMaxLimits; ++i)
    limits.push_back(DailyLimit(absl::StrCat("l", i), {}, 1));
  EXPECT_EQ(ErrorOf(limits), "policy: has 10001 limits; at most 10000 are allowed");
}

TEST(BuildTest, ListsAtMostFiftyProblems) {
  std::vector<Limit> limits(60, DailyLimit("BAD", {}, 1));
  const std::string error = ErrorOf(limits);
  const std::vector<std::string> lines = absl::StrSplit(error, '\n');
  EXPECT_EQ(lines.size(), kMaxProblems + 1);
  EXPECT_EQ(lines.back(), "10 more problems are not listed");
}

TEST(FingerprintTest, IsTheSameForTheSameMeaning) {
  PolicyDocument document;
  Limit limit = DailyLimit("l", {"team", "user"}, 1);
  limit.when = {When("model", {"a", "b"}), When("labels.x", {"c"})};
  limit.overrides = {For({{"team", "t"}, {"user", "u"}}, 5), For({{"user", "v"}}, 6)};
  document.limits = {limit};
  PolicyDocument other = document;
  other.limits[0].source = "elsewhere";
  other.limits[0].per = {Dim("user"), Dim("team"), Dim("org")};
  other.limits[0].when = {When("labels.x", {"c"}), When("model", {"b", "a", "b"})};
  other.limits[0].overrides = {For({{"user", "v"}}, 6, "x"),
                               For({{"user", "u"}, {"team", "t"}}, 5, "y")};
  EXPECT_EQ(Fingerprint(document), Fingerprint(other));
  EXPECT_EQ(Fingerprint(document).size(), 16u);
}

TEST(FingerprintTest, DiffersWithEveryMeaning) {
  PolicyDocument document;
  document.limits = {DailyLimit("l", {"user"}, 1), DailyLimit("k", {"user"}, 1)};
  document.model_rules = {SoundRule()};
  std::vector<std::string> fingerprints = {Fingerprint(document)};
  const auto add = [&](auto change) {
    PolicyDocument changed = document;
    change(changed);
    fingerprints.push_back(Fingerprint(changed));
  };
  add([](PolicyDocument& d) { d.limits[0].amount = 2; });
  add([](PolicyDocument& d) { d.limits[0].id = "m"; });
  add([](PolicyDocument& d) { std::swap(d.limits[0], d.limits[1]); });
  add([](PolicyDocument& d) { d.limits.pop_back(); });
  add([](PolicyDocument& d) { d.limits[0].unit = *ParseUnit("usd"); });
  add([](PolicyDocument& d) { d.limits[0].on_exceed = OnExceed::kSoft; });
  add([](PolicyDocument& d) {
    d.limits[0].on_exceed = OnExceed::kDowngrade, d.limits[0].downgrade_model = "m";
  });
  add([](PolicyDocument& d) {
    d.limits[0].on_exceed = OnExceed::kDowngrade, d.limits[0].downgrade_model = "n";
  });
  add([](PolicyDocument& d) { d.limits[0].on_outage = OnOutage::kAllow; });
  add([](PolicyDocument& d) { d.limits[0].hold = HoldMode::kNone; });
  add([](PolicyDocument& d) { d.limits[0].overrides = {For({{"user", "a"}}, 1)}; });
  add([](PolicyDocument& d) { d.limits[0].overrides = {For({{"user", "a"}}, 2)}; });
  add([](PolicyDocument& d) { d.limits[0].overrides = {For({{"user", "b"}}, 1)}; });
  add([](PolicyDocument& d) { d.limits[0].overrides = {For({{"org", "a"}}, 1)}; });
  add([](PolicyDocument& d) { d.unpriced_models = UnpricedModels::kFlag; });
  add([](PolicyDocument& d) { d.unpriced_models = UnpricedModels::kPriceAs, d.price_as = "m"; });
  add([](PolicyDocument& d) { d.model_rules[0].id = "s"; });
  add([](PolicyDocument& d) { d.model_rules[0].when.clear(); });
  add([](PolicyDocument& d) { d.model_rules[0].allow = {Glob("n")}; });
  add([](PolicyDocument& d) { std::swap(d.model_rules[0].allow, d.model_rules[0].deny); });
  add([](PolicyDocument& d) { d.model_rules.clear(); });
  std::sort(fingerprints.begin(), fingerprints.end());
  EXPECT_EQ(std::unique(fingerprints.begin(), fingerprints.end()), fingerprints.end());
}

}  // namespace
}  // namespace quotaplane
