#include "libs/base/json_string.h"

#include <gtest/gtest.h>

#include <string>

namespace quotaplane {
namespace {

TEST(JsonStringTest, EscapesWhatJsonNeeds) {
  EXPECT_EQ(JsonString(""), R"("")");
  EXPECT_EQ(JsonString("plain"), R"("plain")");
  EXPECT_EQ(JsonString(R"(a "quoted" \ one)"), R"("a \"quoted\" \\ one")");
  EXPECT_EQ(JsonString(std::string("\0\n\x1f ", 4)), R"("\u0000\u000a\u001f ")");
}

TEST(JsonStringTest, LeavesOtherBytesAlone) {
  EXPECT_EQ(JsonString("caf\xc3\xa9 \x7f \xff"), "\"caf\xc3\xa9 \x7f \xff\"");
}

TEST(JsonStringTest, Appends) {
  std::string out = "{";
  AppendJsonString("a", &out);
  EXPECT_EQ(out, R"({"a")");
}

}  // namespace
}  // namespace quotaplane
