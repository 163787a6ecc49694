#include "libs/control/log_setting.h"

#include <gtest/gtest.h>

#include "libs/control/test_control.h"

namespace quotaplane {
namespace {

TEST(LogSettingTest, ThereAndBack) {
  for (const std::string_view name : kLogLevelNames) {
    const LogSetting setting = {*ParseLogLevel(name), 17};
    const absl::StatusOr<LogSetting> again = DecodeLogSetting(EncodeLogSetting(setting));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, setting);
  }
  EXPECT_EQ(EncodeLogSetting({LogLevel::kDebug, 0}), "debug 0");  // stored: it does not change
  for (const char* body : {"", "debug", "debug ", "debug x", "loud 0", "debug 0 0", "debug -1"}) {
    EXPECT_EQ(DecodeLogSetting(body).status().code(), absl::StatusCode::kDataLoss) << body;
  }
}

class LogSettingsTest : public ControlTest {
 protected:
  // "OK", or what was refused.
  std::string Put(const std::optional<LogSetting>& setting) {
    ChangeRequest request = Request("SetLogLevel");
    request.org = "";
    const auto made = Changes(db_.get()).Make(
        request, "log",
        [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
          auto changed = PutLogSetting({transaction, request, number}, setting);
          if (!changed.ok()) return changed.status();
          return changed->record;
        });
    return CodeAndReason(made.status());
  }
  std::optional<LogSetting> Now(int64_t now_us) {
    const auto read = ReadLogSetting(*db_, now_us);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.value_or(std::nullopt);
  }
};

TEST_P(LogSettingsTest, ItHoldsUntilItsEnd) {
  EXPECT_EQ(Now(kNowUs), std::nullopt);
  const LogSetting debug = {LogLevel::kDebug, kNowUs + kHourUs};
  EXPECT_EQ(Put(debug), "OK");
  EXPECT_EQ(Now(kNowUs + kHourUs - 1), debug);
  EXPECT_EQ(Now(kNowUs + kHourUs), std::nullopt);
}

TEST_P(LogSettingsTest, TheLastOneCountsAndCanBeTakenAway) {
  EXPECT_EQ(Put(LogSetting{LogLevel::kDebug, kNowUs + 1}), "OK");
  EXPECT_EQ(Put(LogSetting{LogLevel::kError, 0}), "OK");
  EXPECT_EQ(Now(kNowUs + 1'000 * kHourUs), (LogSetting{LogLevel::kError, 0}));
  EXPECT_EQ(Put(std::nullopt), "OK");
  EXPECT_EQ(Now(kNowUs), std::nullopt);
}

TEST_P(LogSettingsTest, DebugEnds) {
  EXPECT_EQ(Put(LogSetting{LogLevel::kDebug, 0}), "INVALID_ARGUMENT");
  EXPECT_EQ(Put(LogSetting{LogLevel::kDebug, kNowUs}), "INVALID_ARGUMENT");
  EXPECT_EQ(Put(LogSetting{LogLevel::kDebug, kNowUs + 25 * kHourUs}), "INVALID_ARGUMENT");
  EXPECT_EQ(Put(LogSetting{LogLevel::kInfo, kNowUs + 25 * kHourUs}), "OK");
  EXPECT_EQ(Put(LogSetting{LogLevel::kInfo, kNowUs + 8 * 24 * kHourUs}), "INVALID_ARGUMENT");
}

QP_OVER_BOTH_DATABASES(LogSettingsTest);

}  // namespace
}  // namespace quotaplane
