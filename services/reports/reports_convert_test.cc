#include "services/reports/reports_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/reports/page_token.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The fields of the violations; a request that is fine has none.
template <typename Request>
std::vector<std::string> FieldsOf(const Request& request) {
  const absl::Status status = FromProto(request).status();
  if (status.ok()) return {};
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status))
    fields.push_back(violation.field);
  return fields;
}

// November 2026, UTC.
v1::QueryUsageRequest Usage() {
  v1::QueryUsageRequest request;
  request.set_org("acme");
  request.mutable_from_time()->set_seconds(1'793'491'200);
  request.mutable_to_time()->set_seconds(1'796'083'200);
  return request;
}

TEST(ReportsConvert, TakesWhatIsRight) {
  v1::QueryUsageRequest request = Usage();
  request.set_time_zone("America/Argentina/Buenos_Aires");
  for (const char* name : {"team", "labels.session", "api_key", "cost_center"}) {
    request.add_group_by(name);
  }
  v1::Filter* filter = request.add_filters();
  filter->set_dimension("model");
  filter->add_values("");
  filter->add_globs("claude-*");
  request.set_granularity(v1::GRANULARITY_WEEK);
  request.set_order_by("quantity.cache_read desc");
  request.set_top(3);
  request.set_page_size(7);
  const auto page = FromProto(request);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->size, 7u);
  EXPECT_EQ(page->offset, 0u);
  EXPECT_EQ(page->query.group_by[1], (reports::Dimension{reports::Field::kLabel, "session"}));
  EXPECT_EQ(page->query.selection.range.from_us, 1'793'491'200'000'000);
  EXPECT_EQ(page->query.order.by, reports::Order::By::kQuantity);
  EXPECT_EQ(page->query.order.meter, "cache_read");
  EXPECT_TRUE(page->query.order.descending);
  request.set_order_by("group");
  EXPECT_FALSE(FromProto(request)->query.order.descending);
  EXPECT_TRUE(FromProto(Usage())->query.order.descending);
}

TEST(ReportsConvert, NamesEveryFieldThatBrokeARule) {
  v1::QueryUsageRequest request;
  request.set_time_zone("Europe/Atlantis");
  request.add_group_by("team");
  request.add_group_by("planet");
  request.add_group_by("team");
  request.add_filters()->set_dimension("labels.Bad");
  request.mutable_filters(0)->add_values(std::string(129, 'x'));
  request.add_filters()->set_dimension("team");
  request.set_granularity(static_cast<v1::Granularity>(9));
  request.set_order_by("cost sideways");
  request.set_top(-1);
  request.set_page_size(5'001);
  request.set_page_token("???");
  EXPECT_THAT(FieldsOf(request), ElementsAre("org", "from_time", "to_time", "filters[0].dimension",
                                             "filters[0].values[0]", "filters[1]", "time_zone",
                                             "group_by[1]", "group_by[2]", "granularity",
                                             "order_by", "top", "page_size", "page_token"));
}

TEST(ReportsConvert, RangesAreForwardAndBounded) {
  v1::QueryUsageRequest request = Usage();
  std::swap(*request.mutable_from_time(), *request.mutable_to_time());
  EXPECT_THAT(FieldsOf(request), ElementsAre("to_time"));
  *request.mutable_to_time() = request.from_time();
  EXPECT_THAT(FieldsOf(request), ElementsAre("to_time"));
  request.mutable_to_time()->set_seconds(request.from_time().seconds() + 3'700 * 86'400);
  EXPECT_THAT(FieldsOf(request), IsEmpty());
  request.mutable_to_time()->set_nanos(1'000);
  EXPECT_THAT(FieldsOf(request), ElementsAre("to_time"));
  request = Usage();
  request.mutable_from_time()->set_seconds(946'684'799);
  request.mutable_to_time()->set_nanos(-1);
  EXPECT_THAT(FieldsOf(request), ElementsAre("from_time", "to_time"));
  request = Usage();
  request.mutable_to_time()->set_seconds(request.from_time().seconds() + 500 * 86'400);
  request.set_granularity(v1::GRANULARITY_HOUR);
  EXPECT_THAT(FieldsOf(request), ElementsAre("granularity"));
}

TEST(ReportsConvert, ZonesAreNamesAndNothingElse) {
  for (const char* zone : {"/etc/passwd", "localtime", "../../etc/passwd", "file:/etc/passwd",
                           "Fixed/UTC+05:30:00", "Nowhere", " UTC"}) {
    v1::QueryUsageRequest request = Usage();
    request.set_time_zone(zone);
    EXPECT_THAT(FieldsOf(request), ElementsAre("time_zone")) << zone;
  }
}

TEST(ReportsConvert, OtherRequestsToo) {
  v1::ListTopSpendersRequest top;
  top.set_dimension("nobody");
  top.set_top(1'001);
  EXPECT_THAT(FieldsOf(top), ElementsAre("org", "from_time", "to_time", "dimension", "top"));
  EXPECT_THAT(FieldsOf(v1::ComparePeriodsRequest()),
              ElementsAre("org", "from_time", "to_time", "base_from_time", "base_to_time"));
  v1::ExportUsageRequest exported;
  exported.set_provider_name(std::string(129, 'x'));
  EXPECT_THAT(FieldsOf(exported),
              ElementsAre("org", "from_time", "to_time", "format", "provider_name"));
}

reports::UsageReport ReportOf(int rows) {
  reports::UsageReport report;
  for (int i = 0; i < rows; ++i) report.rows.push_back({{0, 1}, {std::to_string(i)}, false, {}});
  return report;
}

TEST(Pages, FollowEachOther) {
  v1::QueryUsageRequest request = Usage();
  request.set_page_size(4);
  std::vector<std::string> seen;
  for (int pages = 1;; ++pages) {
    const auto page = FromProto(request);
    ASSERT_TRUE(page.ok()) << page.status();
    v1::QueryUsageResponse response;
    ToProto(ReportOf(10), *page, &response);
    EXPECT_EQ(response.total_rows(), 10);
    for (const v1::UsageRow& row : response.rows()) seen.push_back(row.group(0));
    request.set_page_token(response.next_page_token());
    request.set_page_size(3);  // may change
    if (response.next_page_token().empty()) {
      EXPECT_EQ(pages, 3);
      break;
    }
  }
  EXPECT_THAT(seen, ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST(Pages, TokensAreOfTheirQuery) {
  v1::QueryUsageRequest request = Usage();
  request.set_page_size(1);
  v1::QueryUsageResponse response;
  ToProto(ReportOf(2), *FromProto(request), &response);
  request.set_page_token(response.next_page_token());
  EXPECT_THAT(FieldsOf(request), IsEmpty());
  request.add_group_by("team");
  EXPECT_THAT(FieldsOf(request), ElementsAre("page_token"));
  request.clear_group_by();
  request.mutable_to_time()->set_seconds(request.to_time().seconds() - 1);
  EXPECT_THAT(FieldsOf(request), ElementsAre("page_token"));
}

TEST(Pages, EndBeforeTheirMessageIsTooLarge) {
  reports::UsageReport report;
  for (int i = 0; i < 4'000; ++i) {
    report.rows.push_back({{0, 1}, std::vector<std::string>(8, std::string(128, 'x')), false, {}});
  }
  v1::QueryUsageRequest request = Usage();
  request.set_page_size(5'000);
  v1::QueryUsageResponse response;
  ToProto(report, *FromProto(request), &response);
  EXPECT_LT(response.ByteSizeLong(), kMaxPageBytes * 3 / 2);
  EXPECT_FALSE(response.next_page_token().empty());
}

TEST(PageToken, SaysWhatItWasTold) {
  for (const size_t offset : {size_t{0}, size_t{1}, size_t{99'999}}) {
    EXPECT_EQ(*ReadPageToken("q", MakePageToken("q", offset)), offset);
  }
  EXPECT_FALSE(ReadPageToken("q", MakePageToken("p", 1)).ok());
  EXPECT_FALSE(ReadPageToken("q", MakePageToken("q", 1) + "x").ok());
  EXPECT_FALSE(ReadPageToken("q", "").ok());
}

TEST(Spenders, SharesAreOfTheTotal) {
  reports::UsageReport report;
  report.rows = {{{0, 1}, {"alice"}, false, {}}, {{0, 1}, {}, true, {}}};
  report.rows[0].measures.cost_nano_usd = 2;
  report.rows[1].measures.cost_nano_usd = 1;
  report.total.cost_nano_usd = 3;
  v1::ListTopSpendersResponse response;
  ToProto(report, &response);
  EXPECT_EQ(response.spenders(0).name(), "alice");
  EXPECT_EQ(response.spenders(0).share_millionths(), 666'666);
  EXPECT_TRUE(response.spenders(1).others());
}

}  // namespace
}  // namespace quotaplane
