#include "tools/quotactl/render.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Renderer kPlain{terminal::Style(false), absl::FromUnixSeconds(1'700'000'000)};

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

TEST(Render, AnAllowedReservation) {
  const auto response = Parse<v1::ReserveResponse>(R"(
      decision: DECISION_ALLOW
      estimated_cost_nano_usd: 15600000
      expires_at { seconds: 1700000600 }
      tightest {
        limit_id: "team-month" scope: "{org=acme, team=search}" unit: "usd"
        used: 1234500000000 amount: 2000000000000 remaining: 765500000000
        resets_at { seconds: 1700438400 }
      })");
  EXPECT_EQ(kPlain.Reserve("r-1", response),
            R"(ALLOW
  reservation     r-1
  estimated cost  $0.0156
  hold ends       2023-11-14 22:23:20 UTC (in 10m)

TIGHTEST    SCOPE                    UNIT       USED     AMOUNT     LEFT  RESETS
team-month  {org=acme, team=search}  usd   $1,234.50  $2,000.00  $765.50  2023-11-20 00:00:00 UTC (in 5d 1h)
)");
}

TEST(Render, ARefusalSaysWhyAndWhen) {
  const auto response = Parse<v1::ReserveResponse>(R"(
      decision: DECISION_DENY
      retry_after { seconds: 42 }
      downgrade_model: "claude-haiku-4-5"
      exceeded {
        cause: CAUSE_LIMIT_EXCEEDED limit_id: "user-rpm" scope: "{org=acme, user=alice}"
        on_exceed: ON_EXCEED_DENY unit: "requests" used: 60 needed: 1 amount: 60
        fits_at { seconds: 1700000042 }
      }
      exceeded {
        cause: CAUSE_LIMIT_EXCEEDED limit_id: "call-cost" on_exceed: ON_EXCEED_DOWNGRADE
        unit: "usd" used: 0 needed: 3000000000 amount: 1000000000 never_fits: true
      }
      exceeded {
        cause: CAUSE_LIMIT_EXCEEDED limit_id: "open-calls" on_exceed: ON_EXCEED_DENY
        unit: "concurrency" used: 4 needed: 1 amount: 4
      }
      exceeded { cause: CAUSE_MODEL_NOT_ALLOWED limit_id: "interns" scope: "{org=acme}" })");
  const std::string text = kPlain.Reserve("r-1", response);
  EXPECT_THAT(text, HasSubstr("DENY\n"));
  EXPECT_THAT(text, HasSubstr("retry after     42s\n"));
  EXPECT_THAT(text, HasSubstr("instead         --model claude-haiku-4-5\n"));
  EXPECT_THAT(text, HasSubstr("2023-11-14 22:14:02 UTC (in 42s)\n"));
  EXPECT_THAT(text, HasSubstr("never: it needs more than the whole amount\n"));
  EXPECT_THAT(text, HasSubstr("when open reservations end\n"));
  EXPECT_THAT(text, HasSubstr("model not allowed\n"));
  EXPECT_THAT(text, Not(HasSubstr("hold ends")));
}

TEST(Render, ASoftlyExceededLimitIsShown) {
  const auto response = Parse<v1::CheckResponse>(R"(
      decision: DECISION_ALLOW_SOFT unpriced: true
      exceeded {
        cause: CAUSE_LIMIT_EXCEEDED limit_id: "org-day" on_exceed: ON_EXCEED_SOFT unit: "usd"
      })");
  const std::string text = kPlain.Check(response);
  EXPECT_THAT(text, HasSubstr("ALLOW (a soft or shadow limit is exceeded)"));
  EXPECT_THAT(text, HasSubstr("org-day"));
  EXPECT_THAT(text, HasSubstr("counts as free"));
}

TEST(Render, ADeniedExtendSaysToCutTheStream) {
  EXPECT_THAT(kPlain.Extend("r-1", Parse<v1::ExtendResponse>("decision: DECISION_DENY")),
              HasSubstr("cut the stream"));
}

TEST(Render, AnOutageIsSaid) {
  EXPECT_THAT(
      kPlain.Reserve("r", Parse<v1::ReserveResponse>("decision: DECISION_ALLOW outage: true")),
      HasSubstr("nothing is held"));
  EXPECT_THAT(kPlain.Commit("r", Parse<v1::CommitResponse>("spooled: true")),
              HasSubstr("safe on disk"));
}

TEST(Render, ACommitWithinItsHold) {
  EXPECT_EQ(kPlain.Commit("r-1", Parse<v1::CommitResponse>(
                                     "cost_nano_usd: 10500000 held_nano_usd: 15600000")),
            "COMMITTED\n"
            "  reservation  r-1\n"
            "  charged      $0.0105\n"
            "  held         $0.0156\n");
}

TEST(Render, ACommitPastItsHoldAndLate) {
  const std::string text = kPlain.Commit(
      "r-1", Parse<v1::CommitResponse>("cost_nano_usd: 20000000 held_nano_usd: 15000000 "
                                       "overrun_nano_usd: 5000000 overrun_tokens: 1200 late: true "
                                       "replayed: true"));
  EXPECT_THAT(text, HasSubstr("overrun      $0.005, 1,200 tokens more than were held\n"));
  EXPECT_THAT(text, HasSubstr("late         the hold had ended"));
  EXPECT_THAT(text, HasSubstr("a retry"));
}

TEST(Render, ACommitWithoutAReservation) {
  const std::string text = kPlain.Commit(
      "r-1", Parse<v1::CommitResponse>("cost_nano_usd: 1 late: true unreserved: true"));
  EXPECT_THAT(text, HasSubstr("no reservation of this id is remembered"));
  EXPECT_THAT(text, Not(HasSubstr("held")));
}

TEST(Render, ReleaseKnowsTwoOutcomes) {
  EXPECT_THAT(kPlain.Release("r", Parse<v1::ReleaseResponse>("outcome: OUTCOME_RELEASED")),
              HasSubstr("RELEASED"));
  EXPECT_THAT(kPlain.Release("r", Parse<v1::ReleaseResponse>("outcome: OUTCOME_EXPIRED")),
              HasSubstr("had already ended"));
}

TEST(Render, UsageShowsTheShareThatIsLeft) {
  const auto response = Parse<v1::GetUsageResponse>(R"(
      limits {
        limit_id: "user-rpm" scope: "{org=acme, user=alice}" unit: "requests" window: "60s"
        on_exceed: ON_EXCEED_DENY amount: 60 used: 15 held: 5 remaining: 45
      })");
  EXPECT_EQ(
      kPlain.Usage("acme", response),
      R"(LIMIT     SCOPE                   WINDOW  ON EXCEED  UNIT      USED  OF IT HELD  AMOUNT      LEFT  RESETS
user-rpm  {org=acme, user=alice}  60s     deny       requests    15           5      60  45 (75%)
)");
}

TEST(Render, UsageShowsUntilWhenALimitIsRaised) {
  const auto response = Parse<v1::GetUsageResponse>(R"(
      limits {
        limit_id: "user-month" scope: "{org=acme, user=alice}" unit: "usd" window: "month UTC"
        on_exceed: ON_EXCEED_DENY amount: 900000000000 remaining: 900000000000
        exception_id: "01j" exception_ends_at { seconds: 1700003600 }
      })");
  EXPECT_THAT(kPlain.Usage("acme", response), HasSubstr(R"(
RAISED           TO  UNTIL                            WHY, AND BY WHOM
user-month  $900.00  2023-11-14 23:13:20 UTC (in 1h)  quotactl exception show 01j --org acme
)"));
}

TEST(Render, AFreezeIsToldWithItsAlert) {
  const auto response = Parse<v1::CheckResponse>(R"(
      decision: DECISION_DENY
      retry_after { seconds: 3600 }
      exceeded {
        cause: CAUSE_FROZEN limit_id: "alert/A-17" scope: "{org=acme, user=alice}"
        on_exceed: ON_EXCEED_DENY alert_id: "A-17" fits_at { seconds: 1700003600 }
        alert_until { seconds: 1700003600 }
        detail: "frozen by alert A-17 until 2023-11-14 23:13:20 UTC"
      })");
  const std::string text = kPlain.Check(response);
  EXPECT_THAT(text, HasSubstr("frozen by an alert"));
  EXPECT_THAT(text, HasSubstr("2023-11-14 23:13:20 UTC (in 1h), or once it is acknowledged\n"));
  EXPECT_THAT(text, HasSubstr("\n\n  frozen by alert A-17 until 2023-11-14 23:13:20 UTC\n"));
}

TEST(Render, AThrottleIsToldOnceAndWithWhatItLeft) {
  const auto check = Parse<v1::CheckResponse>(R"(
      decision: DECISION_DENY
      exceeded {
        cause: CAUSE_LIMIT_EXCEEDED limit_id: "user-day" unit: "usd" amount: 2000000000
        alert_id: "A-17" detail: "throttled to 20 % by alert A-17 until 2023-11-14 23:13:20 UTC"
      }
      exceeded {
        cause: CAUSE_LIMIT_EXCEEDED limit_id: "user-month" unit: "usd"
        alert_id: "A-17" detail: "throttled to 20 % by alert A-17 until 2023-11-14 23:13:20 UTC"
      })");
  const std::string text = kPlain.Check(check);
  const size_t first = text.find("throttled to 20 % by alert A-17");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("throttled", first + 1), std::string::npos) << text;

  const auto usage = Parse<v1::GetUsageResponse>(R"(
      limits {
        limit_id: "user-day" unit: "usd" amount: 2000000000 remaining: 2000000000
        alert_id: "A-17" alert_until { seconds: 1700003600 }
      }
      limits { limit_id: "org-day" unit: "usd" amount: 100000000000 })");
  EXPECT_THAT(kPlain.Usage("acme", usage), HasSubstr(R"(
THROTTLED     TO  UNTIL                            BY ALERT
user-day   $2.00  2023-11-14 23:13:20 UTC (in 1h)  A-17
)"));
}

TEST(Render, UsageShowsWhereItLeads) {
  const auto response = Parse<v1::GetUsageResponse>(R"(
      limits {
        limit_id: "a" unit: "usd" window: "month UTC" amount: 10
        forecast { per_day: 3 exhausted_at { seconds: 1700719200 } }
      }
      limits { limit_id: "b" unit: "usd" window: "lifetime" amount: 10 forecast { per_day: 3 } }
      limits {
        limit_id: "c" unit: "usd" window: "lifetime" amount: 10
        forecast { exhausted_at { seconds: 1800000000 } }
      }
      limits {
        limit_id: "d" unit: "usd" window: "lifetime" amount: 10
        forecast { exhausted_at { seconds: 1699999999 } }
      }
      limits { limit_id: "e" unit: "usd" window: "60s" amount: 10 })");
  const std::string text = kPlain.Usage("acme", response);
  EXPECT_THAT(text, HasSubstr("  AT THIS RATE (UTC)\n"));
  EXPECT_THAT(text, HasSubstr("  ends 23 Nov 06:00\n"));
  EXPECT_THAT(text, HasSubstr("  lasts\n"));
  EXPECT_THAT(text, HasSubstr("  ends 15 Jan 2027\n"));
  EXPECT_THAT(text, HasSubstr("  used up\n"));
}

TEST(Render, NoLimitsIsSaidInWords) {
  EXPECT_THAT(kPlain.Usage("acme", v1::GetUsageResponse()),
              HasSubstr("No limit of the policy applies"));
}

}  // namespace
}  // namespace quotaplane::quotactl
