// Calls from many threads while keys rotate and the configuration is exchanged.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "libs/auth/authenticator.h"
#include "libs/auth/test_tokens.h"
#include "libs/auth/token.h"
#include "libs/testing/poll_until.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane {
namespace {

using test_tokens::Claims;
using test_tokens::KeySetJson;
using test_tokens::SigningKey;

constexpr int64_t kNowS = 1'800'000'000;

TEST(AuthenticatorConcurrentTest, ATokenThatIsGoodAllTheTimePassesAllTheTime) {
  const fixtures::TempDir dir;
  const std::string path = dir.File("keys.json");
  const auto write = [&](const std::string& json) {
    std::ofstream(path + ".new") << json;
    ASSERT_EQ(std::rename((path + ".new").c_str(), path.c_str()), 0);
  };
  const SigningKey stays = SigningKey::Ec("stays");
  write(KeySetJson({stays.Public()}));

  const std::string fixed = NewToken();
  AuthConfig config;
  config.tokens.push_back({"ci", Hash256Of(fixed), (kNowS + 1) * 1'000'000, {}});
  config.issuers.push_back({.issuer = "https://idp.test", .audience = "quotaplane", .keys = path});
  IssuerKeysOptions options;
  options.file_interval = absl::Milliseconds(1);
  options.asked_interval = absl::Milliseconds(1);
  Authenticator authenticator(config, options);
  authenticator.WaitForKeys(absl::Seconds(30));

  std::atomic<bool> stop = false;
  std::atomic<int64_t> calls = 0;
  std::atomic<int64_t> failed = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&, i] {
      const std::string jwt = stays.Sign(Claims(kNowS, absl::StrCat(R"(,"jti":)", i)));
      const std::string unknown = SigningKey::Ec("unknown").Sign(Claims(kNowS));
      while (!stop) {
        for (const std::string& token : {fixed, jwt}) {
          const std::string header = "Bearer " + token;
          const auto found =
              authenticator.Authenticate({.authorization = header}, kNowS * 1'000'000);
          if (!found.ok()) ++failed;
        }
        const std::string header = "Bearer " + unknown;
        if (authenticator.Authenticate({.authorization = header}, kNowS * 1'000'000).ok()) {
          ++failed;
        }
        ++calls;
      }
    });
  }
  // So that each rotation and exchange meets calls.
  const auto wait_for_calls = [&] {
    const int64_t from = calls;
    return fixtures::PollUntil(absl::Seconds(60), [&] { return calls > from + 5; });
  };
  for (int round = 0; round < 10; ++round) {
    write(KeySetJson({stays.Public(), SigningKey::Ec(absl::StrCat("k", round)).Public()}));
    ASSERT_TRUE(wait_for_calls());
    authenticator.SetConfig(config);
    ASSERT_TRUE(wait_for_calls());
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace quotaplane
