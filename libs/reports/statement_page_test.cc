// A statement as a page and as CSV: what it says, and that nobody else's text becomes markup.
#include "libs/reports/statement_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/reports/html_text.h"
#include "libs/reports/statement_chart.h"
#include "libs/reports/statement_csv.h"
#include "libs/reports/statement_testing.h"

namespace quotaplane::reports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string PageOf(const Statement& statement) {
  const auto page = StatementPage(statement);
  EXPECT_TRUE(page.ok()) << page.status();
  return page.value_or("");
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(HtmlText, EscapesWhatMarkupIsMadeOf) {
  EXPECT_EQ(EscapeHtml("a<b>&\"'zoë"), "a&lt;b&gt;&amp;&quot;&#39;zoë");
}

TEST(HtmlText, Numbers) {
  EXPECT_EQ(GroupedCount(-1'234'567), "-1,234,567");
  EXPECT_EQ(GroupedAmount(1'234'567'895'000'000, 2), "1,234,567.90");
  EXPECT_EQ(GroupedAmount(-999'995'000'000, 2), "-1,000.00");
  EXPECT_EQ(GroupedAmount(1, 9), "0.000000001");
  EXPECT_EQ(GroupedAmount(1'500'000'000, 0), "2");
  EXPECT_EQ(PercentOf(1, 3), "33.3%");
  EXPECT_EQ(PercentOf(0, 3), "");
  EXPECT_EQ(PercentOf(3, -1), "");
}

TEST(StatementPage, SaysWhatIsDue) {
  const Statement statement = TestStatement();
  const std::string page = PageOf(statement);
  EXPECT_THAT(page, HasSubstr("Statement 2026-10-0017, acme"));
  EXPECT_THAT(page, HasSubstr("October 2026"));
  EXPECT_THAT(page, HasSubstr("Europe/Berlin"));
  EXPECT_THAT(page, HasSubstr("2026-10-01 to 2026-10-31"));
  EXPECT_THAT(page, HasSubstr("EUR&nbsp;" + GroupedAmount(statement.totals.due_nano, 2)));
  EXPECT_THAT(page, HasSubstr("Markup"));
  EXPECT_THAT(page, HasSubstr("3.5&nbsp;%"));
  EXPECT_THAT(page, HasSubstr("Late usage"));
  EXPECT_THAT(page, HasSubstr("2026-09"));
  EXPECT_THAT(page, HasSubstr("Corrections"));
  EXPECT_THAT(page, HasSubstr("\u22120.61")) << "the correction, with a minus sign";
  EXPECT_THAT(page, HasSubstr("Platform seat"));
  EXPECT_THAT(page, HasSubstr("Gateway operations"));
  EXPECT_THAT(page, Not(HasSubstr("Preview")));
}

TEST(StatementPage, ForeignTextStaysText) {
  const std::string page = PageOf(TestStatement());
  EXPECT_THAT(page, testing::EndsWith("</main></body></html>\n"));
  for (const char* tag : {"<script", "<img", "<b>", "onload=\"alert", "href=", "src=\"", "http:"}) {
    EXPECT_THAT(page, Not(HasSubstr(tag)));
  }
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;team&#39;)&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("R-100 &quot;the&quot; &lt;b&gt;&amp;amp;&lt;/b&gt;"));
  EXPECT_THAT(page, HasSubstr("&quot; onload=&quot;alert(2)"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* tag : {"table", "section", "svg", "tr", "td", "div", "ul", "text"}) {
    EXPECT_EQ(
        CountOf(page, std::string("<") + tag + ">") + CountOf(page, std::string("<") + tag + " "),
        CountOf(page, std::string("</") + tag + ">"))
        << tag;
  }
}

TEST(StatementPage, TheSameStatementGivesTheSameBytes) {
  EXPECT_EQ(PageOf(TestStatement()), PageOf(TestStatement()));
}

TEST(StatementPage, APreviewSaysSo) {
  Statement statement = TestStatement();
  statement.head.closed_at_us = 0;
  statement.number = 0;
  const std::string page = PageOf(statement);
  EXPECT_THAT(page, HasSubstr("<strong>Preview.</strong>"));
  EXPECT_THAT(page, HasSubstr("So far"));
  EXPECT_THAT(page, Not(HasSubstr("Amount due")));
  EXPECT_THAT(page, Not(HasSubstr("Statements are final")));
}

TEST(StatementPage, AStatementOfFeesAloneHasNoChart) {
  Statement statement = TestStatement();
  statement.usage = {};
  EXPECT_THAT(PageOf(statement), Not(HasSubstr("<svg")));
}

TEST(StatementPage, IsBoundedWhateverTheNumberOfTeams) {
  Statement statement = TestStatement();
  for (int i = 0; i < 5'000; ++i) {
    const std::string team = "team-" + std::to_string(i);
    statement.usage.lines[UsageLine(team, "m")] = {1, 1'000'000'000 + i, 1, 0};
    LineKey late = UsageLine(team, "m");
    late.kind = LineKind::kLate;
    late.month = "2026-09";
    statement.usage.lines[late] = {1, 1, 1, 0};
    statement.usage.by_team[{"2026-10-07", team}] = 1'000'000'000 + i;
  }
  const std::string page = PageOf(statement);
  EXPECT_LT(page.size(), 200'000u);
  EXPECT_THAT(page, HasSubstr("4963 others"));
  EXPECT_THAT(page, HasSubstr("4801 more lines"));
  EXPECT_THAT(page, HasSubstr("all others"));
}

TEST(SeriesOf, TheLargestAndAllOthers) {
  const DayCosts days = {{{"2026-02-01", "a"}, 5}, {{"2026-02-01", "b"}, 7},
                         {{"2026-02-28", "b"}, 1}, {{"2026-02-02", "c"}, 2},
                         {{"2026-02-02", "d"}, 1}, {{"2026-02-03", "a"}, -9}};
  const auto series = SeriesOf(days, "2026-02", 2);
  ASSERT_TRUE(series.ok()) << series.status();
  EXPECT_THAT(series->names, ElementsAre("b", "a", ""));
  EXPECT_TRUE(series->others);
  EXPECT_EQ(series->days.size(), 28u);
  EXPECT_EQ(series->costs[0][0], 7);
  EXPECT_EQ(series->costs[0][27], 1);
  EXPECT_EQ(series->costs[1][2], 0) << "a bar does not go below the axis";
  EXPECT_EQ(series->costs[2][1], 3);
}

TEST(DayChart, FitsAnyAmount) {
  for (const int64_t cost : {int64_t{1}, int64_t{999'999'999'999}, INT64_MAX}) {
    const DayCosts days = {{{"2026-02-01", "a"}, cost}, {{"2026-02-01", "b"}, cost}};
    const std::string svg = DayChart(*SeriesOf(days, "2026-02", 6), "no team");
    EXPECT_EQ(CountOf(svg, "<rect"), 2u);
    EXPECT_THAT(svg, Not(HasSubstr("height=\"-")));
    EXPECT_LE(CountOf(svg, "class=\"y\""), 7u);
  }
}

TEST(StatementCsv, AmountsAddUpToTheTotal) {
  const Statement statement = TestStatement();
  const std::string csv = StatementCsv(statement);
  EXPECT_THAT(csv, HasSubstr("17,2026-10,\"R-100 \"\"the\"\" <b>&amp;</b>\",late,,2026-09,,search,"
                             "web,claude-sonnet-4-5,input,1204000,31,3.612\r\n"));
  EXPECT_THAT(csv, HasSubstr("seat_fee,Platform seat,,,,,,,14,,266.00\r\n"));
  EXPECT_EQ(CountOf(csv, "\r\n"), 1 + statement.usage.lines.size() + 1 + 2 + 2);
}

}  // namespace
}  // namespace quotaplane::reports
