#include "services/control/item_convert.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <quotaplane/v1/control.pb.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_writer.h"
#include "libs/policy/alert_digest.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/policy_random.h"

namespace quotaplane {
namespace {

const ProtoItemCodec kCodec{};

TEST(ItemConvert, AnyPolicyComesBackAsItWas) {
  const uint64_t first = std::random_device()();
  int built = 0;
  for (uint64_t seed = first; seed < first + 1'000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PolicyDocument document = RandomPolicy(seed).Document();
    document.retention = {};  // of the deployment
    const auto policy = Policy::Build(document);
    // By chance, of rules that are never reached.
    if (!policy.ok()) continue;
    ++built;
    const auto item = kCodec.DecodePolicy(kCodec.EncodePolicy("acme", 7, (*policy)->document()));
    ASSERT_TRUE(item.ok()) << item.status();
    EXPECT_EQ(item->org, "acme");
    EXPECT_EQ(item->version, 7);
    const auto back = Policy::Build(item->document);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ((*back)->fingerprint(), (*policy)->fingerprint());
    EXPECT_EQ(WritePolicy((*back)->document()), WritePolicy((*policy)->document()));
  }
  EXPECT_GT(built, 950);
}

TEST(ItemConvert, WhatAPolicyDoesNotSayOfAlertsStaysUnsaid) {
  PolicyDocument document;
  document.limits = {DailyLimit("a", {}, 1), DailyLimit("b", {}, 1), DailyLimit("c", {}, 1)};
  document.limits[1].alert_at.emplace();
  document.limits[2].alert_at = {125, 1'000};
  const auto back = [&] {
    const auto item = kCodec.DecodePolicy(kCodec.EncodePolicy("acme", 1, document));
    EXPECT_TRUE(item.ok()) << item.status();
    return item.ok() ? item->document : PolicyDocument();
  };
  ASSERT_EQ(back().limits.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back().limits[i].alert_at, document.limits[i].alert_at) << i;
  }
  EXPECT_FALSE(back().alerts.has_value());
  document.alerts.emplace();
  ASSERT_TRUE(back().alerts.has_value());
  EXPECT_TRUE(back().alerts->empty());
}

TEST(ItemConvert, AlertRulesComeBackAsTheyWere) {
  PolicyDocument document;
  AlertRule& rule = document.alerts.emplace().emplace_back();
  rule.id = "r";
  rule.on = AlertOn::kAnomaly;
  rule.when = {When("team", {"a", "b-*"})};
  rule.limits = {Glob("l")};
  rule.at_permille = 1;
  rule.margin_us = 2;
  rule.signals = {UsageSignal::kTokens, UsageSignal::kRefusals};
  rule.per = {Dim("org"), Dim("labels.session")};
  rule.floor_nano_usd = 3;
  rule.severity = AlertSeverity::kCritical;
  rule.receivers = {"x", "y"};
  rule.hold_off_us = 4;
  rule.action = {AlertAction::Kind::kFreeze, 5, 6};
  const auto item = kCodec.DecodePolicy(kCodec.EncodePolicy("acme", 1, document));
  ASSERT_TRUE(item.ok()) << item.status();
  ASSERT_EQ(item->document.alerts->size(), 1u);
  const AlertRule& back = item->document.alerts->at(0);
  EXPECT_EQ(back.id, "r");
  EXPECT_EQ(AlertRulesDigest({back}), AlertRulesDigest({rule}));
  EXPECT_EQ(back.action, rule.action);
}

TEST(ItemConvert, WordsOfANewerVersionAreDataLoss) {
  const auto decode = [](auto change) {
    v1::PolicyItem item;
    item.set_org("acme");
    item.set_version(1);
    item.mutable_policy()->set_unpriced_models("deny");
    v1::AlertRuleProto* rule = item.mutable_policy()->mutable_alerts()->add_rules();
    rule->set_on("anomaly");
    rule->set_severity("info");
    change(rule);
    return kCodec.DecodePolicy(item.SerializeAsString()).status();
  };
  EXPECT_TRUE(decode([](v1::AlertRuleProto*) {}).ok());
  EXPECT_TRUE(absl::IsDataLoss(decode([](v1::AlertRuleProto* r) { r->set_on("weather"); })));
  EXPECT_TRUE(absl::IsDataLoss(decode([](v1::AlertRuleProto* r) { r->set_severity(""); })));
  EXPECT_TRUE(absl::IsDataLoss(decode([](v1::AlertRuleProto* r) { r->add_signals("mood"); })));
  EXPECT_TRUE(absl::IsDataLoss(decode([](v1::AlertRuleProto* r) { r->add_per("planet"); })));
  EXPECT_TRUE(absl::IsDataLoss(decode([](v1::AlertRuleProto* r) { r->set_action("scold"); })));
}

TEST(ItemConvert, KeysRaisesAndPricesComeBackAsTheyWere) {
  VirtualKey key;
  key.id = "abcdefghijklmnop";
  key.org = "acme";
  key.team = "search";
  key.project = "p";
  key.user = "alice";
  key.models = {Glob("claude-*"), Glob("gpt-5")};
  for (size_t i = 0; i < key.hash.size(); ++i) {
    key.hash[i] = static_cast<char>(i * 9);
    key.previous_hash[i] = static_cast<char>(255 - i);
  }
  key.previous_until_us = 5;
  key.expires_at_us = 6;
  key.revoked = true;
  key.revoked_at_us = 7;
  const auto back = kCodec.DecodeKey(kCodec.EncodeKey(key));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->id, key.id);
  EXPECT_EQ(back->org, key.org);
  EXPECT_EQ(back->team, key.team);
  EXPECT_EQ(back->project, key.project);
  EXPECT_EQ(back->user, key.user);
  ASSERT_EQ(back->models.size(), 2u);
  EXPECT_EQ(back->models[0].pattern(), "claude-*");
  EXPECT_EQ(back->hash, key.hash);
  EXPECT_EQ(back->previous_hash, key.previous_hash);
  EXPECT_EQ(back->previous_until_us, 5);
  EXPECT_EQ(back->expires_at_us, 6);
  EXPECT_TRUE(back->revoked);
  EXPECT_EQ(back->revoked_at_us, 7);

  const RaisesItem raises{
      "acme", {{"e1", "user-day", {{Dim("user"), "alice"}, {Dim("team"), "a b"}}, 9, 1, 2}}};
  const auto raises_back = kCodec.DecodeRaises(kCodec.EncodeRaises(raises));
  ASSERT_TRUE(raises_back.ok()) << raises_back.status();
  EXPECT_EQ(raises_back->org, "acme");
  EXPECT_EQ(raises_back->raises, raises.raises);

  const CurbsItem curbs{
      "acme",
      {{17, true, 0, {{Dim("user"), "alice"}, {Dim("labels.session"), "a b"}}, "", 1, 2},
       {18, false, 125, {}, "user-day", 3, 4}}};
  const auto curbs_back = kCodec.DecodeCurbs(kCodec.EncodeCurbs(curbs));
  ASSERT_TRUE(curbs_back.ok()) << curbs_back.status();
  EXPECT_EQ(curbs_back->org, "acme");
  EXPECT_EQ(curbs_back->curbs, curbs.curbs);

  const PricesItem prices{{{3, 10, "a: 1"}, {4, 20, ""}}};
  const auto prices_back = kCodec.DecodePrices(kCodec.EncodePrices(prices));
  ASSERT_TRUE(prices_back.ok()) << prices_back.status();
  ASSERT_EQ(prices_back->books.size(), 2u);
  EXPECT_EQ(prices_back->books[0].yaml, "a: 1");
  EXPECT_EQ(prices_back->books[1].number, 4);
  EXPECT_EQ(prices_back->books[1].active_from_us, 20);
}

TEST(ItemConvert, WhatIsNoItemIsDataLoss) {
  for (const std::string& body : {std::string("\xff\xff"), std::string("nonsense")}) {
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodePolicy(body).status()));
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeRaises(body).status()));
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeCurbs(body).status()));
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeKey(body).status()));
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodePrices(body).status()));
  }
  EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeKey("").status()));
  EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodePolicy("").status()));
}

// A newer version's, of which this one would do something else.
TEST(ItemConvert, ACurbThatIsNeitherFreezeNorThrottleIsDataLoss) {
  for (const auto& [freeze, share] :
       std::vector<std::pair<bool, int>>{{false, 0}, {false, 1'000}, {false, -1}, {true, 5}}) {
    const CurbsItem item{"acme", {{17, freeze, share, {}, "", 1, 2}}};
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeCurbs(kCodec.EncodeCurbs(item)).status())) << share;
  }
}

// Whatever a bit flip makes of it: an error, or a document, which Policy::Build judges.
TEST(ItemConvert, DamagedBodiesNeverCrash) {
  google::protobuf::LogSilencer quiet;
  const std::string body = kCodec.EncodePolicy("acme", 7, RandomPolicy(5).Document());
  for (size_t i = 0; i < body.size() * 8; ++i) {
    std::string damaged = body;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << (i % 8)));
    const auto item = kCodec.DecodePolicy(damaged);
    if (item.ok()) {
      EXPECT_GE(item->version, 1);
    } else {
      EXPECT_TRUE(absl::IsDataLoss(item.status())) << item.status();
    }
  }
}

}  // namespace
}  // namespace quotaplane
