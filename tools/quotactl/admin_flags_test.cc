#include "tools/quotactl/admin_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(AdminFlags, Scopes) {
  EXPECT_THAT(*ParseScope("--scope", "team=search,user=alice"),
              UnorderedElementsAre(Pair("team", "search"), Pair("user", "alice")));
  EXPECT_THAT(*ParseScope("--scope", "org"), IsEmpty());
  for (const char* bad : {"", "team", "team=", "=search", "team=a,team=b", "team=a,"}) {
    const auto scope = ParseScope("--scope", bad);
    ASSERT_TRUE(absl::IsInvalidArgument(scope.status())) << bad;
    EXPECT_THAT(std::string(scope.status().message()), HasSubstr("--scope")) << bad;
  }
}

TEST(AdminFlags, Settings) {
  const auto set = ParseSetting("--set", "user=alice: 500 usd a month");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->scope().at("user"), "alice");
  EXPECT_EQ(set->amount(), "500");
  EXPECT_EQ(set->unit(), "usd");
  EXPECT_EQ(set->window(), "month");
  EXPECT_EQ(set->limit_id(), "");
  const auto bad = ParseSetting("--set", "alice gets more");
  ASSERT_TRUE(absl::IsInvalidArgument(bad.status()));
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("--set"));
}

TEST(AdminFlags, Raises) {
  const auto raise = ParseRaise("--raise", "user-month=0.5");
  ASSERT_TRUE(raise.ok());
  EXPECT_EQ(raise->limit_id, "user-month");
  EXPECT_EQ(*ParseAmount("--raise", "usd", raise->amount), 500'000'000);
  EXPECT_EQ(*ParseAmount("--raise", "requests", "12"), 12);
  EXPECT_FALSE(ParseAmount("--raise", "requests", "0.5").ok());
  for (const char* bad : {"", "user-month", "=5", "user-month="}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseRaise("--raise", bad).status())) << bad;
  }
}

TEST(AdminFlags, Moments) {
  const absl::Time now = absl::FromUnixSeconds(1'764'000'000);
  EXPECT_EQ(*ParseUntil("--until", "8h", now), now + absl::Hours(8));
  EXPECT_EQ(*ParseUntil("--until", "30d", now), now + 30 * absl::Hours(24));
  EXPECT_EQ(*ParseUntil("--until", "2026-12-01", now),
            absl::FromCivil(absl::CivilDay(2026, 12, 1), absl::UTCTimeZone()));
  EXPECT_EQ(*ParseUntil("--until", "2026-12-01T18:00:00+01:00", now),
            absl::FromCivil(absl::CivilHour(2026, 12, 1, 17), absl::UTCTimeZone()));
  for (const char* bad : {"", "soon", "-8h", "0d", "d", "2026-13-01"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseUntil("--until", bad, now).status())) << bad;
    EXPECT_TRUE(absl::IsInvalidArgument(ParseSince("--since", bad, now).status())) << bad;
  }
  EXPECT_EQ(*ParseSince("--since", "90m", now), now - absl::Minutes(90));
  EXPECT_EQ(*ParseSince("--since", "7d", now), now - 7 * absl::Hours(24));
  EXPECT_EQ(*ParseSince("--since", "2025-11-01", now),
            absl::FromCivil(absl::CivilDay(2025, 11, 1), absl::UTCTimeZone()));
}

TEST(AdminFlags, Spans) {
  EXPECT_EQ(*ParseDays("--for", "30m"), absl::Minutes(30));
  EXPECT_EQ(*ParseDays("--for", "2d"), absl::Hours(48));
  for (const char* bad : {"", "2", "0h", "-2h", "inf", "2026-12-01"}) {
    const auto span = ParseDays("--for", bad);
    ASSERT_TRUE(absl::IsInvalidArgument(span.status())) << bad;
    EXPECT_THAT(std::string(span.status().message()), HasSubstr("--for")) << bad;
  }
}

}  // namespace
}  // namespace quotaplane::quotactl
