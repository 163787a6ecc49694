#include "libs/ledger/usage_rates.h"

#include <map>

#include "absl/time/clock.h"
#include "libs/config/policy_reader.h"
#include "libs/ledger/ledger_rows.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-day, per: [user], unit: usd, amount: 1, window: day}
  - {id: team-month, per: [team], unit: usd, amount: 9, window: month}
  - {id: team-month-again, per: [team], unit: usd, amount: 20, window: month}
  - {id: big, per: [], when: {model: big}, unit: requests, amount: 9, window: month}
  - {id: ever, per: [], unit: total_tokens, amount: 9, window: lifetime}
  - {id: in, per: [], unit: input_tokens, amount: 9, window: lifetime}
  - {id: out, per: [], unit: output_tokens, amount: 9, window: lifetime}
  - {id: tools, per: [], unit: tool_calls, amount: 9, window: lifetime}
  - {id: minute, per: [user], unit: usd, amount: 1, window: 60s}
  - {id: open, per: [user], unit: concurrency, amount: 1}
  - {id: session, per: [labels.session], unit: usd, amount: 1, window: lifetime}
  - {id: key, per: [], when: {api_key: k1}, unit: usd, amount: 1, window: lifetime}
)";

// A full hour.
constexpr int64_t kUntil = kMonthEndUs + 500'000;

class UsageRatesTest : public LedgerTest {
 protected:
  UsageRatesTest() : policy_(*ParsePolicy(kPolicy, "policy.yaml")) {}

  void Charge(int id, int64_t hours_ago, const std::string& org, const std::string& user,
              std::vector<ChargeLine> lines) {
    SettledCharge charge = SettledOf(id, kUntil - hours_ago * kPaceHourUs);
    charge.charge.subject = {org, "search", "p1", user, "k1", "big", {{"session", "s1"}}};
    charge.charge.lines = std::move(lines);
    charge.charge.cost_nano_usd = 0;
    for (const ChargeLine& line : charge.charge.lines) {
      charge.charge.cost_nano_usd += line.cost_nano_usd;
    }
    ASSERT_TRUE(writer_.Write(std::vector{charge}, kUntil).ok());
  }
  static ChargeLine Line(const std::string& model, const std::string& meter, int64_t quantity,
                         int64_t cost) {
    return {0, model, ServiceTier::kStandard, meter, quantity, 1, cost, false, ""};
  }
  absl::StatusOr<UsageRates> Read(size_t most = 100, absl::Time deadline = absl::InfiniteFuture()) {
    return ReadUsageRates(*db_, "acme", *policy_, kUntil, most, deadline);
  }
  // By the limits that count there, and the user where that is one of them.
  std::map<std::string, double> Sums() {
    const absl::StatusOr<UsageRates> rates = Read();
    EXPECT_TRUE(rates.ok()) << rates.status();
    std::map<std::string, double> sums;
    for (const UsedCounter& counter : rates->counters) {
      std::string name;
      for (const AppliedLimit& limit : counter.limits) name += limit.limit->id + " ";
      if (!counter.limits[0].limit->per.empty()) {
        name += counter.limits[0].limit->per[0].ValueIn(*counter.subject, "");
      }
      double sum = 0;
      for (int i = 0; i < kRecentDays * kPaceDayBlocks; ++i) sum += counter.recent.block(i);
      sums[name] += sum;
    }
    return sums;
  }

  const std::shared_ptr<const Policy> policy_;
};

TEST_P(UsageRatesTest, EachCounterGetsWhatItsLimitsCount) {
  EXPECT_TRUE(Sums().empty());
  Charge(1, 1, "acme", "ada",
         {Line("big", "input", 100, 7), Line("big", "output", 20, 5),
          Line("big", "cache_read", 1'000, 1)});
  Charge(2, 30, "acme", "bob",
         {Line("small", "cache_write_5m", 3, 2), Line("small", "tool_calls", 4, 0)});
  Charge(3, 300, "acme", "bob", {});
  Charge(4, 2, "globex", "ada", {Line("big", "input", 1'000'000, 1'000'000)});
  // Not yet, and not any more.
  Charge(5, 0, "acme", "ada", {Line("big", "input", 1'000'000, 1'000'000)});
  Charge(6, 14 * 24 + 1, "acme", "ada", {Line("big", "input", 1'000'000, 1'000'000)});
  EXPECT_EQ(Sums(), (std::map<std::string, double>{{"user-day ada", 13},
                                                   {"user-day bob", 2},
                                                   {"team-month team-month-again search", 15},
                                                   {"big ", 2},  // one without usage
                                                   {"ever ", 1'123},
                                                   {"in ", 103},
                                                   {"out ", 20},
                                                   {"tools ", 4}}));
}

TEST_P(UsageRatesTest, HoursStayApart) {
  Charge(1, 1, "acme", "ada", {Line("big", "input", 1, 10)});
  Charge(2, 5, "acme", "ada", {Line("big", "input", 1, 100)});
  Charge(3, 7, "acme", "ada", {Line("big", "input", 1, 1'000)});
  const absl::StatusOr<UsageRates> rates = Read();
  ASSERT_TRUE(rates.ok()) << rates.status();
  for (const UsedCounter& counter : rates->counters) {
    if (counter.limits[0].limit->id != "user-day") continue;
    EXPECT_EQ(counter.recent.hour(0), 10);
    EXPECT_EQ(counter.recent.hour(4), 100);
    EXPECT_EQ(counter.recent.block(0), 110);
    EXPECT_EQ(counter.recent.block(1), 1'000);
    EXPECT_EQ(counter.recent.first_us(), kUntil - 7 * kPaceHourUs);
    EXPECT_EQ(counter.limits[0].amount, 1'000'000'000);
    return;
  }
  FAIL() << "no counter of user-day";
}

TEST_P(UsageRatesTest, MoreCountersThanTheBoundAreToldAndLeftOut) {
  for (int i = 0; i < 20; ++i) {
    Charge(i, i + 1, "acme", "user" + std::to_string(i), {Line("big", "input", 1, 10)});
  }
  const absl::StatusOr<UsageRates> rates = Read(10);
  ASSERT_TRUE(rates.ok()) << rates.status();
  // Two of the first ten, of output and tool calls, turn out to have nothing.
  EXPECT_EQ(rates->counters.size(), 8U);
  EXPECT_EQ(rates->left_out, 16);
}

TEST_P(UsageRatesTest, WhichLimitsHaveRates) {
  std::string with;
  for (const Limit& limit : policy_->document().limits) {
    if (HasRates(limit)) with += limit.id + " ";
  }
  EXPECT_EQ(with, "user-day team-month team-month-again big ever in out tools ");
}

QP_OVER_BOTH_DATABASES(UsageRatesTest);

}  // namespace
}  // namespace quotaplane
