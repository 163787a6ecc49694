#include "tools/quotactl/delivery_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);
constexpr int64_t kNowS = 1'764'000'000;  // 2025-11-24 16:00:00
const absl::Time kNow = absl::FromUnixSeconds(kNowS);

v1::Silence TwoHours() {
  v1::Silence silence;
  silence.set_org("acme");
  silence.set_silence_id("S-3");
  const auto match = [&](const char* name, const char* glob) {
    v1::AlertMatcher* const matcher = silence.add_matchers();
    matcher->set_name(name);
    matcher->set_glob(glob);
  };
  match("kind", "anomaly");
  match("user", "alice*");
  silence.mutable_start_time()->set_seconds(kNowS - 60);
  silence.mutable_end_time()->set_seconds(kNowS + 7'200);
  silence.set_reason("load test");
  silence.set_created_by("token:ann");
  return silence;
}

TEST(DeliveryRender, Silences) {
  v1::ListSilencesResponse response;
  EXPECT_EQ(SilencesAsText(response, kNow, kPlain), "");
  *response.add_silences() = TwoHours();
  EXPECT_EQ(
      SilencesAsText(response, kNow, kPlain),
      R"(SILENCE  STATE  MATCHES                    FROM (UTC)           UNTIL (UTC)          BY         REASON
S-3      holds  kind=anomaly, user=alice*  2025-11-24 15:59:00  2025-11-24 18:00:00  token:ann  load test
)");
  EXPECT_THAT(SilencesAsText(response, kNow + absl::Hours(2), kPlain), HasSubstr("S-3      ended"));
}

TEST(DeliveryRender, OneSilence) {
  v1::Silence silence = TwoHours();
  EXPECT_EQ(SilenceAsText(silence, kNow, kPlain),
            R"(Silence S-3 of acme
  state   holds
  match   kind=anomaly
  match   user=alice*
  until   2025-11-24 18:00:00 UTC (in 2h)
  reason  load test
  by      token:ann, 2025-11-24 15:59:00 UTC (1m ago)
)");
  silence.set_ended_by("token:bob");
  silence.clear_org();
  const std::string text = SilenceAsText(silence, kNow, kPlain);
  EXPECT_THAT(text, HasSubstr("of the deployment\n"));
  EXPECT_THAT(text, HasSubstr("  state     ended\n"));
  EXPECT_THAT(text, HasSubstr("  ended by  token:bob\n"));
}

v1::Delivery Dead() {
  v1::Delivery delivery;
  delivery.set_delivery_id(42);
  delivery.set_org("acme");
  delivery.set_receiver("pager");
  delivery.set_state(v1::DELIVERY_STATE_DEAD);
  delivery.set_attempts(31);
  delivery.mutable_create_time()->set_seconds(kNowS - 7'200);
  delivery.mutable_time()->set_seconds(kNowS - 60);
  delivery.set_error("it answered 500:\n\x1b[31mno");
  delivery.set_alerts(10'000);
  delivery.add_alert_ids("A-17");
  delivery.add_alert_ids("A-18");
  return delivery;
}

TEST(DeliveryRender, Deliveries) {
  v1::ListDeliveriesResponse response;
  EXPECT_EQ(DeliveriesAsText(response, kPlain), "");
  *response.add_deliveries() = Dead();
  v1::Delivery* const sent = response.add_deliveries();
  *sent = Dead();
  sent->set_delivery_id(7);
  sent->set_state(v1::DELIVERY_STATE_DELIVERED);
  sent->set_attempts(1);
  sent->set_alerts(2);
  sent->clear_error();
  EXPECT_EQ(
      DeliveriesAsText(response, kPlain),
      R"(DELIVERY  STATE      RECEIVER  ATTEMPTS  MADE (UTC)           NEXT OR LAST (UTC)   ALERTS                     ERROR
      42  dead       pager           31  2025-11-24 14:00:00  2025-11-24 15:59:00  A-17, A-18 and 9,998 more  it answered 500:  [31mno
       7  delivered  pager            1  2025-11-24 14:00:00  2025-11-24 15:59:00  A-17, A-18
)");
}

TEST(DeliveryRender, OneDelivery) {
  v1::Delivery delivery = Dead();
  EXPECT_EQ(DeliveryAsText(delivery, kNow, kPlain),
            R"(Delivery 42 of acme
  state         dead
  receiver      pager
  alerts        A-17, A-18 and 9,998 more
  attempts      31
  last attempt  2025-11-24 15:59:00 UTC (1m ago)
  error         it answered 500:  [31mno
)");
  delivery.set_state(v1::DELIVERY_STATE_PENDING);
  delivery.mutable_time()->set_seconds(kNowS + 1);
  EXPECT_THAT(DeliveryAsText(delivery, kNow, kPlain),
              HasSubstr("next attempt  2025-11-24 16:00:01 UTC (in 1s)"));
  delivery.clear_alert_ids();
  EXPECT_THAT(DeliveryAsText(delivery, kNow, kPlain), HasSubstr("  alerts        10,000\n"));
}

TEST(DeliveryRender, Tests) {
  v1::TestDeliveryResponse response;
  response.set_took_us(87'120);
  response.set_error("connection refused");
  EXPECT_EQ(TestAsText("pager", response, kPlain),
            "not delivered: pager, after 87.1 ms: connection refused\n");
  response.set_delivered(true);
  const std::string text = TestAsText("pager", response, kPlain);
  EXPECT_EQ(text, "delivered: pager has taken the test message, in 87.1 ms.\n");
  EXPECT_THAT(text, Not(HasSubstr("refused")));
}

}  // namespace
}  // namespace quotaplane::quotactl
