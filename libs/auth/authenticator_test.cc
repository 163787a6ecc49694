#include "libs/auth/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "libs/auth/test_tokens.h"
#include "libs/auth/token.h"
#include "libs/base/error.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

using fixtures::PollUntil;
using test_tokens::Base64Url;
using test_tokens::Claims;
using test_tokens::KeySetJson;
using test_tokens::SigningKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kNowS = 1'800'000'000;
constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kNowUs = kNowS * kSecondUs;

const SigningKey& Key() {
  static const auto* const kKey = new SigningKey(SigningKey::Ec("k1"));
  return *kKey;
}

class AuthenticatorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteKeys({Key().Public()});
    authenticator_ = std::make_unique<Authenticator>(Config(), Quick());
    authenticator_->WaitForKeys(absl::Seconds(10));
  }

  static IssuerKeysOptions Quick() {
    IssuerKeysOptions options;
    options.file_interval = absl::Milliseconds(5);
    options.asked_interval = absl::Milliseconds(20);
    return options;
  }

  AuthConfig Config() {
    AuthConfig config;
    config.tokens.push_back({"ci", Hash256Of(token_), kNowUs + 1, {{Role::kGateway, "acme"}}});
    config.certificates.push_back({"gw.acme.example", {{Role::kGateway, "acme"}}});
    IssuerConfig issuer;
    issuer.issuer = "https://idp.test";
    issuer.audience = "quotaplane";
    issuer.keys = dir_.File("keys.json");
    issuer.groups["admins"] = {{Role::kAdmin, "*"}};
    config.issuers.push_back(std::move(issuer));
    return config;
  }

  void WriteKeys(const std::vector<std::string>& keys) {
    const std::string path = dir_.File("keys.json");
    std::ofstream(path + ".new") << KeySetJson(keys);
    ASSERT_EQ(std::rename((path + ".new").c_str(), path.c_str()), 0);
  }

  absl::StatusOr<std::shared_ptr<const Principal>> Ask(const std::string& token,
                                                       int64_t now_us = kNowUs) {
    const std::string header = "Bearer " + token;
    return authenticator_->Authenticate({.authorization = header}, now_us);
  }
  // The principal's name, or the reason of the refusal.
  std::string NameOrReason(const std::string& token, int64_t now_us = kNowUs) {
    const auto principal = Ask(token, now_us);
    if (principal.ok()) return (*principal)->name;
    EXPECT_THAT(std::string(principal.status().message()), Not(HasSubstr(token)));
    return ReasonOf(principal.status()).value_or("");
  }

  const fixtures::TempDir dir_;
  const std::string token_ = NewToken();
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(AuthenticatorTest, AStaticTokenIsKnownUntilItExpires) {
  EXPECT_EQ(NameOrReason(token_), "token:ci");
  EXPECT_THAT((*Ask(token_))->grants, ElementsAre(Grant{Role::kGateway, "acme"}));
  EXPECT_EQ(NameOrReason(token_, kNowUs + 1), "TOKEN_EXPIRED");
  EXPECT_EQ(NameOrReason(NewToken()), "TOKEN_UNKNOWN");
  EXPECT_EQ(NameOrReason(token_ + "x"), "TOKEN_UNKNOWN");
  EXPECT_EQ(NameOrReason("qpt_"), "TOKEN_UNKNOWN");
}

TEST_F(AuthenticatorTest, TheHeaderHasToBeABearerToken) {
  const auto reason = [&](const std::string& header) {
    return ReasonOf(authenticator_->Authenticate({.authorization = header}, kNowUs).status());
  };
  EXPECT_EQ(reason("Basic YWxpY2U6c2VjcmV0"), "TOKEN_INVALID");
  EXPECT_EQ(reason(token_), "TOKEN_INVALID");
  EXPECT_EQ(reason("Bearer "), "TOKEN_INVALID");
  EXPECT_EQ(reason("Bearer " + std::string(20'000, 'a')), "TOKEN_INVALID");
  EXPECT_EQ(reason("bearer " + token_), std::nullopt);
  EXPECT_EQ(reason(""), "CREDENTIALS_MISSING");
}

TEST_F(AuthenticatorTest, ACertificateIsKnownByAnyOfItsNames) {
  const auto ask = [&](std::vector<std::string> names) {
    return authenticator_->Authenticate({.certificate_names = std::move(names)}, kNowUs);
  };
  EXPECT_EQ((*ask({"gateway", "gw.acme.example"}))->name, "cert:gw.acme.example");
  EXPECT_EQ(ReasonOf(ask({"gateway"}).status()), "CERTIFICATE_UNKNOWN");
  // Exactly: no prefixes, no wildcards.
  EXPECT_EQ(ReasonOf(ask({"gw.acme.example.evil", "*"}).status()), "CERTIFICATE_UNKNOWN");
}

TEST_F(AuthenticatorTest, AJwtIsItsSubjectWithTheRolesOfItsGroups) {
  const auto principal = Ask(Key().Sign(Claims(kNowS)));
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ((*principal)->name, "oidc:https://idp.test#alice");
  EXPECT_THAT((*principal)->grants, ElementsAre(Grant{Role::kAdmin, "*"}));
  // The last of two equal members counts: other groups, and then none that is known.
  const auto stranger = Ask(Key().Sign(Claims(kNowS, R"(,"groups":["staff"])")));
  ASSERT_TRUE(stranger.ok()) << stranger.status();
  EXPECT_THAT((*stranger)->grants, IsEmpty());
}

TEST_F(AuthenticatorTest, AJwtIsGoodForItsTimeWithAMinuteOfLeeway) {
  const std::string token = Key().Sign(Claims(kNowS, absl::StrCat(R"(,"nbf":)", kNowS)));
  const int64_t expiry_us = kNowUs + 3600 * kSecondUs;
  EXPECT_EQ(NameOrReason(token, kNowUs - 61 * kSecondUs), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(token, kNowUs - 60 * kSecondUs), "oidc:https://idp.test#alice");
  EXPECT_EQ(NameOrReason(token, expiry_us + 60 * kSecondUs - 1), "oidc:https://idp.test#alice");
  EXPECT_EQ(NameOrReason(token, expiry_us + 60 * kSecondUs), "TOKEN_EXPIRED");
  EXPECT_EQ(NameOrReason(token, kNowUs - 61 * kSecondUs), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS - 7200))), "TOKEN_EXPIRED");
}

TEST_F(AuthenticatorTest, AJwtForOthersIsRefused) {
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, "", "https://evil.test"))), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, "", "https://idp.test", "grafana"))),
            "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, R"(,"aud":["a","quotaplane"])"))),
            "oidc:https://idp.test#alice");
  for (const char* wrong :
       {R"(,"exp":"soon")", R"(,"exp":null)", R"(,"exp":-1)", R"(,"exp":1e300)", R"(,"sub":"")",
        R"(,"sub":7)", R"(,"sub":"a\nb")", R"(,"nbf":"x")", R"(,"aud":[])", R"(,"aud":7)"}) {
    EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, wrong))), "TOKEN_INVALID") << wrong;
  }
  EXPECT_EQ(NameOrReason(Key().Sign(R"({"iss":"https://idp.test"})")), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(Key().Sign("[]")), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason("eyJ.eyJ.x"), "TOKEN_INVALID");
}

TEST_F(AuthenticatorTest, AJwtNeedsAnExpiryThatIsATime) {
  const std::string rest = R"("iss":"https://idp.test","aud":"quotaplane","sub":"alice")";
  const auto with_expiry = [&](const std::string& expiry) {
    return NameOrReason(Key().Sign(absl::StrCat("{", rest, expiry, "}")));
  };
  EXPECT_EQ(with_expiry(""), "TOKEN_INVALID");
  EXPECT_EQ(with_expiry(absl::StrCat(R"(,"exp":")", kNowS + 3600, "\"")), "TOKEN_INVALID");
  EXPECT_EQ(with_expiry(absl::StrCat(R"(,"exp":[)", kNowS + 3600, "]")), "TOKEN_INVALID");
  EXPECT_EQ(with_expiry(R"(,"exp":true)"), "TOKEN_INVALID");
  EXPECT_EQ(with_expiry(R"(,"exp":-1)"), "TOKEN_INVALID");
  EXPECT_EQ(with_expiry(R"(,"exp":99999999999999999999)"), "TOKEN_INVALID");
  EXPECT_EQ(with_expiry(R"(,"exp":0)"), "TOKEN_EXPIRED");
  // A NumericDate may have a fraction (RFC 7519, 2).
  EXPECT_EQ(with_expiry(absl::StrCat(R"(,"exp":)", kNowS, ".5")), "oidc:https://idp.test#alice");
}

TEST_F(AuthenticatorTest, GroupsThatAreNoTextsAreNoGroups) {
  for (const char* groups : {"7", "null", "true", R"({"admins":true})", R"([["admins"],7,null])"}) {
    const auto principal = Ask(Key().Sign(Claims(kNowS, absl::StrCat(R"(,"groups":)", groups))));
    ASSERT_TRUE(principal.ok()) << principal.status();
    EXPECT_THAT((*principal)->grants, IsEmpty()) << groups;
  }
  // One group alone may stand without a list.
  const auto one = Ask(Key().Sign(Claims(kNowS, R"(,"groups":"admins")")));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT((*one)->grants, ElementsAre(Grant{Role::kAdmin, "*"}));
}

TEST_F(AuthenticatorTest, AJwtIsBounded) {
  const auto padded = [&](size_t bytes) {
    return Key().Sign(Claims(kNowS, absl::StrCat(R"(,"x":")", std::string(bytes, 'a'), "\"")));
  };
  EXPECT_EQ(NameOrReason(padded(11'000)), "oidc:https://idp.test#alice");
  EXPECT_EQ(NameOrReason(padded(1 << 20)), "TOKEN_INVALID");
  // Deep enough to exhaust a stack that is used by nesting.
  const std::string deep = std::string(5'000, '[') + std::string(5'000, ']');
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, absl::StrCat(R"(,"x":)", deep)))),
            "oidc:https://idp.test#alice");
  EXPECT_EQ(NameOrReason(Key().Sign(Key().Sign(Claims(kNowS)))), "TOKEN_INVALID");
}

TEST_F(AuthenticatorTest, AForgedJwtIsRefused) {
  EXPECT_EQ(NameOrReason(SigningKey::Ec("k1").Sign(Claims(kNowS))), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(SigningKey::Secret("k1", Key().Public()).Sign(Claims(kNowS))),
            "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(Base64Url(R"({"alg":"none","kid":"k1"})") + "." +
                         Base64Url(Claims(kNowS)) + "."),
            "TOKEN_INVALID");
  // Also right after the same token with its signature was remembered.
  const std::string good = Key().Sign(Claims(kNowS));
  EXPECT_EQ(NameOrReason(good), "oidc:https://idp.test#alice");
  std::string bad = good;
  bad[good.size() - 10] = bad[good.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(NameOrReason(bad), "TOKEN_INVALID");
}

TEST_F(AuthenticatorTest, ANewKeyIsFetchedWhenATokenNamesIt) {
  const SigningKey next = SigningKey::Ec("k2");
  const std::string token = next.Sign(Claims(kNowS));
  // Nobody has published it: first they are asked, then it is known to be unknown.
  EXPECT_EQ(NameOrReason(token), "ISSUER_UNAVAILABLE");
  EXPECT_TRUE(PollUntil(absl::Seconds(10), [&] { return NameOrReason(token) == "TOKEN_INVALID"; }));
  const std::string old = Key().Sign(Claims(kNowS));
  EXPECT_EQ(NameOrReason(old), "oidc:https://idp.test#alice");
  WriteKeys({next.Public()});
  EXPECT_TRUE(PollUntil(absl::Seconds(10), [&] { return Ask(token).ok(); }));
  // What was verified with a key that is gone is not good any more, remembered or not; and that is
  // no outage, as it was there and is taken out.
  EXPECT_EQ(NameOrReason(old), "TOKEN_INVALID");
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, R"(,"jti":"3")"))), "TOKEN_INVALID");
  // An issuer may put it back.
  WriteKeys({next.Public(), Key().Public()});
  EXPECT_TRUE(PollUntil(absl::Seconds(10), [&] { return Ask(old).ok(); }));
}

TEST_F(AuthenticatorTest, KeysStayWhileTheyCannotBeHad) {
  const std::string token = Key().Sign(Claims(kNowS));
  std::ofstream(dir_.File("keys.json")) << "half a file";
  EXPECT_EQ(NameOrReason(SigningKey::Ec("k3").Sign(Claims(kNowS))), "ISSUER_UNAVAILABLE");
  EXPECT_EQ(NameOrReason(token), "oidc:https://idp.test#alice");
  ASSERT_EQ(std::remove(dir_.File("keys.json").c_str()), 0);
  EXPECT_EQ(NameOrReason(Key().Sign(Claims(kNowS, R"(,"jti":"2")"))),
            "oidc:https://idp.test#alice");
}

TEST_F(AuthenticatorTest, AnIssuerWhoseKeysWereNeverThereIsUnavailable) {
  AuthConfig config = Config();
  config.issuers[0].keys = dir_.File("none.json");
  authenticator_ = std::make_unique<Authenticator>(config, Quick());
  authenticator_->WaitForKeys(absl::Seconds(10));
  const auto principal = Ask(Key().Sign(Claims(kNowS)));
  EXPECT_TRUE(absl::IsUnavailable(principal.status())) << principal.status();
}

TEST_F(AuthenticatorTest, AnotherConfigurationHoldsAtOnce) {
  const std::string token = Key().Sign(Claims(kNowS));
  EXPECT_EQ(NameOrReason(token), "oidc:https://idp.test#alice");
  AuthConfig config = Config();
  config.tokens.clear();
  config.issuers[0].groups["admins"] = {{Role::kViewer, "acme"}};
  authenticator_->SetConfig(config);
  EXPECT_EQ(NameOrReason(token_), "TOKEN_UNKNOWN");
  EXPECT_THAT((*Ask(token))->grants, ElementsAre(Grant{Role::kViewer, "acme"}));
  config.issuers.clear();
  authenticator_->SetConfig(config);
  EXPECT_EQ(NameOrReason(token), "TOKEN_INVALID");
}

TEST(VerifiedTokens, AreBoundedAndKeepWhatIsUsed) {
  VerifiedTokens tokens;
  const auto principal = std::make_shared<const Principal>();
  const Hash256 used = Hash256Of("used");
  tokens.Add(used, {.principal = principal});
  for (size_t i = 0; i < 3 * VerifiedTokens::kMax; ++i) {
    tokens.Add(Hash256Of(std::to_string(i)), {.principal = principal});
    ASSERT_LE(tokens.size(), VerifiedTokens::kMax);
    ASSERT_NE(tokens.Find(used), nullptr);
  }
  EXPECT_EQ(tokens.Find(Hash256Of("0")), nullptr);
}

}  // namespace
}  // namespace quotaplane
