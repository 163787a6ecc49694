#include "tools/quotactl/access_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);
const absl::Time kNow = absl::FromUnixSeconds(1'764'000'000);

TEST(AccessRender, Exceptions) {
  v1::ListExceptionsResponse response;
  EXPECT_EQ(ExceptionsAsText(response, {}, kPlain), "No exceptions.\n");
  v1::Exception* const exception = response.add_exceptions();
  exception->set_exception_id("01j");
  exception->set_state(v1::EXCEPTION_STATE_ACTIVE);
  (*exception->mutable_scope())["user"] = "alice";
  v1::LimitRaise* const raise = exception->add_raises();
  raise->set_limit_id("user-day");
  raise->set_amount(1'500);
  exception->mutable_end_time()->set_seconds(1'764'003'600);
  exception->set_decider("token:bob");
  exception->mutable_decide_time()->set_seconds(1'764'000'000);
  EXPECT_THAT(ExceptionsAsText(response, {}, kPlain), HasSubstr("user=alice"));
  const std::string one = ExceptionAsText(*exception, {}, kNow, kPlain);
  EXPECT_THAT(one, HasSubstr("user-day to 1,500"));
  EXPECT_THAT(one, HasSubstr("approved"));
  exception->set_state(v1::EXCEPTION_STATE_DENIED);
  EXPECT_THAT(ExceptionAsText(*exception, {}, kNow, kPlain), HasSubstr("denied"));
  raise->set_amount(900'500'000'000);
  const LimitUnits units = {{"user-day", "usd"}};
  EXPECT_THAT(ExceptionAsText(*exception, units, kNow, kPlain), HasSubstr("user-day to $900.50"));
  EXPECT_THAT(ExceptionsAsText(response, units, kPlain), HasSubstr("  user-day to $900.50  "));
  response.set_next_page_token("x");
  EXPECT_THAT(ExceptionsAsText(response, units, kPlain), HasSubstr("--most"));
}

TEST(AccessRender, Keys) {
  v1::ListKeysResponse response;
  EXPECT_EQ(KeysAsText(response, kPlain), "No keys.\n");
  v1::Key* const key = response.add_keys();
  key->set_key_id("abc");
  key->set_state(v1::KEY_STATE_ACTIVE);
  EXPECT_THAT(KeysAsText(response, kPlain), HasSubstr("the whole org"));
  key->set_team("search");
  key->add_models("claude-*");
  const std::string one = KeyAsText(*key, kNow, kPlain);
  EXPECT_THAT(one, HasSubstr("team=search"));
  EXPECT_THAT(one, HasSubstr("claude-*"));
  EXPECT_THAT(one, HasSubstr("never"));
  EXPECT_THAT(one, Not(HasSubstr("revoked")));
}

TEST(AccessRender, PriceBooks) {
  v1::ListPriceBooksResponse response;
  EXPECT_THAT(PriceBooksAsText(response, kPlain), HasSubstr("No price books"));
  v1::PriceBookVersion* const book = response.add_price_books();
  book->set_number(3);
  book->set_version("2027");
  book->set_state(v1::PRICE_BOOK_STATE_SCHEDULED);
  book->set_models(1'200);
  EXPECT_THAT(PriceBooksAsText(response, kPlain), HasSubstr("scheduled"));
  EXPECT_EQ(PriceBookAsText(*book, kNow), "Price book 3 (2027, 1,200 models): scheduled\n");
}

TEST(AccessRender, AuditRows) {
  AuditRows rows;
  EXPECT_EQ(AuditAsText(rows, kPlain), "No rows.\n");
  v1::AuditRow* const row = rows.Add();
  row->set_number(17);
  row->set_actor("token:ann");
  row->set_action("ActivatePolicy");
  row->set_target("policy/7");
  row->set_outcome("PERMISSION_DENIED ROLE_MISSING");
  const std::string text = AuditAsText(rows, kPlain);
  EXPECT_THAT(text, HasSubstr("policy/7"));
  EXPECT_THAT(text, HasSubstr("PERMISSION_DENIED ROLE_MISSING"));
}

}  // namespace
}  // namespace quotaplane::quotactl
