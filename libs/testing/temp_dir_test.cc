#include "libs/testing/temp_dir.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace quotaplane::fixtures {
namespace {

TEST(TempDirTest, IsPrivateAndRemovedWithItsContents) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    struct stat info = {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    std::filesystem::create_directories(dir.File("a/b"));
    std::ofstream(dir.File("a/b/c")) << "content";
    EXPECT_TRUE(std::filesystem::exists(path + "/a/b/c"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TempDirTest, NoTwoAreTheSame) {
  const TempDir a;
  const TempDir b;
  EXPECT_NE(a.path(), b.path());
}

}  // namespace
}  // namespace quotaplane::fixtures
