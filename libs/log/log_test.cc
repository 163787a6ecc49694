#include "libs/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "libs/log/line_sampler.h"
#include "libs/log/suppressed_lines.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Later than any test's clock.
constexpr int64_t kFar = int64_t{1} << 60;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    char name[] = "/tmp/qp-log-XXXXXX";
    file_ = mkstemp(name);
    unlink(name);
    StartLog({.level = LogLevel::kInfo, .file = file_});
  }
  ~LogTest() override {
    FlushLog();
    StartLog({.json = false});
    close(file_);
  }

  std::vector<std::string> Lines() const {
    std::string text;
    char buffer[1 << 16];
    off_t at = 0;
    while (true) {
      const ssize_t more = pread(file_, buffer, sizeof(buffer), at);
      if (more <= 0) break;
      text.append(buffer, static_cast<size_t>(more));
      at += more;
    }
    std::vector<std::string> lines;
    size_t from = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
      lines.push_back(text.substr(from, end - from));
      from = end + 1;
    }
    return lines;
  }

  int file_ = -1;
};

TEST_F(LogTest, ALineSaysWhereItComesFrom) {
  const int line = __LINE__ + 1;
  LogInfo("{} of {}", 1, "two");
  EXPECT_THAT(
      Lines(),
      ElementsAre(AllOf(HasSubstr(R"("level":"info","message":"1 of two")"),
                        HasSubstr("\"source\":\"libs/log/log_test.cc:" + std::to_string(line)))));
}

TEST_F(LogTest, LevelsChangeAndComeBack) {
  LogDebug("hidden");
  OverrideLogLevel(LogLevel::kDebug, 1'000);
  LogDebug("shown");
  TickLog(999);
  LogDebug("still shown");
  TickLog(1'000);
  LogDebug("hidden again");
  OverrideLogLevel(LogLevel::kError, 0);
  LogWarning("hidden warning");
  TickLog(kFar);
  LogWarning("still hidden warning");
  EndLogOverride();
  LogWarning("shown warning");
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("\"shown\""), HasSubstr("\"still shown\""),
                                   HasSubstr("\"shown warning\"")));
}

TEST_F(LogTest, WhatIsNotWrittenIsNotMade) {
  EXPECT_FALSE(Logs(LogLevel::kDebug));
  EXPECT_TRUE(Logs(LogLevel::kInfo));
}

TEST_F(LogTest, ScopesNestAndEnd) {
  {
    const LogScope call({{"method", "M"}, {"request_id", "r"}});
    {
      const LogScope inner({{"step", "1"}});
      LogInfo("both");
    }
    LogInfo("outer");
    std::thread([] { LogInfo("elsewhere"); }).join();
  }
  LogInfo("none");
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr(R"("method":"M","request_id":"r","step":"1"})"),
                                   HasSubstr(R"("method":"M","request_id":"r"})"),
                                   Not(HasSubstr("request_id")), Not(HasSubstr("request_id"))));
}

TEST_F(LogTest, AStormIsAFewLinesAndACount) {
  const int64_t before = SuppressedLogLines(LogLevel::kError);
  for (int i = 0; i < 500; ++i) LogError("away, try {}", i);
  ASSERT_EQ(Lines().size(), kMostLines);
  TickLog(kFar);
  ASSERT_EQ(Lines().size(), kMostLines + 1);
  EXPECT_THAT(Lines().back(), AllOf(HasSubstr("away, try 499"), HasSubstr(R"("left_out":490})")));
  // What is lost, and what heals, is told each time.
  for (int i = 0; i < 50; ++i) LogCritical("lost {}", i);
  for (int i = 0; i < 50; ++i) LogInfo("healed {}", i);
  EXPECT_EQ(SuppressedLogLines(LogLevel::kError) - before, 490);
  EXPECT_EQ(SuppressedLogLines(LogLevel::kCritical), 0);
  EXPECT_EQ(SuppressedLogLines(LogLevel::kInfo), 0);
  EXPECT_EQ(Lines().size(), kMostLines + 101);
}

TEST_F(LogTest, WhatWasLeftOutIsToldAtTheEnd) {
  for (int i = 0; i <= kMostLines; ++i) LogWarning("slow");
  FlushLog();
  EXPECT_THAT(Lines().back(), HasSubstr(R"("left_out":1})"));
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      const LogScope scope({{"thread", std::to_string(t)}});
      for (int i = 0; i < 200; ++i) {
        LogInfo("{}", std::string(100, static_cast<char>('a' + t)));
        if (i % 50 == 0) OverrideLogLevel(LogLevel::kDebug, 1);
        if (i % 50 == 25) TickLog(2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 800);
  for (int t = 0; t < 4; ++t) {
    const std::string message(100, static_cast<char>('a' + t));
    const std::string field = "\"thread\":\"" + std::to_string(t) + "\"}";
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                            [&](const std::string& line) {
                              return line.find("\"" + message + "\"") != std::string::npos &&
                                     line.ends_with(field);
                            }),
              200);
  }
}

}  // namespace
}  // namespace quotaplane
