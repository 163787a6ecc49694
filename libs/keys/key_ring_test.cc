#include "libs/keys/key_ring.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/error.h"

namespace quotaplane {
namespace {

constexpr int64_t kNow = 1'000'000'000;

class KeyRingTest : public testing::Test {
 protected:
  VirtualKey Acme() const {
    VirtualKey key;
    key.id = fresh_.id;
    key.org = "acme";
    key.team = "search";
    key.hash = fresh_.hash;
    return key;
  }

  // "acme", or the reason; and that no message shows the text's secret.
  std::string Resolve(const std::string& text, KeyUse use = KeyUse::kSpend,
                      int64_t now_us = kNow) const {
    const auto key = ring_.Resolve(text, now_us, use);
    if (key.ok()) return (*key)->org;
    EXPECT_EQ(key.status().code(), absl::StatusCode::kUnauthenticated);
    if (text.size() > 21) {
      EXPECT_EQ(key.status().ToString().find(text.substr(21)), std::string::npos);
    }
    return ReasonOf(key.status()).value_or("no reason");
  }

  const NewSecret fresh_ = MakeKey();
  KeyRing ring_;
};

TEST_F(KeyRingTest, AKeyInForceIsResolved) {
  ring_.Put(Acme());
  EXPECT_EQ(ring_.size(), 1u);
  EXPECT_EQ(Resolve(fresh_.text), "acme");
  const auto key = ring_.Resolve(fresh_.text, kNow, KeyUse::kSpend);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ((*key)->id, fresh_.id);
  EXPECT_EQ((*key)->team, "search");
}

TEST_F(KeyRingTest, UnknownWrongAndMalformedAreToldAlike) {
  ring_.Put(Acme());
  const std::string wrong_secret = MakeSecretFor(fresh_.id).text;
  const auto unknown = ring_.Resolve(MakeKey().text, kNow, KeyUse::kSpend).status();
  EXPECT_EQ(ReasonOf(unknown), "KEY_UNKNOWN");
  for (const std::string& text : {wrong_secret, std::string("qpk_"), std::string(), fresh_.id,
                                  fresh_.text + " ", fresh_.text.substr(0, 63)}) {
    for (const KeyUse use : {KeyUse::kSpend, KeyUse::kSettle}) {
      EXPECT_EQ(ring_.Resolve(text, kNow, use).status(), unknown) << text;
    }
  }
}

TEST_F(KeyRingTest, AKeyWithoutAHashIsNobodys) {
  VirtualKey key = Acme();
  key.hash = {};
  ring_.Put(key);
  EXPECT_EQ(Resolve(fresh_.text), "KEY_UNKNOWN");
  // Nor does the hash of a past that there is not say anything.
  key.previous_hash = fresh_.hash;
  ring_.Put(key);
  EXPECT_EQ(Resolve(fresh_.text), "KEY_UNKNOWN");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle), "KEY_UNKNOWN");
}

TEST_F(KeyRingTest, ARevokedKeySettlesAndSpendsNothing) {
  VirtualKey key = Acme();
  key.revoked = true;
  key.expires_at_us = kNow - 1;
  ring_.Put(key);
  EXPECT_EQ(Resolve(fresh_.text), "KEY_REVOKED");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle), "acme");
  // Of one that an older version revoked it is not known when that was.
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle, kNow + kSettleUs - 2), "acme");
  // Whoever has not the secret is not told that the key was revoked.
  EXPECT_EQ(Resolve(MakeSecretFor(fresh_.id).text), "KEY_UNKNOWN");
}

TEST_F(KeyRingTest, AKeyExpiresAtItsTime) {
  VirtualKey key = Acme();
  key.expires_at_us = kNow;
  ring_.Put(key);
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSpend, kNow - 1), "acme");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSpend, kNow), "KEY_EXPIRED");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle, kNow), "acme");
}

TEST_F(KeyRingTest, WhatHasEndedSettlesForATime) {
  VirtualKey revoked = Acme();
  revoked.revoked = true;
  revoked.revoked_at_us = kNow;
  VirtualKey expired = Acme();
  expired.expires_at_us = kNow;
  VirtualKey rotated = Acme();
  rotated.previous_hash = rotated.hash;
  rotated.previous_until_us = kNow;
  rotated.hash = MakeSecretFor(fresh_.id).hash;
  const std::pair<VirtualKey, std::string> ended[] = {
      {revoked, "KEY_REVOKED"}, {expired, "KEY_EXPIRED"}, {rotated, "KEY_EXPIRED"}};
  for (const auto& [key, reason] : ended) {
    ring_.Put(key);
    EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSpend, kNow), reason);
    EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle, kNow), "acme");
    EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle, kNow + kSettleUs - 1), "acme");
    EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle, kNow + kSettleUs), reason);
  }
}

TEST_F(KeyRingTest, AfterARotationTheOldSecretHasItsGrace) {
  const NewSecret second = MakeSecretFor(fresh_.id);
  VirtualKey key = Acme();
  key.previous_hash = key.hash;
  key.previous_until_us = kNow + 10;
  key.hash = second.hash;
  ring_.Put(key);
  EXPECT_EQ(Resolve(second.text), "acme");
  EXPECT_EQ(Resolve(fresh_.text), "acme");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSpend, kNow + 9), "acme");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSpend, kNow + 10), "KEY_EXPIRED");
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle, kNow + 10), "acme");
  EXPECT_EQ(Resolve(second.text, KeyUse::kSpend, kNow + 10), "acme");
  // The whole key ends earlier.
  key.expires_at_us = kNow + 5;
  ring_.Put(key);
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSpend, kNow + 5), "KEY_EXPIRED");
  // After the next rotation the first secret is nobody's.
  key.previous_hash = key.hash;
  key.hash = MakeSecretFor(fresh_.id).hash;
  ring_.Put(key);
  EXPECT_EQ(Resolve(fresh_.text, KeyUse::kSettle), "KEY_UNKNOWN");
}

TEST_F(KeyRingTest, PutReplacesAndEraseForgets) {
  ring_.Put(Acme());
  const auto held = ring_.Resolve(fresh_.text, kNow, KeyUse::kSpend);
  VirtualKey other = Acme();
  other.org = "globex";
  ring_.Put(other);
  EXPECT_EQ(ring_.size(), 1u);
  EXPECT_EQ(Resolve(fresh_.text), "globex");
  ring_.Erase(fresh_.id);
  ring_.Erase("never there");
  EXPECT_EQ(ring_.size(), 0u);
  EXPECT_EQ(Resolve(fresh_.text), "KEY_UNKNOWN");
  // What somebody holds stays as it was.
  ASSERT_TRUE(held.ok());
  EXPECT_EQ((*held)->org, "acme");
}

}  // namespace
}  // namespace quotaplane
