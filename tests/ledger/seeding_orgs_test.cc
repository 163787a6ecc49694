// P5 where orgs have policies of their own: what is new for one org is filled for that org alone.
#include <gmock/gmock.h>

#include "libs/ledger/book_watch.h"
#include "libs/ledger/redis/book_marks.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

constexpr char kProjectMonth[] =
    "  - {id: project-month, per: [project], unit: usd, amount: 1, window: month}\n";
constexpr char kProjectEver[] =
    "  - {id: project-ever, per: [project], unit: total_tokens, amount: 1, window: lifetime}\n";

class SeedingOrgsTest : public BooksFixture {
 protected:
  SeedingOrgsTest()
      : marks_(reader_.client.get(), store_.store().partitions()),
        seeding_(&books_, &marks_, db_.get(), "tester"),
        policies_(std::make_shared<const PolicySet>(policy_)) {}

  static std::shared_ptr<const Policy> With(const std::string& more) {
    return *ParsePolicy(std::string(kBooksPolicy) + more, "policy.yaml");
  }
  // The i-th charge of the org, by the policies in force.
  void ChargeTo(const std::string& org, int i) { ChargeBy(*policies_, org, i); }
  void ChargeBy(const PolicySet& policies, const std::string& org, int i) {
    ChargeRecord record = ChargeOf(i);
    record.subject.org = org;
    record.id += "-" + org;
    CommitCall call;
    call.key = {org, record.id};
    call.usage_fingerprint = UsageFingerprint(record);
    call.cost_nano_usd = record.cost_nano_usd;
    call.ledger_record = codec_.Encode(record);
    call.uses = ChargesOf(*policies.For(org).policy, record, record.subject.model);
    const absl::StatusOr<CommitResult> result = store_.Commit(std::move(call));
    ASSERT_TRUE(result.ok()) << result.status();
  }
  void ChargeBoth(int from, int to) {
    for (int i = from; i < to; ++i) {
      ChargeTo("acme", i);
      ChargeTo("globex", i);
    }
  }
  Seeded Seed() {
    const auto seeded = seeding_.Seed(*policies_, absl::Now() + absl::Seconds(20));
    EXPECT_TRUE(seeded.ok()) << seeded.status();
    return seeded.value_or(Seeded());
  }
  // Settles what waits for it.
  void Settle() {
    for (const auto& [partition, mark] : Seed().unsettled) {
      const absl::Status settled =
          seeding_.Settle(*policies_, partition, mark, absl::Now() + absl::Seconds(20));
      EXPECT_TRUE(settled.ok()) << settled;
    }
    EXPECT_TRUE(Seed().unsettled.empty());
  }
  int64_t DriftingBy(const std::string& org, const Policy& policy) {
    const auto lines = books_.Compare(org, policy, absl::Seconds(20));
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.ok() ? Drifting(*lines) : -1;
  }
  // By its own policy.
  int64_t DriftOf(const std::string& org) { return DriftingBy(org, *policies_->For(org).policy); }

  RedisBookMarks marks_;
  Seeding seeding_;
  std::shared_ptr<const PolicySet> policies_;
};
QP_OVER_BOTH_DATABASES(SeedingOrgsTest);

TEST_P(SeedingOrgsTest, WhatIsNewInAnOwnPolicyIsFilledForThatOrgAlone) {
  const auto worker = Worker();
  ChargeBoth(0, 10);
  EXPECT_TRUE(Reaches(20));
  Seed();
  const auto own = With(kProjectMonth);
  policies_ = policies_->WithPolicy("acme", 1, own);
  EXPECT_EQ(DriftOf("acme"), 1);
  const Seeded seeded = Seed();
  EXPECT_EQ(seeded.orgs, 1);
  EXPECT_EQ(seeded.counters, 1);
  EXPECT_EQ(DriftOf("acme"), 0);
  EXPECT_EQ(DriftOf("globex"), 0);
  // Nobody counts it for the other org, and nobody has filled it there.
  EXPECT_EQ(DriftingBy("globex", *own), 1);
  EXPECT_EQ(Seed().orgs, 0);
  // The same policy for the other org is new for the other org.
  policies_ = policies_->WithPolicy("globex", 1, own);
  EXPECT_EQ(Seed().counters, 1);
  EXPECT_EQ(DriftOf("globex"), 0);
}

TEST_P(SeedingOrgsTest, AnOrgThatGoesFromTheDefaultToItsOwnKeepsItsCounts) {
  const auto worker = Worker();
  ChargeBoth(0, 10);
  EXPECT_TRUE(Reaches(20));
  Seed();
  // The same limits: what was counted under the default policy stands.
  policies_ = policies_->WithPolicy("acme", 1, With(""));
  EXPECT_EQ(DriftOf("acme"), 0);
  EXPECT_EQ(Seed().counters, 0);
  ChargeBoth(10, 12);
  EXPECT_TRUE(Reaches(24));
  EXPECT_EQ(DriftOf("acme"), 0);
  // Another version of it: only what that has more.
  policies_ = policies_->WithPolicy("acme", 2, With(std::string(kProjectMonth) + kProjectEver));
  EXPECT_EQ(Seed().counters, 2);
  EXPECT_EQ(DriftOf("acme"), 0);
}

TEST_P(SeedingOrgsTest, AnOrgThatComesBackIsFilledWithWhatTheDefaultCounted) {
  const auto worker = Worker();
  policies_ = policies_->WithDefault(With(kProjectMonth))->WithPolicy("acme", 1, With(""));
  ChargeBoth(0, 5);
  EXPECT_TRUE(Reaches(10));
  Seed();
  ChargeBoth(5, 10);  // acme's own policy does not count projects
  EXPECT_TRUE(Reaches(20));
  policies_ = policies_->WithoutPolicy("acme");
  EXPECT_EQ(DriftOf("acme"), 1);
  const Seeded seeded = Seed();
  EXPECT_EQ(seeded.orgs, 1);
  EXPECT_EQ(seeded.counters, 1);
  EXPECT_EQ(DriftOf("acme"), 0);
  EXPECT_EQ(DriftOf("globex"), 0);
  EXPECT_EQ(Seed().orgs, 0);
}

TEST_P(SeedingOrgsTest, WhatIsNewInTheDefaultIsFilledForThoseUnderIt) {
  const auto worker = Worker();
  policies_ = policies_->WithPolicy("acme", 1, With(""));
  ChargeBoth(0, 5);
  EXPECT_TRUE(Reaches(10));
  Seed();
  const auto next = With(kProjectMonth);
  policies_ = policies_->WithDefault(next);
  const Seeded seeded = Seed();
  EXPECT_EQ(seeded.orgs, 1);
  EXPECT_EQ(DriftOf("globex"), 0);
  EXPECT_EQ(DriftingBy("acme", *next), 1);
}

TEST_P(SeedingOrgsTest, TheSecondPassGoesToTheSameOrg) {
  const auto worker = Worker();
  ChargeBoth(0, 5);
  EXPECT_TRUE(Reaches(10));
  Settle();
  const auto before = policies_;
  policies_ = policies_->WithPolicy("acme", 1, With(kProjectMonth));
  EXPECT_EQ(Seed().counters, 1);
  ChargeBy(*before, "acme", 5);  // by a replica that has the policy of before
  EXPECT_EQ(DriftOf("acme"), 1);
  Settle();
  EXPECT_EQ(DriftOf("acme"), 0);
}

TEST_P(SeedingOrgsTest, TheSecondPassGoesToAnOrgThatCameBack) {
  const auto worker = Worker();
  policies_ = policies_->WithDefault(With(kProjectMonth))->WithPolicy("acme", 1, With(""));
  ChargeBoth(0, 5);
  EXPECT_TRUE(Reaches(10));
  Settle();
  const auto before = policies_;
  policies_ = policies_->WithoutPolicy("acme");
  EXPECT_EQ(Seed().counters, 1);
  ChargeBy(*before, "acme", 5);
  EXPECT_TRUE(Reaches(11));
  EXPECT_EQ(DriftOf("acme"), 1);
  EXPECT_EQ(Seed().orgs, 0);  // it was filled, and waits
  Settle();
  EXPECT_EQ(DriftOf("acme"), 0);
}

TEST_P(SeedingOrgsTest, ALossIsFilledForEachByItsOwnPolicy) {
  const auto worker = Worker();
  policies_ = policies_->WithPolicy("acme", 1, With(kProjectMonth));
  ChargeBoth(0, 10);
  EXPECT_TRUE(Reaches(20));
  Seed();
  redis_.Command({"FLUSHALL"});
  ChargeBoth(10, 11);
  EXPECT_TRUE(Reaches(22));
  EXPECT_GT(DriftOf("acme"), 5);
  EXPECT_GT(DriftOf("globex"), 5);
  EXPECT_EQ(Seed().orgs, 2);
  EXPECT_EQ(DriftOf("acme"), 0);
  EXPECT_EQ(DriftOf("globex"), 0);
}

TEST_P(SeedingOrgsTest, TheWatchComparesEachByItsOwnPolicy) {
  const auto worker = Worker();
  const char kOther[] =
      "defaults: {on_outage: deny}\n"
      "limits: [{id: requests-ever, per: [user], unit: requests, amount: 9, window: lifetime}]";
  policies_ = policies_->WithPolicy("acme", 1, *ParsePolicy(kOther, "policy.yaml"));
  ChargeBoth(0, 10);
  EXPECT_TRUE(Reaches(20));
  Seed();
  BookWatchOptions options;
  options.owner = "watcher";
  options.tick = absl::Milliseconds(10);
  options.round_every = absl::Milliseconds(10);
  options.rest = 0;
  const BookWatch watch(
      &books_, &seeding_, &marks_, db_.get(), [this] { return policies_; }, options);
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return watch.state().orgs == 2; }));
  const BookState state = watch.state();
  EXPECT_EQ(state.unknown_orgs, 0);
  EXPECT_TRUE(state.filled);
  int64_t lines = 0;
  for (const char* org : {"acme", "globex"}) {
    const auto books = books_.Compare(org, *policies_->For(org).policy, absl::Seconds(20));
    ASSERT_TRUE(books.ok()) << books.status();
    lines += static_cast<int64_t>(books->size());
  }
  EXPECT_EQ(state.counters, lines);
  for (const auto& [unit, drift] : state.drift) EXPECT_EQ(drift.counters, 0) << unit;
  EXPECT_TRUE(state.drift.contains("requests"));
  EXPECT_EQ(CountCompared(*policies_), 5);
}

TEST(NewFamiliesTest, AreFoundForWhomTheyAreNew) {
  const auto parse = [](const std::string& limits) {
    return *ParsePolicy("defaults: {on_outage: deny}\nlimits: [" + limits + "]", "policy.yaml");
  };
  const auto none = parse("");
  const auto day = parse("{id: d, per: [user], unit: usd, amount: 1, window: day}");
  const auto day_higher = parse("{id: e, per: [user], unit: usd, amount: 2, window: day}");
  const auto minute = parse("{id: m, per: [user], unit: usd, amount: 1, window: 60s}");
  const auto of_none = std::make_shared<const PolicySet>(none);
  const auto of_day = std::make_shared<const PolicySet>(day);
  EXPECT_TRUE(HasNewFamilies(*of_day, *of_none));
  EXPECT_FALSE(HasNewFamilies(*of_none, *of_day));
  EXPECT_FALSE(HasNewFamilies(*of_day->WithDefault(day_higher), *of_day));
  EXPECT_FALSE(HasNewFamilies(*of_none->WithDefault(minute), *of_none));
  EXPECT_TRUE(HasNewFamilies(*of_none->WithPolicy("acme", 1, day), *of_none));
  EXPECT_FALSE(HasNewFamilies(*of_day->WithPolicy("acme", 1, day_higher), *of_day));
  EXPECT_FALSE(HasNewFamilies(*of_day->WithPolicy("acme", 1, none), *of_day));
  // Back to the default.
  EXPECT_TRUE(HasNewFamilies(*of_day, *of_day->WithPolicy("acme", 1, none)));
  EXPECT_FALSE(HasNewFamilies(*of_none, *of_none->WithPolicy("acme", 1, day)));
}

}  // namespace
}  // namespace quotaplane
