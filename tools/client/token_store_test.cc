#include "tools/client/token_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "libs/testing/temp_dir.h"
#include "tools/client/security.h"

namespace quotaplane::client {
namespace {

class TokenStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("XDG_CONFIG_HOME", dir_.path().c_str(), 1);
    unsetenv("QUOTAPLANE_TOKEN");
    path_ = *TokenStorePath();
  }
  void TearDown() override { unsetenv("XDG_CONFIG_HOME"); }

  const fixtures::TempDir dir_;
  std::string path_;
};

TEST_F(TokenStoreTest, KeepsOneTokenForEachServer) {
  EXPECT_EQ(*StoredToken("a:1"), "");
  ASSERT_TRUE(StoreToken("a:1", "qpt_one").ok());
  ASSERT_TRUE(StoreToken("b:2", "qpt_two").ok());
  ASSERT_TRUE(StoreToken("a:1", "qpt_three").ok());
  EXPECT_EQ(*StoredToken("a:1"), "qpt_three");
  EXPECT_EQ(*StoredToken("b:2"), "qpt_two");
  ASSERT_TRUE(StoreToken("a:1", "").ok());
  EXPECT_EQ(*StoredToken("a:1"), "");
  EXPECT_EQ(*StoredToken("b:2"), "qpt_two");
}

TEST_F(TokenStoreTest, TheFileIsTheUsersAlone) {
  ASSERT_TRUE(StoreToken("a:1", "qpt_one").ok());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((dir_.path() + "/quotaplane").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(StoredToken("a:1").status()));
}

TEST_F(TokenStoreTest, AnotherFileIsNotOverwritten) {
  ASSERT_TRUE(StoreToken("a:1", "qpt_one").ok());
  std::ofstream(path_) << "[]";
  EXPECT_TRUE(absl::IsFailedPrecondition(StoreToken("a:1", "qpt_two")));
}

TEST_F(TokenStoreTest, ATokenFileIsBeforeTheVariableBeforeTheStore) {
  ASSERT_TRUE(StoreToken("127.0.0.1:1", "stored").ok());
  SecurityFlags flags;
  EXPECT_EQ(Resolve(flags, "127.0.0.1:1")->token, "stored");
  EXPECT_EQ(Resolve(flags, "127.0.0.1:2")->token, "");
  setenv("QUOTAPLANE_TOKEN", "variable", 1);
  EXPECT_EQ(Resolve(flags, "127.0.0.1:1")->token, "variable");
  flags.token_file = dir_.File("token");
  std::ofstream(flags.token_file) << "  file\n";
  EXPECT_EQ(Resolve(flags, "127.0.0.1:1")->token, "file");
  unsetenv("QUOTAPLANE_TOKEN");
}

TEST_F(TokenStoreTest, ATokenGoesToAnotherMachineOverTlsOnly) {
  ASSERT_TRUE(StoreToken("quota.example:7411", "qpt_secret").ok());
  SecurityFlags flags;
  const absl::Status status = Resolve(flags, "quota.example:7411").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(std::string(status.message()).find("qpt_secret"), std::string::npos);
  flags.tls = true;
  EXPECT_TRUE(Resolve(flags, "quota.example:7411").ok());
  flags.tls = false;
  flags.insecure = true;
  EXPECT_TRUE(Resolve(flags, "quota.example:7411").ok());
}

TEST_F(TokenStoreTest, FlagsThatDoNotFitTogether) {
  SecurityFlags flags;
  flags.tls_cert = "c";
  EXPECT_TRUE(absl::IsInvalidArgument(Resolve(flags, "a:1").status()));
  flags.tls_key = "k";
  EXPECT_TRUE(absl::IsInvalidArgument(Resolve(flags, "a:1").status()));
  flags.tls_ca = dir_.File("none");
  EXPECT_TRUE(absl::IsNotFound(Resolve(flags, "a:1").status()));
}

TEST(CleanToken, HasNoSpacesAround) {
  EXPECT_EQ(*CleanToken(" qpt_x \n"), "qpt_x");
  EXPECT_FALSE(CleanToken(" \n").ok());
  EXPECT_FALSE(CleanToken("a b").ok());
  EXPECT_FALSE(CleanToken("a\r\nx: y").ok());
}

}  // namespace
}  // namespace quotaplane::client
