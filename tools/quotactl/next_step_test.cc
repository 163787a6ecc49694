#include "tools/quotactl/next_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/quotactl/limit_units.h"

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);

v1::PolicyVersion Version(v1::PolicyState state) {
  v1::PolicyVersion version;
  version.set_org("acme");
  version.set_version(7);
  version.set_state(state);
  return version;
}

TEST(NextStep, OfADraft) {
  v1::PolicyVersion version = Version(v1::POLICY_STATE_DRAFT);
  std::string text = NextStep(version, kPlain);
  EXPECT_THAT(text, HasSubstr("\n  quotactl policy plan 7 --org acme  "));
  EXPECT_THAT(text, HasSubstr("\n  quotactl policy activate 7 --org acme  "));
  EXPECT_THAT(text, Not(HasSubstr("approve")));
  version.set_approvals_needed(2);
  EXPECT_THAT(NextStep(version, kPlain), HasSubstr("2 approvals are missing"));
  version.add_approvals()->set_approver("token:bob");
  text = NextStep(version, kPlain);
  EXPECT_THAT(text, HasSubstr("1 approval is missing"));
  EXPECT_THAT(text, Not(HasSubstr("plan")));
  version.add_approvals()->set_approver("token:bea");
  EXPECT_THAT(NextStep(version, kPlain), Not(HasSubstr("approve")));
}

TEST(NextStep, OfOtherVersions) {
  EXPECT_THAT(NextStep(Version(v1::POLICY_STATE_ACTIVE), kPlain), HasSubstr("rollback --org acme"));
  EXPECT_EQ(NextStep(Version(v1::POLICY_STATE_DISCARDED), kPlain), "");
  EXPECT_EQ(NextStep(v1::PolicyVersion(), kPlain), "");
}

TEST(NextStep, OfAnException) {
  v1::Exception exception;
  exception.set_org("a b");
  exception.set_exception_id("01j");
  exception.set_state(v1::EXCEPTION_STATE_REQUESTED);
  EXPECT_THAT(NextStep(exception, kPlain), HasSubstr("exception approve 01j --org 'a b'"));
  exception.set_state(v1::EXCEPTION_STATE_ACTIVE);
  EXPECT_THAT(NextStep(exception, kPlain), HasSubstr("ends by itself"));
  exception.set_state(v1::EXCEPTION_STATE_REVOKED);
  EXPECT_EQ(NextStep(exception, kPlain), "");
}

TEST(NextStep, OfAPriceBook) {
  v1::PriceBookVersion book;
  book.set_number(3);
  book.set_state(v1::PRICE_BOOK_STATE_DRAFT);
  EXPECT_THAT(NextStep(book, kPlain), HasSubstr("quotactl prices activate 3"));
  book.set_state(v1::PRICE_BOOK_STATE_ACTIVE);
  EXPECT_EQ(NextStep(book, kPlain), "");
}

TEST(ShellWord, IsOneWord) {
  EXPECT_EQ(ShellWord("acme-1"), "acme-1");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("a'b; c"), R"('a'\''b; c')");
}

TEST(LimitUnits, OfAPolicy) {
  const LimitUnits units = UnitsOf(R"(
limits:
  - {id: a, per: [], unit: usd, amount: 1, window: day, time_zone: UTC, on_outage: deny}
  - {id: b, per: [], unit: requests, amount: 1, window: 60s, on_outage: deny}
)");
  EXPECT_EQ(units, (LimitUnits{{"a", "usd"}, {"b", "requests"}}));
  EXPECT_TRUE(UnitsOf("limits: 3").empty());
}

}  // namespace
}  // namespace quotaplane::quotactl
