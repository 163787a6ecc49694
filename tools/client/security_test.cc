#include "tools/client/security.h"

#include <gtest/gtest.h>

#include <fstream>

#include "libs/testing/temp_dir.h"

namespace quotaplane::client {
namespace {

class SecurityTest : public ::testing::Test {
 protected:
  SecurityTest() {
    flags_.token_file = dir_.File("token");
    std::ofstream(flags_.token_file) << "qpt_something\n";
  }

  const fixtures::TempDir dir_;
  SecurityFlags flags_;
};

TEST_F(SecurityTest, TokensGoInPlainToThisMachineAlone) {
  EXPECT_TRUE(Resolve(flags_, "127.0.0.1:7411").ok());
  EXPECT_TRUE(Resolve(flags_, "127.0.0.1:7411,127.0.0.1:7421").ok());
  for (const char* servers : {"10.0.0.1:7411", "127.0.0.1:7411,10.0.0.1:7411",
                              "10.0.0.1:7411,127.0.0.1:7411", "127.0.0.1:7411,"}) {
    EXPECT_EQ(Resolve(flags_, servers).status().code(), absl::StatusCode::kInvalidArgument)
        << servers;
  }
  flags_.insecure = true;
  EXPECT_TRUE(Resolve(flags_, "127.0.0.1:7411,10.0.0.1:7411").ok());
}

}  // namespace
}  // namespace quotaplane::client
