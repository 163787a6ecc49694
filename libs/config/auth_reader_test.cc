#include "libs/config/auth_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "libs/auth/token.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHash = "blake2b:" + std::string(64, 'a');

std::string Problems(const std::string& yaml) {
  const auto config = ParseAuthConfig(yaml, "auth.yaml");
  EXPECT_FALSE(config.ok());
  return std::string(config.status().message());
}

TEST(AuthReader, ReadsEveryPart) {
  const auto config = ParseAuthConfig(R"(
tokens:
  - name: ci-gateway
    hash: ")" + kHash + R"("
    expires: 2027-01-01
    roles: [{role: gateway, org: acme}, {role: viewer, org: "*"}]
certificates:
  - match: gateway-1.acme.example
    roles: [{role: gateway, org: acme}]
issuers:
  - issuer: https://idp.example
    audience: quotaplane
    keys: https://idp.example/keys.json
    ca_file: /etc/quotaplane/idp.crt
    groups: {platform-admins: [{role: admin, org: "*"}]}
)",
                                      "auth.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->tokens.size(), 1u);
  const TokenConfig& token = config->tokens[0];
  EXPECT_EQ(token.name, "ci-gateway");
  EXPECT_EQ(token.hash, ParseTokenHash(kHash));
  EXPECT_EQ(token.expires_at_us, 1798761600'000000);
  EXPECT_THAT(token.grants, ElementsAre(Grant{Role::kGateway, "acme"}, Grant{Role::kViewer, "*"}));
  ASSERT_EQ(config->certificates.size(), 1u);
  EXPECT_EQ(config->certificates[0].match, "gateway-1.acme.example");
  ASSERT_EQ(config->issuers.size(), 1u);
  EXPECT_EQ(config->issuers[0].groups_claim, "groups");
  EXPECT_EQ(config->issuers[0].ca_file, "/etc/quotaplane/idp.crt");
  EXPECT_THAT(config->issuers[0].groups.at("platform-admins"),
              ElementsAre(Grant{Role::kAdmin, "*"}));
}

TEST(AuthReader, ReadsTheExampleOfTheDocument) {
  std::stringstream text;
  text << std::ifstream(QP_SOURCE_DIR "/docs/security.md").rdbuf();
  const std::string document = text.str();
  const std::string fence = "```yaml\n";
  const size_t start = document.find(fence);
  ASSERT_NE(start, std::string::npos);
  const size_t from = start + fence.size();
  const std::string yaml = document.substr(from, document.find("```", from) - from);
  const auto config = ParseAuthConfig(yaml, "security.md");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->tokens.size() + config->certificates.size() + config->issuers.size(), 3u);
}

TEST(AuthReader, SaysAllThatIsWrongWithItsPlace) {
  const std::string problems = Problems(R"(
tokens:
  - name: a
    hash: qpt_this-is-a-token
    roles: [{role: root, org: acme}]
  - name: a
    hash: ")" + kHash + R"("
    expires: soon
    roles: []
  - name: b
    hash: ")" + kHash + R"("
    expires: 2027-01-01T12:00:00+01:00
    roles: [{role: viewer, org: ""}]
issuers:
  - issuer: https://idp.example
    keys: http://idp.example/keys.json
    groups: {}
  - issuer: https://other.example
    audience: quotaplane
    keys: keys.json
    ca_file: idp.crt
    groups: {}
)");
  EXPECT_THAT(problems,
              AllOf(HasSubstr("auth.yaml:4: tokens[0].hash: must be blake2b:"),
                    HasSubstr("auth.yaml:5: tokens[0].roles[0].role: "),
                    HasSubstr("tokens[0]: `expires` is missing"),
                    HasSubstr("auth.yaml:6: tokens[1].name: \"a\" is there twice"),
                    HasSubstr("auth.yaml:8: tokens[1].expires: must be a day"),
                    HasSubstr("auth.yaml:9: tokens[1].roles: is empty"),
                    HasSubstr("auth.yaml:11: tokens[2].hash: is the hash of another token"),
                    HasSubstr("auth.yaml:13: tokens[2].roles[0].org"),
                    HasSubstr("issuers[0]: `audience` is missing"),
                    HasSubstr("auth.yaml:16: issuers[0].keys: must be a file, an https:// URL"),
                    HasSubstr("auth.yaml:21: issuers[1].ca_file: is for keys from an https://")));
  // Whoever wrote the token itself there has told enough people.
  EXPECT_THAT(problems, Not(HasSubstr("this-is-a-token")));
}

TEST(AuthReader, AFileThatNamesNobodyIsAMistake) {
  EXPECT_THAT(Problems("tokens: []\n"), HasSubstr("names nobody"));
  EXPECT_THAT(Problems("token: []\n"), HasSubstr("did you mean \"tokens\"?"));
  EXPECT_THAT(Problems(""), HasSubstr("auth.yaml"));
}

TEST(AuthReader, KeysOfAnIssuerMayComeFromThisMachine) {
  const auto config = ParseAuthConfig(
      "issuers: [{issuer: i, audience: a, keys: \"http://127.0.0.1:8080/k\", groups_claim: roles, "
      "groups: {g: [{role: viewer, org: acme}]}}]",
      "auth.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->issuers[0].groups_claim, "roles");
}

}  // namespace
}  // namespace quotaplane
