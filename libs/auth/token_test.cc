#include "libs/auth/token.h"

#include <gtest/gtest.h>

#include "libs/auth/auth_config.h"
#include "libs/auth/listen_address.h"

namespace quotaplane {
namespace {

TEST(Token, IsRandomAndItsHashIsReadBack) {
  const std::string token = NewToken();
  EXPECT_EQ(token.size(), 4 + 43u);
  EXPECT_TRUE(token.starts_with("qpt_"));
  EXPECT_NE(token, NewToken());
  EXPECT_EQ(token.find_first_of("+/="), std::string::npos);
  const Hash256 hash = Hash256Of(token);
  EXPECT_EQ(ParseTokenHash(FormatTokenHash(hash)), hash);
}

TEST(Token, HashesAreWholeOrNone) {
  const std::string text = FormatTokenHash(Hash256Of("x"));
  EXPECT_EQ(ParseTokenHash(text.substr(0, text.size() - 1)), std::nullopt);
  EXPECT_EQ(ParseTokenHash(text + "0"), std::nullopt);
  EXPECT_EQ(ParseTokenHash("blake2b:" + std::string(64, 'g')), std::nullopt);
  EXPECT_EQ(ParseTokenHash("sha256:" + text.substr(8)), std::nullopt);
  EXPECT_EQ(ParseTokenHash(""), std::nullopt);
}

TEST(ListenAddress, LoopbackIsThisMachine) {
  for (const char* local : {"127.0.0.1:7411", "127.8.9.10:0", "localhost:1", "[::1]:7411",
                            "127.0.0.1", "localhost", "[::1]"}) {
    EXPECT_TRUE(IsLoopback(local)) << local;
  }
  for (const char* elsewhere : {"0.0.0.0:7411", "[::]:7411", "10.0.0.1:7411", "example.org:1",
                                "127.0.0.1.example.org:1", "localhost.example.org:1", ":7411", "",
                                "[::1].example.org:1", "[::1", "*:1", "128.0.0.1:1"}) {
    EXPECT_FALSE(IsLoopback(elsewhere)) << elsewhere;
  }
}

TEST(KeysUrl, HttpIsForThisMachineAlone) {
  for (const char* good : {"https://idp.example/keys", "http://127.0.0.1:8080/keys",
                           "http://localhost/keys", "http://[::1]:80/k"}) {
    EXPECT_TRUE(IsAllowedKeysUrl(good)) << good;
  }
  for (const char* bad : {"http://idp.example/keys", "http://127.0.0.1@idp.example/",
                          "http://localhost:80@idp.example/", "ftp://localhost/", "https://",
                          "http://10.0.0.1/", "http://127.0.0.1.example/"}) {
    EXPECT_FALSE(IsAllowedKeysUrl(bad)) << bad;
  }
}

}  // namespace
}  // namespace quotaplane
