#include "tools/quotactl/report_flags.h"

#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

const absl::Time kNow = absl::FromCivil(absl::CivilHour(2026, 11, 20, 12), absl::UTCTimeZone());

TEST(ParseMoment, ByTheZoneOrWithAnOffset) {
  EXPECT_EQ(Text(*ParseMoment("--from", "2026-11-01", Berlin())), "2026-10-31T23:00:00Z");
  EXPECT_EQ(Text(*ParseMoment("--from", "2026-07-01T13:30", Berlin())), "2026-07-01T11:30:00Z");
  EXPECT_EQ(Text(*ParseMoment("--from", "2026-07-01T13:30:00-05:00", Berlin())),
            "2026-07-01T18:30:00Z");
  for (const char* wrong : {"", "yesterday", "2026", "2026-11", "2026-13-01"}) {
    const auto moment = ParseMoment("--from", wrong, Berlin());
    EXPECT_TRUE(absl::IsInvalidArgument(moment.status())) << wrong;
  }
}

TEST(ReportFlags, TheRange) {
  ReportFlags flags;
  EXPECT_EQ(Text(flags.Range(kNow)->from), "2026-11-01T00:00:00Z");
  EXPECT_EQ(Text(flags.Range(kNow)->to), "2026-12-01T00:00:00Z");
  flags.zone = "Europe/Berlin";
  flags.month = "2026-03";  // an hour short
  EXPECT_EQ(Text(flags.Range(kNow)->from), "2026-02-28T23:00:00Z");
  EXPECT_EQ(Text(flags.Range(kNow)->to), "2026-03-31T22:00:00Z");
  flags.to = "2026-03-05";
  EXPECT_TRUE(absl::IsInvalidArgument(flags.Range(kNow).status()));
  flags.month = "";
  EXPECT_TRUE(absl::IsInvalidArgument(flags.Range(kNow).status()));
  flags.from = "2026-03-01";
  EXPECT_EQ(Text(flags.Range(kNow)->to), "2026-03-04T23:00:00Z");
  flags.to = "";
  EXPECT_EQ(flags.Range(kNow)->to, kNow);
  flags.zone = "Europe/Atlantis";
  EXPECT_TRUE(absl::IsInvalidArgument(flags.Range(kNow).status()));
}

TEST(ReportFlags, FiltersOfOneDimensionAreAlternatives) {
  ReportFlags flags;
  flags.filters = {"team=search", "model=claude-*", "team=growth", "labels.agent="};
  const auto filters = flags.Filters();
  ASSERT_TRUE(filters.ok()) << filters.status();
  ASSERT_EQ(filters->size(), 3u);
  EXPECT_EQ((*filters)[0].values_size(), 2);
  EXPECT_EQ((*filters)[1].globs(0), "claude-*");
  EXPECT_EQ((*filters)[2].values(0), "");
  flags.filters = {"team"};
  EXPECT_TRUE(absl::IsInvalidArgument(flags.Filters().status()));
}

TEST(BaseFlags, IsTheMonthBeforeOrAsLong) {
  const Span march = *ParseMonth("--month", "2026-03", Berlin());
  EXPECT_EQ(Text(BaseFlags().Range(march, Berlin())->from), "2026-01-31T23:00:00Z");
  EXPECT_EQ(BaseFlags().Range(march, Berlin())->to, march.from);
  const Span week = {kNow, kNow + absl::Hours(7 * 24)};
  EXPECT_EQ(BaseFlags().Range(week, Berlin())->from, kNow - absl::Hours(7 * 24));
  BaseFlags flags;
  flags.month = "2025-03";
  EXPECT_EQ(Text(flags.Range(march, Berlin())->from), "2025-02-28T23:00:00Z");
  flags.from = "2025-03-01";
  EXPECT_TRUE(absl::IsInvalidArgument(flags.Range(march, Berlin()).status()));
  flags.month = "";
  EXPECT_TRUE(absl::IsInvalidArgument(flags.Range(march, Berlin()).status()));
}

}  // namespace
}  // namespace quotaplane::quotactl
