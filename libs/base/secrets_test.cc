#include <gtest/gtest.h>

#include <set>
#include <string>

#include "libs/base/constant_time.h"
#include "libs/base/random.h"

namespace quotaplane {
namespace {

TEST(ConstantTimeTest, ComparesBytes) {
  EXPECT_TRUE(SameInConstantTime("", ""));
  EXPECT_TRUE(SameInConstantTime("secret", "secret"));
  EXPECT_FALSE(SameInConstantTime("secret", "secreT"));
  EXPECT_FALSE(SameInConstantTime("Secret", "secret"));
  EXPECT_FALSE(SameInConstantTime("secret", "secrets"));
  EXPECT_FALSE(SameInConstantTime("", "s"));
  EXPECT_FALSE(SameInConstantTime(std::string("a\0b", 3), std::string("a\0c", 3)));
}

TEST(RandomTest, BytesHaveTheSizeAndAreNotRepeated) {
  EXPECT_EQ(RandomBytes(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string bytes = RandomBytes(16);
    EXPECT_EQ(bytes.size(), 16u);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
}

}  // namespace
}  // namespace quotaplane
