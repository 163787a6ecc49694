#include "services/ledger/books_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace quotaplane {
namespace {

using testing::ElementsAre;

template <typename Request>
std::vector<std::string> WrongFields(const Request& request) {
  std::vector<std::string> fields;
  for (const FieldViolation& one : FieldViolationsOf(FromProto(request).status())) {
    fields.push_back(one.field);
  }
  return fields;
}

v1::AdjustRequest GoodAdjust() {
  v1::AdjustRequest request;
  request.set_adjustment_id("a-1");
  request.set_org("acme");
  request.set_reservation_id("r-1");
  request.set_cost_nano_usd(-5);
  request.set_reason("billed twice");
  request.set_actor("finance");
  return request;
}

TEST(BooksConvert, Verify) {
  v1::VerifyRequest request;
  auto args = FromProto(request);
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->org, "");
  EXPECT_EQ(args->patience, kDefaultPatience);
  request.set_org("a\nb");
  request.mutable_patience()->set_seconds(61);
  EXPECT_THAT(WrongFields(request), ElementsAre("org", "patience"));
  request.set_org(std::string(129, 'a'));
  request.mutable_patience()->set_seconds(INT64_MIN);
  request.mutable_patience()->set_nanos(INT32_MIN);
  EXPECT_THAT(WrongFields(request), ElementsAre("org", "patience"));
  request.mutable_patience()->set_seconds(0);
  request.mutable_patience()->set_nanos(1'000'000);
  EXPECT_THAT(WrongFields(request), ElementsAre("org"));
}

TEST(BooksConvert, RebuildCounters) {
  v1::RebuildCountersRequest request;
  EXPECT_TRUE(FromProto(request).ok());
  request.set_policy_yaml(std::string(kMaxPolicyBytes + 1, ' '));
  EXPECT_THAT(WrongFields(request), ElementsAre("policy_yaml"));
  request.set_policy_yaml("limits: [{id: x}]");
  const auto args = FromProto(request);
  ASSERT_TRUE(args.ok());
  const absl::Status wrong = PolicyOf(*args).status();
  ASSERT_EQ(FieldViolationsOf(wrong).size(), 1u) << wrong;
  EXPECT_EQ(FieldViolationsOf(wrong)[0].field, "policy_yaml");
  request.set_policy_yaml("limits: []");
  EXPECT_TRUE(PolicyOf(*FromProto(request)).ok());
}

TEST(BooksConvert, Adjust) {
  const auto good = FromProto(GoodAdjust());
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->cost_nano_usd, -5);
  EXPECT_FALSE(good->line.has_value());

  EXPECT_THAT(
      WrongFields(v1::AdjustRequest()),
      ElementsAre("adjustment_id", "org", "reservation_id", "reason", "actor", "cost_nano_usd"));
  v1::AdjustRequest request = GoodAdjust();
  request.set_take_back_all(true);
  EXPECT_THAT(WrongFields(request), ElementsAre("take_back_all"));
  request.clear_cost_nano_usd();
  EXPECT_TRUE(FromProto(request).ok());
  request = GoodAdjust();
  request.set_quantity(-3);
  EXPECT_THAT(WrongFields(request), ElementsAre("line"));
  request.set_line(0);
  EXPECT_TRUE(FromProto(request).ok());
  request.set_line(-1);
  request.set_reason(std::string(kMaxReasonBytes + 1, 'x'));
  EXPECT_THAT(WrongFields(request), ElementsAre("reason", "line"));
  request = GoodAdjust();
  request.set_reason("a\tb");
  EXPECT_THAT(WrongFields(request), ElementsAre("reason"));
}

TEST(BooksConvert, RerateAndErase) {
  EXPECT_THAT(WrongFields(v1::RerateRequest()),
              ElementsAre("org", "from_time", "to_time", "reason", "actor"));
  v1::RerateRequest rerate;
  rerate.set_org("acme");
  rerate.set_reason("new contract");
  rerate.set_actor("finance");
  rerate.mutable_from_time()->set_seconds(1'775'000'000);
  rerate.mutable_to_time()->set_seconds(1'775'000'000);
  for (int i = 0; i <= kMaxRerateFilters; ++i) rerate.add_models("m");
  rerate.add_users("");
  EXPECT_THAT(WrongFields(rerate), ElementsAre("to_time", "models", "users[0]"));
  EXPECT_THAT(WrongFields(v1::EraseUserRequest()), ElementsAre("org", "user", "actor"));
}

TEST(BooksConvert, AnswersKeepWhatIsUnknown) {
  LedgerStatus status;
  v1::GetStatusResponse response;
  ToProto(status, &response);
  EXPECT_FALSE(response.has_outbox_messages());
  EXPECT_FALSE(response.has_pending_moves());
  EXPECT_FALSE(response.books().has_check_time());
  status.outbox = OutboxDepth{3, 1'500'000, 0};
  status.books.checked = absl::FromUnixSeconds(1'775'000'000);
  status.books.drift["usd"] = {1, 7, 7};
  response.Clear();
  ToProto(status, &response);
  EXPECT_EQ(response.outbox_messages(), 3);
  EXPECT_TRUE(response.has_quarantined_messages());
  EXPECT_EQ(response.outbox_oldest_age().nanos(), 500'000'000);
  ASSERT_EQ(response.books().drifts_size(), 1);
  EXPECT_EQ(response.books().drifts(0).sum(), 7);
}

}  // namespace
}  // namespace quotaplane
