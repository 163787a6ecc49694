#include "libs/auth/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/auth/test_tokens.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

using test_tokens::Base64Url;
using test_tokens::KeySetJson;
using test_tokens::SigningKey;
using ::testing::HasSubstr;

// Making RSA keys takes a while: once for all tests.
const SigningKey& RsaKey() {
  static const auto* const kKey = new SigningKey(SigningKey::Rsa("rsa-1"));
  return *kKey;
}
const SigningKey& EcKey() {
  static const auto* const kKey = new SigningKey(SigningKey::Ec("ec-1"));
  return *kKey;
}

class KeySetTest : public ::testing::Test {
 protected:
  // The payload, or the reason and message of the refusal.
  std::string Verify(const std::string& token) {
    missing_.clear();
    const absl::StatusOr<std::string> payload = keys_->Verify(token, &missing_);
    if (payload.ok()) return *payload;
    return ReasonOf(payload.status()).value_or("-") + ": " +
           std::string(payload.status().message());
  }

  const std::shared_ptr<const KeySet> keys_ =
      *KeySet::Parse(KeySetJson({RsaKey().Public(), EcKey().Public()}));
  std::string missing_;
};

TEST_F(KeySetTest, VerifiesBothAlgorithms) {
  EXPECT_EQ(Verify(RsaKey().Sign(R"({"a":1})")), R"({"a":1})");
  EXPECT_EQ(Verify(EcKey().Sign(R"({"b":2})")), R"({"b":2})");
}

TEST_F(KeySetTest, AForgedTokenIsRefused) {
  const std::string wrong = "TOKEN_INVALID: the token is not accepted: its signature is wrong";
  // Another key under the same id.
  EXPECT_EQ(Verify(SigningKey::Rsa("rsa-1").Sign("{}")), wrong);
  EXPECT_EQ(Verify(SigningKey::Ec("ec-1").Sign("{}")), wrong);
  // A payload exchanged under a good signature.
  const std::string good = RsaKey().Sign(R"({"role":"viewer"})");
  const size_t first = good.find('.');
  const size_t second = good.find('.', first + 1);
  EXPECT_EQ(
      Verify(good.substr(0, first + 1) + Base64Url(R"({"role":"admin"})") + good.substr(second)),
      wrong);
  // The signature cut off.
  EXPECT_THAT(Verify(good.substr(0, second + 1)), HasSubstr("TOKEN_INVALID"));
}

TEST_F(KeySetTest, TheAlgorithmIsNotTheTokensChoice) {
  const std::string wrong =
      "TOKEN_INVALID: the token is not accepted: its algorithm is neither RS256 nor ES256";
  for (const char* none : {"none", "None", "NONE", ""}) {
    const std::string header = std::string(R"({"alg":")") + none + R"(","kid":"rsa-1"})";
    EXPECT_THAT(Verify(Base64Url(header) + "." + Base64Url("{}") + "."), HasSubstr("TOKEN_INVALID"))
        << none;
  }
  // The public key, which everybody has, taken for a shared secret.
  EXPECT_EQ(Verify(SigningKey::Secret("rsa-1", RsaKey().Public()).Sign("{}")), wrong);
  // Of the same kind, but not ours.
  EXPECT_EQ(Verify(RsaKey().Sign("{}", "RS512")), wrong);
  EXPECT_EQ(Verify(RsaKey().Sign("{}", "PS256")), wrong);
  // A key of one kind under the other's algorithm is no key of the token.
  const std::string crossed = Base64Url(R"({"alg":"ES256","kid":"rsa-1"})") + "." +
                              Base64Url("{}") + "." + Base64Url(std::string(64, 'x'));
  EXPECT_THAT(Verify(crossed), HasSubstr("no such key"));
}

TEST_F(KeySetTest, WhatIsCriticalWouldHaveToBeKnown) {
  EXPECT_EQ(Verify(EcKey().SignWithMember("{}", "crit", R"(["x"])")),
            "TOKEN_INVALID: the token is not accepted: its header has `crit`");
}

// A token cannot bring the key that it is verified with, nor say where it lies.
TEST_F(KeySetTest, NothingInATokenIsAKey) {
  const SigningKey evil = SigningKey::Ec("ec-1");
  const std::string quoted_file = R"("file:///etc/passwd")";
  const std::string wrong = "TOKEN_INVALID: the token is not accepted: its signature is wrong";
  EXPECT_EQ(Verify(evil.SignWithMember("{}", "jwk", evil.Public())), wrong);
  EXPECT_EQ(Verify(evil.SignWithMember("{}", "jku", R"("http://127.0.0.1/keys")")), wrong);
  EXPECT_EQ(Verify(evil.SignWithMember("{}", "x5u", quoted_file)), wrong);
  EXPECT_EQ(Verify(evil.SignWithMember("{}", "x5c", R"(["MIIB"])")), wrong);
  // Of our own key they change nothing.
  EXPECT_EQ(Verify(EcKey().SignWithMember("{}", "jwk", evil.Public())), "{}");
}

TEST_F(KeySetTest, AnIdIsANameAndNoPath) {
  for (const std::string& id :
       {std::string("../../../../dev/null"), std::string("/etc/passwd"),
        std::string("ec-1/../ec-1"), std::string("EC-1"), std::string(" ec-1"),
        std::string("ec-1' OR '1'='1"), std::string(8'000, 'x')}) {
    EXPECT_EQ(Verify(SigningKey::Ec(id).Sign("{}")), "-: the issuer has no such key") << id;
    EXPECT_EQ(missing_, id);
  }
  // One that is no text is none, which names nobody of two.
  for (const char* id : {"7", "null", R"(["ec-1"])", R"({"kid":"ec-1"})"}) {
    const std::string header = absl::StrCat(R"({"alg":"ES256","kid":)", id, "}");
    const std::string token =
        Base64Url(header) + "." + Base64Url("{}") + "." + Base64Url(std::string(64, 'x'));
    EXPECT_THAT(Verify(token), testing::AnyOf(HasSubstr("no such key"), HasSubstr("TOKEN_INVALID")))
        << id;
    EXPECT_EQ(missing_, "") << id;
  }
}

// The other serializations of RFC 7515, encrypted and nested tokens.
TEST_F(KeySetTest, OnlyOneCompactSignatureIsRead) {
  const std::string good = EcKey().Sign("{}");
  const size_t first = good.find('.');
  const size_t second = good.find('.', first + 1);
  const std::string head = good.substr(0, first);
  const std::string signature = good.substr(second + 1);
  EXPECT_THAT(Verify(good + "." + signature), HasSubstr("TOKEN_INVALID"));
  EXPECT_THAT(Verify(good + "." + good), HasSubstr("TOKEN_INVALID"));
  const std::string one =
      absl::StrCat(R"({"protected":")", head, R"(","signature":")", signature, "\"}");
  EXPECT_THAT(Verify(absl::StrCat(R"({"payload":"e30","signatures":[)", one, ",", one, "]}")),
              HasSubstr("TOKEN_INVALID"));
  EXPECT_THAT(Verify(absl::StrCat(R"({"payload":"e30",)", one.substr(1))),
              HasSubstr("TOKEN_INVALID"));
  // A token within a token is a payload, which is no JSON object.
  EXPECT_EQ(Verify(EcKey().SignWithMember(good, "cty", R"("JWT")")), good);
}

TEST_F(KeySetTest, AnUnknownKeyIsNamed) {
  EXPECT_EQ(Verify(SigningKey::Ec("ec-2").Sign("{}")), "-: the issuer has no such key");
  EXPECT_EQ(missing_, "ec-2");
  // Without an id, which of the two?
  EXPECT_THAT(Verify(SigningKey::Ec("").Sign("{}")), HasSubstr("no such key"));
  EXPECT_EQ(missing_, "");
}

TEST_F(KeySetTest, NoJwtIsRefused) {
  for (const char* text : {"", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.e30.e30.e30",
                           "\xff\xff.\xff.\xff", "bnVsbA.e30.e30"}) {
    EXPECT_THAT(Verify(text), HasSubstr("TOKEN_INVALID")) << text;
  }
}

TEST(KeySet, WithoutAnIdTheOnlyKeyIsMeant) {
  const SigningKey key = SigningKey::Ec("");
  const auto keys = KeySet::Parse(KeySetJson({key.Public()}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  std::string missing;
  EXPECT_TRUE((*keys)->Verify(key.Sign("{}"), &missing).ok());
}

std::string Problem(const std::string& json) {
  const auto keys = KeySet::Parse(json);
  return keys.ok() ? "" : std::string(keys.status().message());
}

TEST(KeySet, WhatCannotVerifyIsLeftOut) {
  const std::string good = EcKey().Public();
  EXPECT_EQ(Problem(KeySetJson({good, R"({"kty":"OKP","crv":"Ed25519","x":"AA"})",
                                SigningKey::Ec("p", CJOSE_JWK_EC_P_384).Public(),
                                R"({"kty":"RSA","use":"enc","n":"AA","e":"AQAB"})"})),
            "");
  EXPECT_THAT(Problem(KeySetJson({SigningKey::Rsa("short", 1024).Public()})),
              HasSubstr("no key for RS256 or ES256"));
  EXPECT_THAT(Problem(KeySetJson({})), HasSubstr("no key for RS256 or ES256"));
}

TEST(KeySet, SecretsAndOtherTextsAreRefused) {
  EXPECT_THAT(Problem(KeySetJson({EcKey().Private()})), HasSubstr("private key"));
  EXPECT_THAT(Problem(KeySetJson({R"({"kty":"oct","k":"AAAA"})"})), HasSubstr("a secret"));
  EXPECT_THAT(Problem("<html>"), HasSubstr("no JSON object"));
  EXPECT_THAT(Problem(R"({"keys":{}})"), HasSubstr("list `keys`"));
  EXPECT_THAT(Problem(R"({"keys":[1]})"), HasSubstr("no JSON object"));
  EXPECT_THAT(Problem(KeySetJson({R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"})),
              HasSubstr("cannot be read"));
  EXPECT_THAT(Problem(KeySetJson(std::vector<std::string>(101, EcKey().Public()))),
              HasSubstr("more than 100 keys"));
  EXPECT_THAT(Problem(std::string(kMaxKeySetBytes + 1, ' ')), HasSubstr("bytes"));
}

}  // namespace
}  // namespace quotaplane
