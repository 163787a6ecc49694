#include "services/control/item_convert.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "libs/config/policy_writer.h"
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
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeKey(body).status()));
    EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodePrices(body).status()));
  }
  EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodeKey("").status()));
  EXPECT_TRUE(absl::IsDataLoss(kCodec.DecodePolicy("").status()));
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
