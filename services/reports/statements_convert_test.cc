#include "services/reports/statements_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
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
  for (const FieldViolation& each : FieldViolationsOf(status)) fields.push_back(each.field);
  return fields;
}

v1::CloseMonthRequest Close() {
  v1::CloseMonthRequest request;
  request.set_org("acme");
  request.set_month("2026-10");
  request.set_time_zone("Europe/Berlin");
  request.set_request_id("id");
  v1::ChargebackRules* const rules = request.mutable_rules();
  v1::SeatFee* const fee = rules->add_seat_fees();
  fee->set_name("Seat");
  fee->set_nano_usd_per_seat(19);
  (*fee->mutable_seats())["R-1"] = 3;
  v1::SharedCost* const cost = rules->add_shared_costs();
  cost->set_name("Ops");
  cost->set_amount_nano_usd(100);
  cost->set_allocation(v1::ALLOCATION_BY_WEIGHT);
  (*cost->mutable_weights())[""] = 1;
  rules->set_markup_millionths(-5);
  (*rules->mutable_markup_millionths_by_cost_center())["R-2"] = 7;
  rules->mutable_currency()->set_code("EUR");
  rules->mutable_currency()->set_nano_per_usd(920'000'000);
  return request;
}

TEST(StatementsConvert, TakesWhatIsRight) {
  const auto args = FromProto(Close());
  ASSERT_TRUE(args.ok()) << args.status();
  EXPECT_EQ(args->request_id, "id");
  EXPECT_EQ(args->query.org, "acme");
  EXPECT_EQ(args->query.month, absl::CivilMonth(2026, 10));
  EXPECT_EQ(args->query.zone.name(), "Europe/Berlin");
  ChargebackRules rules;
  rules.seat_fees = {{"Seat", 19, {{"R-1", 3}}, false}};
  rules.shared_costs = {{"Ops", 100, Allocation::kByWeight, {{"", 1}}}};
  rules.markup_millionths = -5;
  rules.markup_by_cost_center = {{"R-2", 7}};
  rules.currency = {"EUR", 920'000'000, 2};
  EXPECT_EQ(args->query.rules, rules);
  v1::CloseMonthRequest plain = Close();
  plain.clear_rules();
  plain.clear_time_zone();
  EXPECT_EQ(FromProto(plain)->query.rules, ChargebackRules());
  plain.mutable_rules()->mutable_currency()->set_code("JPY");
  plain.mutable_rules()->mutable_currency()->set_nano_per_usd(1);
  plain.mutable_rules()->mutable_currency()->set_decimals(0);
  EXPECT_EQ(FromProto(plain)->query.rules.currency.decimals, 0);
}

TEST(StatementsConvert, EveryRuleNamesItsField) {
  using Change = std::function<void(v1::CloseMonthRequest*)>;
  const auto fee = [](v1::CloseMonthRequest* r) {
    return r->mutable_rules()->mutable_seat_fees(0);
  };
  const auto cost = [](v1::CloseMonthRequest* r) {
    return r->mutable_rules()->mutable_shared_costs(0);
  };
  const auto currency = [](v1::CloseMonthRequest* r) {
    return r->mutable_rules()->mutable_currency();
  };
  const std::pair<std::string, Change> changes[] = {
      {"org", [](auto* r) { r->clear_org(); }},
      {"org", [](auto* r) { r->set_org("a\n"); }},
      {"month", [](auto* r) { r->clear_month(); }},
      {"month", [](auto* r) { r->set_month("2026-13"); }},
      {"month", [](auto* r) { r->set_month("1999-12"); }},
      {"time_zone", [](auto* r) { r->set_time_zone("/etc/localtime"); }},
      {"request_id", [](auto* r) { r->clear_request_id(); }},
      {"request_id", [](auto* r) { r->set_request_id(std::string(129, 'x')); }},
      {"rules.seat_fees[0].name", [&](auto* r) { fee(r)->clear_name(); }},
      {"rules.seat_fees[0].nano_usd_per_seat", [&](auto* r) { fee(r)->set_nano_usd_per_seat(-1); }},
      {"rules.seat_fees[0].nano_usd_per_seat",
       [&](auto* r) { fee(r)->set_nano_usd_per_seat(int64_t{1} << 53); }},
      {"rules.seat_fees[0].seats", [&](auto* r) { fee(r)->clear_seats(); }},
      {"rules.seat_fees[0].seats", [&](auto* r) { fee(r)->set_per_active_user(true); }},
      {"rules.seat_fees[0].seats[\"R-1\"]",
       [&](auto* r) { (*fee(r)->mutable_seats())["R-1"] = 1'000'001; }},
      {"rules.seat_fees[0].seats[\"?\"]", [&](auto* r) { (*fee(r)->mutable_seats())["\x01"] = 1; }},
      {"rules.seat_fees[0].seats",
       [&](auto* r) {
         for (int i = 0; i < 2'000; ++i) (*fee(r)->mutable_seats())[absl::StrCat(i)] = 1;
       }},
      {"rules.seat_fees",
       [&](auto* r) {
         for (int i = 0; i < 100; ++i) *r->mutable_rules()->add_seat_fees() = *fee(r);
       }},
      {"rules.shared_costs[0].name", [&](auto* r) { cost(r)->clear_name(); }},
      {"rules.shared_costs[0].amount_nano_usd", [&](auto* r) { cost(r)->set_amount_nano_usd(-1); }},
      {"rules.shared_costs[0].weights", [&](auto* r) { cost(r)->clear_weights(); }},
      {"rules.shared_costs[0].weights", [&](auto* r) { (*cost(r)->mutable_weights())[""] = 0; }},
      {"rules.shared_costs[0].weights",
       [&](auto* r) { cost(r)->set_allocation(v1::ALLOCATION_EVEN); }},
      {"rules.shared_costs[0].weights[\"\"]",
       [&](auto* r) { (*cost(r)->mutable_weights())[""] = 1'000'000'001; }},
      {"rules.markup_millionths",
       [](auto* r) { r->mutable_rules()->set_markup_millionths(-1'000'001); }},
      {"rules.markup_millionths_by_cost_center[\"R-2\"]",
       [](auto* r) {
         (*r->mutable_rules()->mutable_markup_millionths_by_cost_center())["R-2"] = 10'000'001;
       }},
      {"rules.currency.code", [&](auto* r) { currency(r)->set_code("eur"); }},
      {"rules.currency.code", [&](auto* r) { currency(r)->set_code("EURO"); }},
      {"rules.currency.nano_per_usd", [&](auto* r) { currency(r)->clear_nano_per_usd(); }},
      {"rules.currency.decimals", [&](auto* r) { currency(r)->set_decimals(10); }},
  };
  for (const auto& [field, change] : changes) {
    v1::CloseMonthRequest request = Close();
    change(&request);
    EXPECT_THAT(FieldsOf(request), ElementsAre(field));
  }
  v1::CloseMonthRequest request = Close();
  cost(&request)->clear_allocation();
  EXPECT_THAT(FieldsOf(request),
              ElementsAre("rules.shared_costs[0].allocation", "rules.shared_costs[0].weights"));
}

TEST(StatementsConvert, PreviewsAreCheckedAlike) {
  v1::PreviewStatementRequest request;
  EXPECT_THAT(FieldsOf(request), ElementsAre("month.org", "month.month", "format"));
  EXPECT_THAT(FieldsOf(request.month()), ElementsAre("org", "month"));
  request.mutable_month()->set_org("acme");
  request.mutable_month()->set_month("2026-10");
  request.set_format(v1::STATEMENT_FORMAT_HTML);
  EXPECT_THAT(FieldsOf(request), IsEmpty());
  request.set_cost_center("a\x7f");
  EXPECT_THAT(FieldsOf(request), ElementsAre("cost_center"));
}

TEST(StatementsConvert, WhichStatement) {
  v1::GetStatementRequest request;
  EXPECT_THAT(FieldsOf(request), ElementsAre("org", "number", "format"));
  request.set_org("acme");
  request.set_number(1);
  request.set_format(static_cast<v1::StatementFormat>(9));
  EXPECT_THAT(FieldsOf(request), ElementsAre("format"));
  request.set_format(v1::STATEMENT_FORMAT_CSV);
  EXPECT_THAT(FieldsOf(request), IsEmpty());
}

TEST(StatementsConvert, Pages) {
  v1::ListStatementsRequest request;
  request.set_org("acme");
  request.set_page_size(2);
  const auto first = FromProto(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->filter.month.has_value());
  EXPECT_FALSE(first->filter.cost_center.has_value());
  std::vector<reports::StatementSummary> found(3);
  for (size_t i = 0; i < 3; ++i) found[i].number = static_cast<int64_t>(4 + i);
  v1::ListStatementsResponse response;
  ToProto(found, *first, &response);
  EXPECT_EQ(response.statements_size(), 2);
  request.set_page_token(response.next_page_token());
  EXPECT_EQ(FromProto(request)->after, 5);
  found.resize(2);
  response.Clear();
  ToProto(found, *first, &response);
  EXPECT_EQ(response.next_page_token(), "");
  request.set_cost_center("");
  EXPECT_THAT(FieldsOf(request), ElementsAre("page_token"));
  request.clear_page_token();
  EXPECT_EQ(FromProto(request)->filter.cost_center, "");
  request.set_month("October");
  request.set_page_size(5'001);
  EXPECT_THAT(FieldsOf(request), ElementsAre("month", "page_size"));
}

}  // namespace
}  // namespace quotaplane
