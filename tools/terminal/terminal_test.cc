#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>

#include "tools/terminal/format.h"
#include "tools/terminal/style.h"
#include "tools/terminal/table.h"

namespace quotaplane::terminal {
namespace {

TEST(Format, CountsHaveThousandsSeparators) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(18059974), "18,059,974");
  EXPECT_EQ(FormatCount(-1000), "-1,000");
  EXPECT_EQ(FormatCount(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Format, MoneyIsExact) {
  EXPECT_EQ(FormatMoney(57'868'362'000), "$57.868362");
  EXPECT_EQ(FormatMoney(1'234'567'000'000'000), "$1,234,567.00");
  EXPECT_EQ(FormatMoney(1), "$0.000000001");
  EXPECT_EQ(FormatMoney(-500'000'000), "-$0.50");
  EXPECT_EQ(FormatAmount("usd", 3'000'000'000), "$3.00");
  EXPECT_EQ(FormatAmount("requests", 3000), "3,000");
}

TEST(Format, SpansShowTheTwoLargestUnits) {
  EXPECT_EQ(FormatSpan(absl::Seconds(42)), "42s");
  EXPECT_EQ(FormatSpan(absl::Seconds(90)), "1m 30s");
  EXPECT_EQ(FormatSpan(absl::Minutes(125)), "2h 5m");
  EXPECT_EQ(FormatSpan(absl::Hours(10 * 24 + 3) + absl::Minutes(59)), "10d 3h");
  EXPECT_EQ(FormatSpan(absl::Minutes(5)), "5m");
  EXPECT_EQ(FormatSpan(absl::ZeroDuration()), "0s");
}

TEST(Format, SpansRoundUp) {
  EXPECT_EQ(FormatSpan(absl::Milliseconds(1401)), "1.5s");
  EXPECT_EQ(FormatSpan(absl::Microseconds(1)), "0.1s");
  EXPECT_EQ(FormatSpan(absl::Milliseconds(42001)), "43s");
}

TEST(Format, MomentsLookBothWays) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(FormatMoment(now + absl::Seconds(42), now), "2023-11-14 22:14:02 UTC (in 42s)");
  EXPECT_EQ(FormatMoment(now - absl::Seconds(42), now), "2023-11-14 22:12:38 UTC (42s ago)");
}

TEST(Format, LatenciesKeepThreeDigits) {
  EXPECT_EQ(FormatLatency(absl::Microseconds(423)), "0.42 ms");
  EXPECT_EQ(FormatLatency(absl::Microseconds(87'120)), "87.1 ms");
  EXPECT_EQ(FormatLatency(absl::Milliseconds(1204)), "1.20 s");
}

TEST(Format, OtherPeoplesWordsStayOnOneLine) {
  EXPECT_EQ(OneLine("down\r\nfor \x1b[31mgood\x7f"), "down  for  [31mgood ");
  EXPECT_EQ(OneLine("a\u009b31mb"), "a 31mb");
  EXPECT_EQ(OneLine("größer – 大"), "größer – 大");
  EXPECT_EQ(OneLine("\xC2"), "\xC2");
}

TEST(Table, AlignsByCharactersAndLeavesNoTrailingBlanks) {
  Table table({{"LIMIT"}, {"USED", Align::kRight}, {"NOTE"}});
  table.AddRow({"zoë", "7"});
  table.AddRow({"alice", "1,000", "full"});
  EXPECT_EQ(table.Render(Style(false)),
            "LIMIT   USED  NOTE\n"
            "zoë        7\n"
            "alice  1,000  full\n");
}

TEST(Table, WithoutTitlesHasNoHeader) {
  Table table({{""}, {"", Align::kRight}});
  table.AddRow({"charged", "$3.00"});
  EXPECT_EQ(table.Render(Style(false), "  "), "  charged  $3.00\n");
}

TEST(Table, ColourDoesNotDisturbTheColumns) {
  Table table({{"A", Align::kRight}, {"B"}});
  table.AddRow({Cell("10", Tone::kBad), "x"});
  EXPECT_EQ(table.Render(Style(true)), " \x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[31m10\x1b[0m  x\n");
}

TEST(Style, APipeGetsNoColour) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  EXPECT_EQ(Style::For(fds[1]).Paint(Tone::kBad, "no"), "no");
  close(fds[0]);
  close(fds[1]);
}

TEST(Style, ATerminalGetsColourUnlessNoColorIsSet) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  EXPECT_EQ(Style::For(terminal).Paint(Tone::kBad, "no"), "\x1b[31mno\x1b[0m");
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(Style::For(terminal).Paint(Tone::kBad, "no"), "no");
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  EXPECT_EQ(Style::For(terminal).Paint(Tone::kBad, "no"), "no");
  close(terminal);
}

}  // namespace
}  // namespace quotaplane::terminal
