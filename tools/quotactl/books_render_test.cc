#include "tools/quotactl/books_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using testing::HasSubstr;
using testing::Not;

const terminal::Style kPlain(false);

v1::OrgBooks Org(v1::OrgBooks::State state, int64_t counters, int64_t drifting) {
  v1::OrgBooks org;
  org.set_org("acme");
  org.set_state(state);
  org.set_counters(counters);
  org.set_drifting(drifting);
  return org;
}

TEST(BooksRender, Balanced) {
  Books books;
  books.limits = 2;
  books.orgs = {Org(v1::OrgBooks::BALANCED, 1, 0)};
  EXPECT_TRUE(books.balanced());
  EXPECT_EQ(BooksAsText(books, BooksKind::kVerify, kPlain),
            "1 org, 1 counter: the books balance\n");
}

TEST(BooksRender, DifferentToTheNano) {
  Books books;
  books.limits = 1;
  books.orgs = {Org(v1::OrgBooks::DIFFERENT, 3, 1)};
  v1::BookRow row;
  row.set_limit_id("team-month");
  row.set_scope("{org=acme, team=search}");
  row.set_unit("usd");
  row.set_window("month");
  row.mutable_period_start_time()->set_seconds(1'775'001'600);
  row.set_ledger(3'000'000'001);
  row.set_counter(3'000'000'000);
  row.set_drift(-1);
  row.mutable_as_of_time()->set_seconds(1'775'001'700);
  books.rows = {row};
  const std::string text = BooksAsText(books, BooksKind::kVerify, kPlain);
  EXPECT_THAT(text, HasSubstr("team-month  {org=acme, team=search}  month   2026-04-01 00:00:00  "
                              "$3.000000001    $3.00  -$0.000000001  2026-04-01 00:01:40"));
  EXPECT_THAT(text, HasSubstr("acme: 1 of 3 counters differ\n"));
  EXPECT_THAT(text, HasSubstr("the books do not balance"));
  EXPECT_THAT(BooksAsText(books, BooksKind::kDryRun, kPlain), HasSubstr("a dry run"));
  EXPECT_THAT(BooksAsJson(books), HasSubstr("\"drift\": \"-1\""));
}

TEST(BooksRender, UnknownIsNotBalanced) {
  Books books;
  books.limits = 1;
  books.orgs = {Org(v1::OrgBooks::UNKNOWN, 0, 0)};
  books.orgs[0].set_reason("LEDGER_BEHIND");
  EXPECT_FALSE(books.balanced());
  const std::string text = BooksAsText(books, BooksKind::kVerify, kPlain);
  EXPECT_THAT(text, HasSubstr("acme: unknown, LEDGER_BEHIND"));
  EXPECT_THAT(text, Not(HasSubstr("the books balance")));
}

TEST(BooksRender, NoLimitsIsSaid) {
  EXPECT_THAT(BooksAsText(Books(), BooksKind::kVerify, kPlain), HasSubstr("Nothing to compare"));
}

TEST(BooksRender, StatusOfALedgerThatIsAway) {
  v1::GetStatusResponse response;
  const std::string text = StatusAsText(response, absl::FromUnixSeconds(1), kPlain);
  EXPECT_THAT(text, HasSubstr("away"));
  EXPECT_THAT(text, Not(HasSubstr("outbox")));
}

}  // namespace
}  // namespace quotaplane::quotactl
