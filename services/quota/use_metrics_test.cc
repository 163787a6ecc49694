#include "services/quota/use_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/metrics/exposer.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNowUs = int64_t{1'780'000'000} * 1'000'000;

ChargeRecord Charge(Subject subject, int64_t cost_nano_usd) {
  ChargeRecord record;
  record.cost_nano_usd = cost_nano_usd;
  ChargeLine line;
  line.model = subject.model;
  line.meter = "output";
  line.quantity = 30;
  line.cost_nano_usd = cost_nano_usd;
  record.lines.push_back(line);
  record.subject = std::move(subject);
  return record;
}

std::string Scrape(const UseCounts& counts) {
  return metrics::Render({[&counts] { return UseMetrics(counts, kNowUs); }});
}

TEST(UseMetrics, MoneyAndUseByOrgTeamProjectAndModel) {
  UseCounts counts;
  const Subject alice = {"acme", "core", "bot", "alice", "key-1", "m-1", {{"session", "s-1"}}};
  counts.CountDecision(alice, Decision::kAllow, false, kNowUs);
  counts.CountDecision(alice, Decision::kDeny, true, kNowUs);
  counts.CountCharge(Charge(alice, 2'500'000'000), kNowUs);
  const std::string text = Scrape(counts);
  const std::string of = R"({org="acme",team="core",project="bot",model="m-1")";
  EXPECT_THAT(text, HasSubstr("quotaplane_cost_usd_total" + of + "} 2.5\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_tokens_total" + of + ",meter=\"output\"} 30\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_requests_total" + of + ",decision=\"allow\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_requests_total" + of + ",decision=\"deny\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_outage_answers_total{decision=\"deny\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_outage_answers_total{decision=\"allow\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_use_overflow_total 0\n"));
}

// Neither users nor keys nor labels, whatever there is of them.
TEST(UseMetrics, NameNoPerson) {
  UseCounts counts;
  for (int i = 0; i < 30; ++i) {
    const Subject subject = {
        "acme", "", "", absl::StrCat("person-", i), "key-1", "m", {{"session", "s-1"}}};
    counts.CountDecision(subject, Decision::kAllow, false, kNowUs);
    counts.CountCharge(Charge(subject, int64_t{1'000'000'000} * (i + 1)), kNowUs);
  }
  const std::string text = Scrape(counts);
  for (const char* private_text : {"person", "key-1", "s-1", "session", "user="}) {
    EXPECT_THAT(text, Not(HasSubstr(private_text)));
  }
  EXPECT_THAT(text, HasSubstr("quotaplane_top_user_cost_usd{rank=\"1\"} 30\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_top_user_cost_usd{rank=\"10\"} 21\n"));
  EXPECT_THAT(text, Not(HasSubstr("rank=\"11\"")));
  EXPECT_THAT(text, HasSubstr("quotaplane_top_user_overestimate_usd{rank=\"1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_top_users 30\n"));
}

TEST(UseMetrics, PastTheBoundThereIsOneSeriesMore) {
  UseCounts counts(5);
  for (int i = 0; i < 100; ++i) {
    counts.CountDecision({"acme", absl::StrCat("t", i), "", "", "", "m", {}}, Decision::kAllow,
                         false, kNowUs);
  }
  const std::string text = Scrape(counts);
  EXPECT_THAT(text, HasSubstr("quotaplane_use_label_sets 5\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_use_label_sets_most 5\n"));
  EXPECT_THAT(text, HasSubstr("quotaplane_use_overflow_total 95\n"));
  EXPECT_THAT(text, HasSubstr("team=\"overflow\",project=\"overflow\",model=\"overflow\","
                              "decision=\"allow\"} 95\n"));
}

}  // namespace
}  // namespace quotaplane
