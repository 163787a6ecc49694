#include "tools/quotactl/token_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/config/auth_reader.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15T08:00:00Z

TEST(TokenText, IsReadByTheServersReader) {
  const TokenArgs args{"ci \"gateway\" \\ 1", {"gateway", "viewer"}, {"acme", "*"}, "2027-03-01"};
  const auto made = MakeToken(args, kNow);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto config = ParseAuthConfig("tokens:\n" + made->yaml, "auth.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->tokens.size(), 1u);
  EXPECT_EQ(config->tokens[0].name, args.name);
  EXPECT_EQ(config->tokens[0].hash, Hash256Of(made->token));
  EXPECT_EQ(config->tokens[0].expires_at_us, 1803859200'000000);
  EXPECT_THAT(config->tokens[0].grants,
              ElementsAre(Grant{Role::kGateway, "acme"}, Grant{Role::kViewer, "acme"},
                          Grant{Role::kGateway, "*"}, Grant{Role::kViewer, "*"}));
  EXPECT_THAT(made->yaml, Not(HasSubstr(made->token)));
}

TEST(TokenText, ExpiresInDaysOrAtATime) {
  TokenArgs args{"a", {"viewer"}, {"acme"}, "90d"};
  EXPECT_THAT(MakeToken(args, kNow)->yaml, HasSubstr("expires: 2027-04-15T08:00:00+00:00"));
  args.expires = "2027-01-15T10:00:00+01:00";
  EXPECT_THAT(MakeToken(args, kNow)->yaml, HasSubstr("expires: 2027-01-15T09:00:00+00:00"));
}

TEST(TokenText, WrongFlagsAreNamed) {
  const auto problem = [](const TokenArgs& args) {
    const auto made = MakeToken(args, kNow);
    EXPECT_TRUE(absl::IsInvalidArgument(made.status()));
    return std::string(made.status().message());
  };
  EXPECT_THAT(problem({"", {"viewer"}, {"acme"}, "90d"}), HasSubstr("--name"));
  EXPECT_THAT(problem({"a", {"root"}, {"acme"}, "90d"}), HasSubstr("--role"));
  EXPECT_THAT(problem({"a", {"viewer"}, {"a\nb"}, "90d"}), HasSubstr("--org"));
  for (const char* wrong : {"0d", "-1d", "99999d", "soon", "2027-13-01", ""}) {
    EXPECT_THAT(problem({"a", {"viewer"}, {"acme"}, wrong}), HasSubstr("--expires"));
  }
  EXPECT_THAT(problem({"a", {"viewer"}, {"acme"}, "2026-01-01"}), HasSubstr("past"));
}

}  // namespace
}  // namespace quotaplane::quotactl
