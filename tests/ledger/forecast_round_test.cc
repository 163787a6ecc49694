// Forecasts from charges in a real ledger and counters in a real store, up to GetUsage and metrics.
#include "libs/ledger/forecast_round.h"

#include <algorithm>
#include <map>

#include "absl/time/clock.h"
#include "libs/admission/admission.h"
#include "libs/admission/charge.h"
#include "libs/base/await.h"
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"
#include "libs/counters/redis/forecast_table.h"
#include "libs/counters/redis/layout.h"
#include "tests/ledger/ledger_fixture.h"

namespace quotaplane {
namespace {

// 100 nano-USD an hour, 24 hours a day: 2400 a day.
constexpr char kPolicy[] = R"(
defaults: {on_outage: deny}
limits:
  - {id: user-month, per: [user], unit: usd, amount: 0.000048, window: month}
  - {id: team-month, per: [team], unit: usd, amount: 9, window: month}
  - {id: none, per: [team], unit: requests, amount: 0, window: month}
  - {id: ever, per: [], unit: usd, amount: 0.0001, window: lifetime}
  - {id: minute, per: [user], unit: usd, amount: 1, window: 60s}
  - {id: session, per: [labels.session], unit: usd, amount: 1, window: lifetime}
)";

constexpr int64_t kDayUs = 24 * kPaceHourUs;
// 2026-03-15 00:00 UTC, and five minutes later.
constexpr int64_t kMidMonthUs = kMonthEndUs + 500'000 - 17 * kDayUs;
constexpr int64_t kNow = kMidMonthUs + int64_t{300} * 1'000'000;
constexpr int64_t kMonthEnds = kMidMonthUs + 17 * kDayUs;

// None that can be read.
class TableAway : public ForecastTable {
 public:
  void Read(std::string_view, const std::vector<Digest>&, SteadyTime,
            StoreCallback<std::vector<std::optional<Pace>>> done) const override {
    done(absl::UnavailableError("away"));
  }
  absl::Status Replace(const std::vector<Entry>&, const Kept&, SteadyTime) override {
    return absl::UnavailableError("away");
  }
};

class NoSpool : public ChargeSpool {
 public:
  void Append(std::string, absl::AnyInvocable<void(absl::Status)> done) override {
    done(absl::ResourceExhaustedError("none"));
  }
};

class ForecastRoundTest : public OutboxTest {
 protected:
  ForecastRoundTest()
      : policy_(*ParsePolicy(kPolicy, "policy.yaml")),
        policies_(std::make_shared<const PolicySet>(policy_)),
        snapshots_({policies_, DefaultPriceBook()}),
        table_(&store_.client(), store_.store().partitions()),
        round_(db_.get(), &store_.store(), &table_) {
    store_.SetNow(kNow);
  }

  // `nano_usd` in each of `hours` hours up to the middle of the month, in the ledger; and to the
  // counters, what of it is of this month.
  void Use(const std::string& org, const std::string& user, int hours, int64_t nano_usd) {
    std::vector<SettledCharge> charges;
    for (int i = 1; i <= hours; ++i) {
      SettledCharge charge = SettledOf(0, kMidMonthUs - i * kPaceHourUs);
      charge.charge.id = org + "/" + user + "/" + std::to_string(i);
      charge.charge.subject = {org, "search", "", user, "", "big", {}};
      charge.charge.lines = {
          {0, "big", ServiceTier::kStandard, "input", 1, 1, nano_usd, false, ""}};
      charge.charge.cost_nano_usd = nano_usd;
      charges.push_back(charge);
    }
    ASSERT_TRUE(writer_.Write(charges, kNow).ok());
    Count(org, user, std::min(hours, 14 * 24) * nano_usd);
  }
  void Count(const std::string& org, const std::string& user, int64_t nano_usd) {
    CommitCall call;
    ChargeRecord record;
    record.subject = {org, "search", "", user, "", "big", {}};
    record.lines = {{0, "big", ServiceTier::kStandard, "input", 1, 1, nano_usd, false, ""}};
    call.key = {org, "count" + user + std::to_string(++counted_)};
    call.record = true;
    call.uses = ChargesOf(*policies_->For(org).policy, record, "big");
    call.ledger_record = codec_.Encode(record);
    ASSERT_TRUE(store_.Commit(std::move(call)).ok());
  }
  ForecastResult Run(int64_t now_us = kNow) {
    absl::StatusOr<ForecastResult> result =
        round_.Run(*policies_, now_us, absl::Now() + absl::Seconds(30));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : ForecastResult();
  }
  std::map<std::string, LimitUsage> Usage(const std::string& org, const std::string& user,
                                          const ForecastTable* table) {
    NoSpool spool;
    Admission admission(&store_.store(), &snapshots_, &spool, &codec_, nullptr, table);
    const auto usage = Await<std::vector<LimitUsage>>([&](auto done) {
      admission.GetUsage({org, "search", "", user, "", "big", {}}, Soon(), std::move(done));
    });
    EXPECT_TRUE(usage.ok()) << usage.status();
    std::map<std::string, LimitUsage> by_id;
    for (const LimitUsage& one : usage.value_or(std::vector<LimitUsage>())) {
      by_id[one.limit_id] = one;
    }
    return by_id;
  }
  // From here on the sums have this as their quantity.
  void Quantities(const std::string& quantity) {
    Must("ALTER TABLE rollup_hour RENAME TO taken_away");
    Must(
        "CREATE VIEW rollup_hour AS SELECT org, bucket_us, team, project, user_name, model, "
        "meter, " +
        quantity + " AS quantity, cost_nano_usd, requests FROM taken_away");
  }
  void Readable() {
    Must("DROP VIEW rollup_hour");
    Must("ALTER TABLE taken_away RENAME TO rollup_hour");
  }
  static std::string Names(const std::vector<LimitForecast>& forecasts) {
    std::string names;
    for (const LimitForecast& one : forecasts) names += one.limit_id + one.scope + " ";
    return names;
  }

  const std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const PolicySet> policies_;
  SnapshotHolder snapshots_;
  RedisForecastTable table_;
  ForecastRound round_;
  int counted_ = 0;
};

TEST_P(ForecastRoundTest, WithoutChargesThereIsNothing) {
  const ForecastResult result = Run();
  EXPECT_EQ(result.orgs, 0);
  EXPECT_TRUE(result.urgent.empty());
  EXPECT_EQ(result.limits_left_out, 1);
}

TEST_P(ForecastRoundTest, ABudgetThatEndsEarlyIsSaidEverywhereAlike) {
  Use("acme", "ada", 14 * 24, 100);  // 33,600 of 48,000 used; ends in six days
  Use("acme", "bob", 14 * 24, 10);
  Use("acme", "new", 5, 1'000);
  Use("globex", "ada", 14 * 24, 1);
  const ForecastResult result = Run();
  EXPECT_EQ(result.orgs, 2);
  EXPECT_EQ(result.unread.size(), 0U);
  // Two users, the team twice, the org; and in globex each once.
  EXPECT_EQ(result.counters, 9);
  EXPECT_EQ(result.too_short, 1);
  EXPECT_EQ(result.left_out, 0);
  ASSERT_EQ(Names(result.ending), "user-month{org=acme, user=ada} ");
  const LimitForecast& ends = result.ending[0];
  EXPECT_EQ(ends.org, "acme");
  EXPECT_EQ(ends.dimensions,
            (std::vector<std::pair<std::string, std::string>>{{"org", "acme"}, {"user", "ada"}}));
  EXPECT_EQ(ends.unit, "usd");
  EXPECT_EQ(ends.amount, 48'000);
  EXPECT_EQ(ends.used, 33'600);
  EXPECT_EQ(ends.resets_at_us, kMonthEnds);
  EXPECT_EQ(ends.forecast.per_day, 2'400);
  EXPECT_NEAR(static_cast<double>(ends.forecast.exhausted_at_us), kNow + 6.0 * kDayUs, 1e6);
  EXPECT_NEAR(static_cast<double>(ends.margin_us()), 11.0 * kDayUs - 300e6, 1e6);
  EXPECT_NEAR(ends.used_ratio(), (33'600 + 17 * 2'400) / 48'000.0, 0.001);

  const auto usage = Usage("acme", "ada", &table_);
  EXPECT_EQ(usage.at("user-month").forecast, ends.forecast);
  EXPECT_EQ(usage.at("team-month").forecast->exhausted_at_us, 0);
  EXPECT_EQ(usage.at("ever").forecast->used_at_reset, std::nullopt);
  EXPECT_FALSE(usage.at("minute").forecast.has_value());
  EXPECT_FALSE(Usage("acme", "new", &table_).at("user-month").forecast.has_value());
  EXPECT_FALSE(Usage("globex", "bob", &table_).at("user-month").forecast.has_value());
}

TEST_P(ForecastRoundTest, GetUsageTakesTheLiveCounterAndLivesWithoutTheTable) {
  Use("acme", "ada", 14 * 24, 100);
  Run();
  Count("acme", "ada", 4'800);  // two days' worth, since
  const BudgetForecast forecast = *Usage("acme", "ada", &table_).at("user-month").forecast;
  EXPECT_NEAR(static_cast<double>(forecast.exhausted_at_us), kNow + 4.0 * kDayUs, 1e6);
  const TableAway away;
  EXPECT_EQ(Usage("acme", "ada", &away).at("user-month").used, 38'400);
  EXPECT_FALSE(Usage("acme", "ada", &away).at("user-month").forecast.has_value());
  EXPECT_FALSE(Usage("acme", "ada", nullptr).at("user-month").forecast.has_value());
  // Nor does it believe bytes that nobody here wrote.
  const std::string key =
      "{p" + std::to_string(PartitionOf("acme", store_.store().partitions())) + "}f";
  std::vector<AppliedLimit> applied;
  policy_->Match({"acme", "search", "", "ada", "", "big", {}}, "big", &applied);
  ASSERT_EQ(applied[0].limit->id, "user-month");
  ASSERT_EQ(
      redis_.Command({"HSET", key, std::string(applied[0].counter.view()), "\xff\xfe"}).integer, 0);
  EXPECT_FALSE(Usage("acme", "ada", &table_).at("user-month").forecast.has_value());
  EXPECT_TRUE(Usage("acme", "ada", &table_).at("team-month").forecast.has_value());
}

TEST_P(ForecastRoundTest, AnExceptionGivesMoreTime) {
  Use("acme", "ada", 14 * 24, 100);
  Raise raise;
  raise.exception_id = "x";
  raise.limit_id = "user-month";
  raise.scope = {{Dimension{DimensionKind::kUser, ""}, "ada"}};
  raise.amount = 80'000;
  raise.until_us = kMonthEnds;
  EXPECT_EQ(Run().ending.size(), 1U);
  policies_ = policies_->WithRaises("acme", {raise});
  EXPECT_EQ(Run().ending.size(), 0U);
}

TEST_P(ForecastRoundTest, AnotherPolicyIsMeasuredAtOnceAndOldEntriesGo) {
  Use("acme", "ada", 14 * 24, 100);
  EXPECT_EQ(Run().counters, 4);
  policies_ = std::make_shared<const PolicySet>(*ParsePolicy(R"(
defaults: {on_outage: deny}
limits:
  - {id: small-month, per: [user], unit: usd, amount: 0.00004, window: month}
)",
                                                             "other.yaml"));
  const ForecastResult result = Run();
  EXPECT_EQ(result.counters, 1);
  // What the two have in common is one counter: it went on.
  EXPECT_EQ(Names(result.ending), "small-month{org=acme, user=ada} ");
  EXPECT_FALSE(Usage("acme", "ada", &table_).at("team-month").forecast.has_value());
}

TEST_P(ForecastRoundTest, ThePaceIsOfTheLastFullHourAndStaysWhileTheLedgerIsAway) {
  Use("acme", "ada", 14 * 24, 100);
  EXPECT_EQ(Run().ending.at(0).forecast.measured_at_us, kMidMonthUs);
  // An hour later, and nobody can say what was used.
  const int64_t later = kNow + kPaceHourUs;
  store_.SetNow(later);
  Must("ALTER TABLE rollup_hour RENAME TO taken_away");
  const ForecastResult blind = Run(later);
  EXPECT_EQ(blind.unread.size(), 1U);
  EXPECT_EQ(blind.ending.at(0).forecast.measured_at_us, kMidMonthUs);
  EXPECT_TRUE(Usage("acme", "ada", &table_).at("user-month").forecast.has_value());
  Must("ALTER TABLE taken_away RENAME TO rollup_hour");
  const ForecastResult again = Run(later);
  EXPECT_EQ(again.unread.size(), 0U);
  EXPECT_EQ(again.ending.at(0).forecast.measured_at_us, kMidMonthUs + kPaceHourUs);
  // Not before the ledger has had time to get the hour's charges.
  store_.SetNow(later + kPaceHourUs - 240'000'000);
  EXPECT_EQ(Run(later + kPaceHourUs - 240'000'000).ending.at(0).forecast.measured_at_us,
            kMidMonthUs + kPaceHourUs);
}

// As after a restart: this process knows nothing of acme, and cannot find out.
TEST_P(ForecastRoundTest, AnOrgThatCannotBeReadHoldsUpNoOther) {
  Use("acme", "ada", 14 * 24, 100);
  Use("globex", "ada", 14 * 24, 100);
  Run();
  const int64_t later = kNow + kPaceHourUs;
  store_.SetNow(later);
  // Of acme's rows none can be read: a division by zero, or nothing where a number is expected.
  Quantities("quantity / (CASE WHEN org = 'acme' THEN 0 ELSE 1 END)");
  ForecastRound fresh(db_.get(), &store_.store(), &table_);
  const auto measured = [&](const std::string& org) {
    const auto forecast = Usage(org, "ada", &table_).at("user-month").forecast;
    return forecast.has_value() ? forecast->measured_at_us : 0;
  };
  const auto run = [&](int64_t now_us) {
    store_.SetNow(now_us);
    const auto result = fresh.Run(*policies_, now_us, absl::Now() + absl::Seconds(30));
    EXPECT_TRUE(result.ok()) << result.status();
    return *result;
  };
  ForecastResult result = run(later);
  ASSERT_EQ(result.unread.size(), 1U);
  EXPECT_NE(result.unread.at("acme"), "");
  EXPECT_EQ(Names(result.ending), "user-month{org=globex, user=ada} ");
  // What the table had of it stays, for some hours.
  EXPECT_EQ(measured("acme"), kMidMonthUs);
  EXPECT_EQ(measured("globex"), kMidMonthUs + kPaceHourUs);
  run(kNow + ForecastRound::kOldestPaceUs);
  EXPECT_EQ(measured("acme"), kMidMonthUs);
  run(kNow + ForecastRound::kOldestPaceUs + kPaceHourUs);
  EXPECT_EQ(measured("acme"), 0);
  EXPECT_EQ(measured("globex"), kMidMonthUs + ForecastRound::kOldestPaceUs + kPaceHourUs);
  Readable();
  result = run(kNow + ForecastRound::kOldestPaceUs + kPaceHourUs);
  EXPECT_EQ(result.unread.size(), 0U);
  EXPECT_EQ(measured("acme"), kMidMonthUs + ForecastRound::kOldestPaceUs + kPaceHourUs);
}

// What this process knows itself is forgotten as late as what the table has.
TEST_P(ForecastRoundTest, APaceThatIsTooOldIsNone) {
  Use("acme", "ada", 14 * 24, 100);
  Run();
  Quantities("quantity / (CASE WHEN org = 'acme' THEN 0 ELSE 1 END)");
  const auto counters_at = [&](int64_t now_us) {
    store_.SetNow(now_us);
    return Run(now_us).counters;
  };
  EXPECT_EQ(counters_at(kNow + ForecastRound::kOldestPaceUs), 4);
  EXPECT_EQ(counters_at(kNow + ForecastRound::kOldestPaceUs + kPaceHourUs), 0);
}

TEST_P(ForecastRoundTest, AnOrgThatTakesTooLongLeavesTheOthersTheirTime) {
  Use("acme", "ada", 14 * 24, 100);
  Use("globex", "ada", 14 * 24, 100);
  // Longer than any of these rounds.
  Quantities(
      "quantity + (CASE WHEN org = 'acme' THEN (WITH RECURSIVE numbers(i) AS (SELECT 1 UNION "
      "ALL SELECT i + 1 FROM numbers WHERE i < 1000000000) SELECT MAX(i) FROM numbers) "
      "ELSE 0 END)");
  const absl::Time began = absl::Now();
  const auto result = round_.Run(*policies_, kNow, began + absl::Seconds(4));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(absl::Now() - began, absl::Seconds(3));
  ASSERT_EQ(result->unread.size(), 1U);
  EXPECT_EQ(result->unread.count("acme"), 1U);
  EXPECT_EQ(Names(result->ending), "user-month{org=globex, user=ada} ");
  EXPECT_TRUE(Usage("globex", "ada", &table_).at("user-month").forecast.has_value());
  EXPECT_FALSE(Usage("acme", "ada", &table_).at("user-month").forecast.has_value());
}

TEST_P(ForecastRoundTest, TheMostUrgentOnesAreFewAndInOrder) {
  for (int i = 0; i < 105; ++i) Use("org" + std::to_string(i), "ada", 30, 100 + i);
  const ForecastResult result = Run();
  EXPECT_EQ(result.urgent.size(), ForecastRound::kMostUrgent);
  EXPECT_TRUE(std::is_sorted(result.urgent.begin(), result.urgent.end(),
                             [](const LimitForecast& a, const LimitForecast& b) {
                               const auto ends = [](const LimitForecast& f) {
                                 return f.forecast.exhausted_at_us == 0
                                            ? INT64_MAX
                                            : f.forecast.exhausted_at_us;
                               };
                               return ends(a) < ends(b);
                             }));
  // Of a person's there are as many, and more urgent.
  for (const LimitForecast& one : result.urgent) EXPECT_NE(one.limit_id, "user-month");
  EXPECT_EQ(result.counters, 420);
}

QP_OVER_BOTH_DATABASES(ForecastRoundTest);

}  // namespace
}  // namespace quotaplane
