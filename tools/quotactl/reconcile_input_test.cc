#include "tools/quotactl/reconcile_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "libs/testing/temp_dir.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;

class ReconcileInputTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string RefusalOf(const std::vector<std::string>& files, const std::string& provider,
                        const std::vector<std::string>& map = {}) {
    const absl::Status status = ReadProviderFiles(files, provider, map).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  fixtures::TempDir dir_;
};

std::string Page(const std::string& day, bool more) {
  return "{\"data\": [{\"starting_at\": \"" + day + "T00:00:00Z\", \"ending_at\": \"" + day +
         "T23:59:59Z\", \"results\": [{\"uncached_input_tokens\": 7, \"output_tokens\": 1, "
         "\"model\": \"claude-x\"}]}], \"has_more\": " +
         (more ? "true" : "false") + "}";
}

TEST_F(ReconcileInputTest, EveryPageIsAFile) {
  const std::string first = Write("1.json", Page("2026-11-01", true));
  const std::string second = Write("2.json", Page("2026-11-02", false));
  const auto report = ReadProviderFiles({first, second}, "anthropic", {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->rows.size(), 4u);
  EXPECT_THAT(RefusalOf({first}, "anthropic"), HasSubstr(first + ": has_more is true: the usage"));
}

TEST_F(ReconcileInputTest, ErrorsNameTheFile) {
  const std::string broken = Write("broken.csv", "day,cost\n2026-11-01,1\nsoon,1\n");
  EXPECT_THAT(RefusalOf({broken}, "csv"), HasSubstr(broken + ": line 3: column \"day\""));
  EXPECT_THAT(RefusalOf({broken}, "openai"), HasSubstr(broken + ": not valid JSON"));
  EXPECT_THAT(RefusalOf({broken}, "csv", {"day"}), HasSubstr("--map: \"day\""));
  EXPECT_THAT(RefusalOf({broken}, "openai", {"day=x"}), HasSubstr("--map: only with"));
  EXPECT_TRUE(absl::IsNotFound(ReadProviderFiles({"/no/such/file"}, "csv", {}).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadProviderFiles({dir_.path()}, "csv", {}).status()));
}

TEST_F(ReconcileInputTest, LargeFilesAreRefused) {
  const std::string path = Write("large.csv", "day,cost\n");
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(reconcile::kMaxFileBytes) + 1), 0);
  EXPECT_THAT(RefusalOf({path}, "csv"), HasSubstr(path + ": over 67108864 bytes"));
}

TEST(ParseToleranceTest, UsdOrPercent) {
  EXPECT_EQ(ParseTolerance("0.01")->cost_nano_usd, 10'000'000);
  EXPECT_EQ(ParseTolerance("0.01")->millionths, 0);
  EXPECT_EQ(ParseTolerance("0.5%")->millionths, 5'000);
  EXPECT_EQ(ParseTolerance("100%")->millionths, 1'000'000);
  for (const char* text : {"", "%", "-1", "101%", "0.00001%", "1 USD", "nan"}) {
    const absl::Status status = ParseTolerance(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("--tolerance: "));
  }
}

TEST(WholeDaysTest, FromMidnightToMidnight) {
  const absl::Time day = absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone());
  const auto days = WholeDays(day, day + absl::Hours(48));
  ASSERT_TRUE(days.ok());
  EXPECT_EQ(days->second, absl::CivilDay(2026, 11, 3));
  EXPECT_FALSE(WholeDays(day, day + absl::Hours(25)).ok());
  EXPECT_FALSE(WholeDays(day + absl::Hours(1), day + absl::Hours(24)).ok());
  EXPECT_FALSE(WholeDays(day, day).ok());
}

}  // namespace
}  // namespace quotaplane::quotactl
