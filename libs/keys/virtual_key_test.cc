#include "libs/keys/virtual_key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace quotaplane {
namespace {

TEST(VirtualKeyTest, AFreshKeyHasTheFormAndIsParsed) {
  std::set<std::string> ids, texts;
  for (int i = 0; i < 200; ++i) {
    const NewSecret fresh = MakeKey();
    ASSERT_EQ(fresh.id.size(), 16u);
    ASSERT_EQ(fresh.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
    ASSERT_EQ(fresh.text.size(), 64u);
    ASSERT_EQ(fresh.text.substr(0, 21), "qpk_" + fresh.id + "_");
    const absl::StatusOr<KeyText> parsed = ParseKeyText(fresh.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->id, fresh.id);
    EXPECT_TRUE(SameHash(parsed->hash, fresh.hash));
    EXPECT_TRUE(ids.insert(fresh.id).second);
    EXPECT_TRUE(texts.insert(fresh.text).second);
  }
}

TEST(VirtualKeyTest, ARotationKeepsTheIdAndChangesTheSecret) {
  const NewSecret first = MakeKey();
  const NewSecret second = MakeSecretFor(first.id);
  EXPECT_EQ(second.id, first.id);
  EXPECT_NE(second.text, first.text);
  EXPECT_FALSE(SameHash(first.hash, second.hash));
}

TEST(VirtualKeyTest, ASecretsHashIsPinned) {
  // Stored hashes must stay good.
  const SecretHash hash = HashSecret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(static_cast<unsigned char>(hash[0]), 0x63);
  EXPECT_EQ(static_cast<unsigned char>(hash[31]), 0xdd);
}

TEST(VirtualKeyTest, WhatHasNotTheFormIsRefusedWithoutShowingIt) {
  const std::string id = "abcdefgh234567zz";
  const std::string secret(43, 'S');
  ASSERT_TRUE(ParseKeyText("qpk_" + id + "_" + secret).ok());
  for (const std::string& bad : {
           std::string(),
           std::string("qpk_"),
           "qpk_" + id,
           "qpk_" + id + "_",
           "qpk_" + id + "_" + secret + "S",
           "qpk_" + id + "_" + secret.substr(1),
           "QPK_" + id + "_" + secret,
           "qpk-" + id + "_" + secret,
           "qpk_" + id + "-" + secret,
           "qpk_" + id.substr(1) + "1_" + secret,
           "qpk_" + id.substr(1) + "A_" + secret,
           "qpk_" + id + "_" + secret.substr(1) + "+",
           "qpk_" + id + "_" + secret.substr(1) + "=",
           "qpk_" + id + "_" + secret.substr(1) + " ",
           "qpk_" + id + "_" + secret.substr(1) + std::string(1, '\0'),
           " qpk_" + id + "_" + secret.substr(1),
           std::string(1 << 20, 'S'),
       }) {
    const absl::StatusOr<KeyText> parsed = ParseKeyText(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.status(), absl::InvalidArgumentError("has not the form of a virtual key"));
  }
}

}  // namespace
}  // namespace quotaplane
