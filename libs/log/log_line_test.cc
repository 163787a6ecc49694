#include "libs/log/log_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace quotaplane {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kT = 1'764'194'581'000'042;  // 2025-11-26T22:03:01.000042Z

LogLine Line(std::string_view message) {
  LogLine line;
  line.time_us = kT;
  line.level = LogLevel::kError;
  line.message = message;
  line.source = "libs/a/b.cc:7";
  return line;
}

TEST(LogLineTest, Json) {
  const std::vector<std::pair<std::string, std::string>> fields = {{"method", "/a.B/C"},
                                                                   {"request_id", "r\"1"}};
  LogLine line = Line("charges wait");
  line.fields = fields;
  line.left_out = 990;
  EXPECT_EQ(JsonLine(line),
            R"({"time":"2025-11-26T22:03:01.000042Z","level":"error","message":"charges wait",)"
            R"("source":"libs/a/b.cc:7","method":"/a.B/C","request_id":"r\"1","left_out":990})");
}

TEST(LogLineTest, NothingInAMessageBreaksOutOfJson) {
  EXPECT_THAT(JsonLine(Line("a\",\"level\":\"info\\\n\t\x01\x7f")),
              HasSubstr(R"("message":"a\",\"level\":\"info\\\n\u0009\u0001\u007f")"));
}

TEST(LogLineTest, WhatIsNoUtf8IsReplaced) {
  const std::string bad = "\xef\xbf\xbd";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"\xff", bad},
      {"a\xc3", "a" + bad},
      {"\xc0\xaf", bad + bad},                      // longer than it need be
      {"\xed\xa0\x80", bad + bad + bad},            // half of a pair
      {"\xf4\x90\x80\x80", bad + bad + bad + bad},  // past the last character
      {std::string("\0", 1), R"(\u0000)"},
  };
  for (const auto& [bytes, written] : cases) {
    EXPECT_THAT(JsonLine(Line(bytes)), HasSubstr("\"message\":\"" + written + "\"")) << written;
  }
}

TEST(LogLineTest, ALongMessageIsCut) {
  const std::string json = JsonLine(Line(std::string(1'000'000, 'x')));
  EXPECT_LT(json.size(), kMaxLogMessageBytes + 200);
  EXPECT_THAT(json, HasSubstr("xxx\xe2\x80\xa6\""));
  EXPECT_THAT(JsonLine(Line(std::string(kMaxLogMessageBytes, 'x'))),
              Not(HasSubstr("\xe2\x80\xa6")));
}

TEST(LogLineTest, Text) {
  const std::vector<std::pair<std::string, std::string>> fields = {{"request_id", "r-1"}};
  LogLine line = Line("charges wait");
  line.fields = fields;
  line.left_out = 3;
  EXPECT_THAT(TextLine(line, false),
              EndsWith(" error charges wait request_id=r-1 (and 3 more like this)"));
  EXPECT_THAT(TextLine(line, true), HasSubstr(" \x1b[31merror\x1b[0m charges wait"));
}

TEST(LogLineTest, TextCannotMoveATerminalNorForgeALine) {
  const std::string text = TextLine(Line("a\n2025 error forged\x1b[2J\r\xc2\x9b"
                                         "1m"),
                                    false);
  EXPECT_THAT(text, HasSubstr("a\n    2025 error forged\\x1b[2J\\x0d\\x9b1m"));
}

TEST(LogLineTest, PathInSource) {
  EXPECT_EQ(PathInSource("/home/libs/x/libs/redis/node.cc"), "libs/redis/node.cc");
  EXPECT_EQ(PathInSource("services/quota/health.cc"), "services/quota/health.cc");
  EXPECT_EQ(PathInSource("/src/services/quota/health.cc"), "services/quota/health.cc");
  EXPECT_EQ(PathInSource(""), "");
}

}  // namespace
}  // namespace quotaplane
