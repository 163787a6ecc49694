#include "services/quota/quota_convert.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/escaping.h"
#include "libs/base/error.h"
#include "services/quota/charge_convert.h"
#include "services/rpc/field_checks.h"

namespace quotaplane {
namespace {

v1::ReserveRequest GoodReserve() {
  v1::ReserveRequest request;
  request.set_reservation_id("r1");
  request.mutable_subject()->set_org("acme");
  request.mutable_subject()->set_model("claude-sonnet-4-5");
  (*request.mutable_estimate()->mutable_meters())["input"] = 1000;
  return request;
}

// The fields that `change` makes wrong in an otherwise good request.
std::vector<std::string> WrongFields(const std::function<void(v1::ReserveRequest*)>& change) {
  v1::ReserveRequest request = GoodReserve();
  change(&request);
  const absl::StatusOr<ReserveArgs> args = FromProto(request);
  std::vector<std::string> fields;
  if (args.ok()) return fields;
  EXPECT_EQ(args.status().code(), absl::StatusCode::kInvalidArgument);
  for (const FieldViolation& violation : FieldViolationsOf(args.status())) {
    EXPECT_FALSE(violation.description.empty());
    fields.push_back(violation.field);
  }
  return fields;
}

using Fields = std::vector<std::string>;

TEST(QuotaConvertTest, AGoodRequestPasses) {
  const absl::StatusOr<ReserveArgs> args = FromProto(GoodReserve());
  ASSERT_TRUE(args.ok()) << args.status();
  EXPECT_EQ(args->id, "r1");
  EXPECT_EQ(args->subject.org, "acme");
  EXPECT_EQ(args->ttl_us, kDefaultTtlUs);
  EXPECT_EQ(args->estimate, (Usage{{"input", 1000}}));
}

TEST(QuotaConvertTest, IdsAndNames) {
  EXPECT_EQ(WrongFields([](auto* r) { r->clear_reservation_id(); }), Fields{"reservation_id"});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_reservation_id(std::string(128, 'x')); }), Fields{});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_reservation_id(std::string(129, 'x')); }),
            Fields{"reservation_id"});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_reservation_id("a\nb"); }), Fields{"reservation_id"});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_reservation_id(std::string("a\0b", 3)); }),
            Fields{"reservation_id"});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_reservation_id("a\u0085b"); }),
            Fields{"reservation_id"});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_reservation_id("Größe-日本"); }), Fields{});
  EXPECT_EQ(WrongFields([](auto* r) { r->mutable_subject()->clear_org(); }), Fields{"subject.org"});
  EXPECT_EQ(WrongFields([](auto* r) { r->mutable_subject()->clear_model(); }),
            Fields{"subject.model"});
  EXPECT_EQ(WrongFields([](auto* r) { r->mutable_subject()->set_user("\x7f"); }),
            Fields{"subject.user"});
  EXPECT_EQ(WrongFields([](auto* r) { r->mutable_subject()->set_team(std::string(200, 't')); }),
            Fields{"subject.team"});
  EXPECT_EQ(WrongFields([](auto* r) { r->clear_subject(); }),
            (Fields{"subject.org", "subject.model"}));
}

TEST(QuotaConvertTest, Labels) {
  const auto with_label = [](std::string key, std::string value) {
    return WrongFields([&](auto* r) { (*r->mutable_subject()->mutable_labels())[key] = value; });
  };
  EXPECT_EQ(with_label("session", "s1"), Fields{});
  EXPECT_EQ(with_label("Session", "s1"), Fields{"subject.labels[\"Session\"]"});
  EXPECT_EQ(with_label("", "s1"), Fields{"subject.labels[\"\"]"});
  EXPECT_EQ(with_label(std::string(64, 'k'), "s1"),
            Fields{"subject.labels[\"" + std::string(40, 'k') + "…\"]"});
  EXPECT_EQ(with_label("session", std::string(129, 'v')), Fields{"subject.labels[\"session\"]"});
  EXPECT_EQ(with_label("session", "\x1b[2J"), Fields{"subject.labels[\"session\"]"});
  EXPECT_EQ(WrongFields([](auto* r) {
              for (int i = 0; i < 17; ++i)
                (*r->mutable_subject()->mutable_labels())["k" + std::to_string(i)] = "v";
            }),
            Fields{"subject.labels"});
}

TEST(QuotaConvertTest, Meters) {
  const auto with_meter = [](std::string meter, int64_t quantity) {
    return WrongFields(
        [&](auto* r) { (*r->mutable_estimate()->mutable_meters())[meter] = quantity; });
  };
  EXPECT_EQ(with_meter("mcp_tool_calls", 3), Fields{});
  EXPECT_EQ(with_meter("output", 0), Fields{});
  EXPECT_EQ(with_meter("output", -1), Fields{"estimate.meters[\"output\"]"});
  EXPECT_EQ(with_meter("output", kMaxCounterValue), Fields{});
  EXPECT_EQ(with_meter("output", kMaxCounterValue + 1), Fields{"estimate.meters[\"output\"]"});
  EXPECT_EQ(with_meter("output", INT64_MIN), Fields{"estimate.meters[\"output\"]"});
  EXPECT_EQ(with_meter("Output", 1), Fields{"estimate.meters[\"Output\"]"});
  EXPECT_EQ(WrongFields([](auto* r) {
              for (int i = 0; i < 16; ++i)
                (*r->mutable_estimate()->mutable_meters())["m" + std::to_string(i)] = 1;
            }),
            Fields{"estimate.meters"});
}

TEST(QuotaConvertTest, Ttl) {
  const auto with_ttl = [](int64_t seconds, int32_t nanos) {
    return WrongFields([&](auto* r) {
      r->mutable_ttl()->set_seconds(seconds);
      r->mutable_ttl()->set_nanos(nanos);
    });
  };
  EXPECT_EQ(with_ttl(1, 0), Fields{});
  EXPECT_EQ(with_ttl(86'400, 0), Fields{});
  EXPECT_EQ(with_ttl(86'400, 1), Fields{"ttl"});
  EXPECT_EQ(with_ttl(0, 999'999'999), Fields{"ttl"});
  EXPECT_EQ(with_ttl(-5, 0), Fields{"ttl"});
  EXPECT_EQ(with_ttl(5, -1), Fields{"ttl"});
  EXPECT_EQ(with_ttl(INT64_MAX, 999'999'999), Fields{"ttl"});
}

TEST(QuotaConvertTest, UnknownEnumValues) {
  EXPECT_EQ(WrongFields([](auto* r) { r->set_service_tier(static_cast<v1::ServiceTier>(99)); }),
            Fields{"service_tier"});
  EXPECT_EQ(WrongFields([](auto* r) { r->set_service_tier(static_cast<v1::ServiceTier>(-1)); }),
            Fields{"service_tier"});
}

TEST(QuotaConvertTest, EveryViolationIsListed) {
  EXPECT_EQ(WrongFields([](auto* r) {
              r->clear_reservation_id();
              r->mutable_subject()->set_user("\n");
              r->mutable_ttl()->set_seconds(-1);
            }),
            (Fields{"reservation_id", "subject.user", "ttl"}));
}

TEST(QuotaConvertTest, AnswersNameTheAlert) {
  Curb freeze;
  freeze.alert = 17;
  freeze.freeze = true;
  freeze.until_us = 1'795'705'200'000'001;
  ReserveAnswer answer;
  answer.verdict =
      RefuseFrozen(freeze, {"acme", "", "", "", "", "m", {}}, freeze.until_us - 1'500'000);
  v1::ReserveResponse response;
  ToProto(answer, &response);
  EXPECT_EQ(response.decision(), v1::DECISION_DENY);
  EXPECT_EQ(response.retry_after().seconds(), 1);
  EXPECT_EQ(response.retry_after().nanos(), 500'000'000);
  ASSERT_EQ(response.exceeded_size(), 1);
  const v1::Exceeded& exceeded = response.exceeded(0);
  EXPECT_EQ(exceeded.cause(), v1::CAUSE_FROZEN);
  EXPECT_EQ(exceeded.limit_id(), "alert/A-17");
  EXPECT_EQ(exceeded.scope(), "{org=acme}");
  EXPECT_EQ(exceeded.alert_id(), "A-17");
  EXPECT_EQ(exceeded.alert_until().seconds(), 1'795'705'200);
  EXPECT_EQ(exceeded.alert_until().nanos(), 1'000);
  EXPECT_EQ(exceeded.fits_at().seconds(), 1'795'705'200);
  EXPECT_EQ(exceeded.detail(), "frozen by alert A-17 until 2026-11-26 15:00:01 UTC");
  EXPECT_FALSE(exceeded.never_fits());

  std::vector<LimitUsage> usage(2);
  usage[0].alert_id = "A-18";
  usage[0].alert_until_us = 2'000'000;
  v1::GetUsageResponse used;
  ToProto(usage, &used);
  EXPECT_EQ(used.limits(0).alert_id(), "A-18");
  EXPECT_EQ(used.limits(0).alert_until().seconds(), 2);
  EXPECT_EQ(used.limits(1).alert_id(), "");
  EXPECT_FALSE(used.limits(1).has_alert_until());
}

TEST(QuotaConvertTest, CommitsNameTheAttempt) {
  v1::CommitRequest request;
  request.set_reservation_id("r1");
  request.mutable_subject()->set_org("acme");
  (*request.add_attempts()->mutable_usage()->mutable_meters())["output"] = -7;
  request.mutable_attempts(0)->set_service_tier(static_cast<v1::ServiceTier>(42));
  const absl::StatusOr<CommitArgs> args = FromProto(request);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(args.status()))
    fields.push_back(violation.field);
  EXPECT_EQ(fields, (Fields{"attempts[0].model", "attempts[0].usage.meters[\"output\"]",
                            "attempts[0].service_tier"}));
  request.clear_attempts();
  for (int i = 0; i < 17; ++i) request.add_attempts();
  EXPECT_EQ(FieldViolationsOf(FromProto(request).status())[0].field, "attempts");
}

TEST(QuotaConvertTest, ExtendsNeedASequenceAndSomethingToDo) {
  v1::ExtendRequest request;
  request.set_reservation_id("r1");
  request.mutable_subject()->set_org("acme");
  request.mutable_subject()->set_model("m");
  const absl::StatusOr<ExtendArgs> args = FromProto(request);
  ASSERT_EQ(FieldViolationsOf(args.status()).size(), 2u);
  EXPECT_EQ(FieldViolationsOf(args.status())[0].field, "sequence");
  EXPECT_EQ(FieldViolationsOf(args.status())[1].field, "estimate");
}

TEST(FieldChecksTest, Utf8) {
  EXPECT_TRUE(IsUtf8("plain, Größe, 日本, 🙂"));
  for (const char* bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(LedgerCodecTest, RecordsSurviveTheTrip) {
  const LedgerCodec codec;
  ChargeRecord record;
  record.id = "r1";
  record.subject = {"acme", "search", "p", "alice", "k", "m", {{"session", "s1"}}};
  record.lines = {{0, "m", ServiceTier::kBatch, "input", 10, 3'000'000'000, 30'000, false, ""},
                  {1, "n", ServiceTier::kFlex, "output", 5, 0, 0, true, "m"}};
  record.cost_nano_usd = 30'000;
  record.price_version = "v1";
  record.recorded = true;
  record.spooled_at_us = 77;
  const absl::StatusOr<ChargeRecord> back = codec.Decode(codec.Encode(record));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(codec.Encode(*back), codec.Encode(record));
  EXPECT_EQ(UsageFingerprint(*back), UsageFingerprint(record));
  EXPECT_EQ(back->subject.labels, record.subject.labels);
}

// As the first version wrote it. Streams and spools keep such bytes over an upgrade, and both
// versions write side by side: what is read here must be read for good.
constexpr char kFirstVersionsCharge[] =
    "0a057265712d3112370a0461636d6512067365617263682205616c6963653211636c617564652d736f6e6e65742d34"
    "2d353a0d0a0773657373696f6e120273311a281211636c617564652d736f6e6e65742d342d352205696e70757428b0"
    "093080bcc1960b3880dddb011a2808011210636c617564652d6861696b752d342d3522066f75747075742807308"
    "0e497d01238b8910220b8eedd012a07323032362d3131";

TEST(LedgerCodecTest, ReadsChargesOfTheFirstVersion) {
  const LedgerCodec codec;
  const std::string bytes = absl::HexStringToBytes(kFirstVersionsCharge);
  const absl::StatusOr<ChargeRecord> record = codec.Decode(bytes);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->id, "req-1");
  EXPECT_EQ(record->subject.org, "acme");
  EXPECT_EQ(record->subject.team, "search");
  EXPECT_EQ(record->subject.user, "alice");
  EXPECT_EQ(record->subject.model, "claude-sonnet-4-5");
  ASSERT_EQ(record->lines.size(), 2u);
  EXPECT_EQ(record->lines[0].meter, "input");
  EXPECT_EQ(record->lines[0].quantity, 1'200);
  EXPECT_EQ(record->lines[0].unit_price, 3'000'000'000);
  EXPECT_EQ(record->lines[0].cost_nano_usd, 3'600'000);
  EXPECT_EQ(record->lines[1].attempt, 1);
  EXPECT_EQ(record->lines[1].model, "claude-haiku-4-5");
  EXPECT_EQ(record->lines[1].cost_nano_usd, 35'000);
  EXPECT_EQ(record->cost_nano_usd, 3'635'000);
  EXPECT_EQ(record->price_version, "2026-11");
  EXPECT_EQ(UsageFingerprint(*codec.Decode(codec.Encode(*record))), UsageFingerprint(*record));
}

TEST(LedgerCodecTest, PassesOverWhatANewerVersionAdds) {
  const LedgerCodec codec;
  const std::string bytes = absl::HexStringToBytes(kFirstVersionsCharge);
  // Field 200, text.
  const absl::StatusOr<ChargeRecord> newer = codec.Decode(bytes + "\xc2\x0c\x03new");
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(codec.Encode(*newer), codec.Encode(*codec.Decode(bytes)));
}

TEST(LedgerCodecTest, RefusesWhatIsNoRecord) {
  const LedgerCodec codec;
  EXPECT_EQ(codec.Decode("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(codec.Decode("\xff\xff\xff").status().code(), absl::StatusCode::kDataLoss);
}

TEST(QuotaConvertTest, AForecastIsSaidAsFarAsThereIsOne) {
  std::vector<LimitUsage> usage(3);
  usage[1].forecast = {7, 1'700'000'000'500'000, 42, 1'699'990'000'000'000};
  usage[2].forecast = {7, 0, std::nullopt, 1'699'990'000'000'000};
  v1::GetUsageResponse response;
  ToProto(usage, &response);
  EXPECT_FALSE(response.limits(0).has_forecast());
  const v1::Forecast& ends = response.limits(1).forecast();
  EXPECT_EQ(ends.per_day(), 7);
  EXPECT_EQ(ends.exhausted_at().seconds(), 1'700'000'000);
  EXPECT_EQ(ends.exhausted_at().nanos(), 500'000'000);
  EXPECT_EQ(ends.used_at_reset(), 42);
  EXPECT_EQ(ends.measured_at().seconds(), 1'699'990'000);
  EXPECT_FALSE(response.limits(2).forecast().has_exhausted_at());
}

}  // namespace
}  // namespace quotaplane
