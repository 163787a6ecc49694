// P5: counters come back from the ledger after a loss of the store, new limits learn of the period
// so far, each once; and the continuous check sees what does not balance.
#include "libs/ledger/seeding.h"

#include <set>
#include <thread>

#include "libs/base/await.h"
#include "libs/base/error.h"
#include "libs/ledger/book_watch.h"
#include "libs/ledger/orgs.h"
#include "libs/ledger/redis/book_marks.h"
#include "libs/ledger/redis/outbox_depth.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

constexpr char kOneMore[] =
    "  - {id: project-month, per: [project], unit: usd, amount: 1, window: month}\n";

class SeedingTest : public BooksFixture {
 protected:
  SeedingTest()
      : marks_(reader_.client.get(), store_.store().partitions()),
        seeding_(&books_, &marks_, db_.get(), "tester"),
        with_more_(*ParsePolicy(std::string(kBooksPolicy) + kOneMore, "policy.yaml")) {}

  Seeded Seed(const std::shared_ptr<const Policy>& policy) {
    const auto seeded = seeding_.Seed(PolicySet(policy), absl::Now() + absl::Seconds(20));
    EXPECT_TRUE(seeded.ok()) << seeded.status();
    return seeded.value_or(Seeded());
  }
  // Settles what waits for it.
  void Settle(const std::shared_ptr<const Policy>& policy) {
    for (const auto& [partition, mark] : Seed(policy).unsettled) {
      const absl::Status settled =
          seeding_.Settle(PolicySet(policy), partition, mark, absl::Now() + absl::Seconds(20));
      EXPECT_TRUE(settled.ok()) << settled;
    }
    EXPECT_TRUE(Seed(policy).unsettled.empty());
  }
  int64_t DriftingBy(const Policy& policy) {
    const auto lines = books_.Compare("acme", policy, absl::Seconds(20));
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.ok() ? Drifting(*lines) : -1;
  }
  // Moves a counter behind the ledger's back.
  void Disturb(const BookLine& line, int64_t by) {
    AdjustCall call;
    call.key = {"acme", "disturb"};
    call.fingerprint = 1;
    CounterUse use;
    use.counter = line.digest;
    use.window = line.spec;
    use.charge = by;
    use.happened_at_us = line.at_us;
    call.uses.push_back(use);
    const auto moved = Await<AdjustResult>([&](StoreCallback<AdjustResult> done) {
      store_.store().Adjust(call, std::chrono::steady_clock::now() + std::chrono::seconds(5),
                            std::move(done));
    });
    ASSERT_TRUE(moved.ok()) << moved.status();
  }

  RedisBookMarks marks_;
  Seeding seeding_;
  const std::shared_ptr<const Policy> with_more_;
};
QP_OVER_BOTH_DATABASES(SeedingTest);

TEST_P(SeedingTest, ANewLimitIsFilledOnce) {
  const auto worker = Worker();
  for (int i = 0; i < 40; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(40));
  EXPECT_EQ(Seed(policy_).counters, 0);  // nothing was wrong, and now that is known
  EXPECT_EQ(DriftingBy(*with_more_), 1);
  const Seeded seeded = Seed(with_more_);
  EXPECT_EQ(seeded.counters, 1);
  EXPECT_EQ(DriftingBy(*with_more_), 0);
  EXPECT_EQ(Seed(with_more_).orgs, 0);
}

TEST_P(SeedingTest, ALimitThatWasAwayMeanwhileIsFilledAgain) {
  const auto worker = Worker();
  for (int i = 0; i < 10; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(10));
  Seed(with_more_);
  Seed(policy_);
  Charge(ChargeOf(10));  // not on the limit that is not there
  EXPECT_TRUE(Reaches(11));
  EXPECT_EQ(Seed(with_more_).counters, 1);
  EXPECT_EQ(DriftingBy(*with_more_), 0);
}

TEST_P(SeedingTest, WhatTheOldPolicyChargedMeanwhileIsAddedByTheSecondPass) {
  const auto worker = Worker();
  for (int i = 0; i < 10; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(10));
  Settle(policy_);
  Seed(with_more_);
  Charge(ChargeOf(10));  // by a replica that has the old policy
  EXPECT_EQ(DriftingBy(*with_more_), 1);
  Settle(with_more_);
  EXPECT_EQ(DriftingBy(*with_more_), 0);
}

TEST_P(SeedingTest, WhoeverIsKilledBeforeTheSecondPassLeavesItToTheNext) {
  const auto worker = Worker();
  for (int i = 0; i < 10; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(10));
  Settle(policy_);
  Disturb(Compare()[0], 3);
  EXPECT_EQ(Seed(with_more_).counters, 1);
  Charge(ChargeOf(10));  // by a replica that has the old policy
  EXPECT_TRUE(Reaches(11));
  EXPECT_EQ(DriftingBy(*with_more_), 2);
  // Another process, which knows nothing of this one but what stands in the marks.
  Seeding next(&books_, &marks_, db_.get(), "next");
  BookWatchOptions options;
  options.owner = "next";
  options.tick = absl::Milliseconds(10);
  options.settle_after = absl::Milliseconds(50);
  const BookWatch watch(
      &books_, &next, &marks_, db_.get(),
      [&] { return std::make_shared<const PolicySet>(with_more_); }, options);
  EXPECT_TRUE(
      fixtures::PollUntil(absl::Seconds(20), [&] { return Seed(with_more_).unsettled.empty(); }));
  // The drift of a limit that was settled is still shown.
  EXPECT_EQ(DriftingBy(*with_more_), 1);
}

TEST_P(SeedingTest, WhatWasFilledSinceIsNotSettledByAnEarlierMark) {
  const auto worker = Worker();
  Charge(ChargeOf(0));
  EXPECT_TRUE(Reaches(1));
  const Seeded early = Seed(policy_);
  const Seeded late = Seed(with_more_);
  EXPECT_EQ(late.unsettled.size(), early.unsettled.size());
  for (const auto& [partition, mark] : early.unsettled) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    EXPECT_TRUE(seeding_.Settle(PolicySet(policy_), partition, mark, deadline).ok());
  }
  EXPECT_EQ(Seed(with_more_).unsettled, late.unsettled);
}

TEST_P(SeedingTest, ALossIsNoticedAndCountersComeBack) {
  const auto worker = Worker();
  for (int i = 0; i < 40; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(40));
  Seed(policy_);
  redis_.Command({"FLUSHALL"});
  Charge(ChargeOf(40));
  EXPECT_TRUE(Reaches(41));
  EXPECT_GT(DriftingBy(*policy_), 5);
  EXPECT_GT(Seed(policy_).counters, 5);
  ExpectBalance();
}

TEST_P(SeedingTest, ADriftOfOtherLimitsIsNotHidden) {
  const auto worker = Worker();
  for (int i = 0; i < 10; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(10));
  Settle(policy_);
  Disturb(Compare()[0], 3);
  EXPECT_EQ(DriftingBy(*policy_), 1);
  Settle(with_more_);
  EXPECT_EQ(DriftingBy(*with_more_), 1);
}

TEST_P(SeedingTest, ALedgerThatIsBehindIsNotFilledFrom) {
  {
    const auto worker = Worker();
    Charge(ChargeOf(1));
    EXPECT_TRUE(Reaches(1));
  }
  Charge(ChargeOf(2));
  const auto early = seeding_.Seed(PolicySet(policy_), absl::Now() + absl::Milliseconds(100));
  EXPECT_FALSE(early.ok());
  const auto worker = Worker();
  EXPECT_EQ(Seed(policy_).orgs, 1);
  ExpectBalance();
}

TEST_P(SeedingTest, TwoAtOnceMoveACounterOnce) {
  const auto worker = Worker();
  for (int i = 0; i < 20; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(20));
  redis_.Command({"FLUSHALL"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Seeding other(&books_, &marks_, db_.get(), "other-" + std::to_string(i));
      const auto rebuilt = other.Rebuild("acme", *policy_, nullptr, absl::Seconds(20));
      EXPECT_TRUE(rebuilt.ok()) << rebuilt.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectBalance();
}

TEST_P(SeedingTest, WhoeverComesSecondIsToldSo) {
  const int partition = marks_.PartitionOfOrg("acme");
  ASSERT_TRUE(*marks_.Take(partition, "repair", "somebody", absl::Minutes(1)));
  const auto rebuilt = seeding_.Rebuild("acme", *policy_, nullptr, absl::Milliseconds(20));
  EXPECT_EQ(ReasonOf(rebuilt.status()), "REPAIR_CONFLICT") << rebuilt.status();
  ASSERT_TRUE(marks_.Give(partition, "repair", "nobody").ok());
  EXPECT_FALSE(*marks_.Take(partition, "repair", "me", absl::Minutes(1)));
  EXPECT_FALSE(*marks_.Keep(partition, "repair", "me", absl::Minutes(1)));
  ASSERT_TRUE(marks_.Give(partition, "repair", "somebody").ok());
  EXPECT_TRUE(seeding_.Rebuild("acme", *policy_, nullptr, absl::Seconds(5)).ok());
}

TEST_P(SeedingTest, AMarkGoesWithTheCounters) {
  ASSERT_TRUE(*marks_.Replace(3, "", "s1"));
  EXPECT_FALSE(*marks_.Replace(3, "", "b"));
  EXPECT_EQ((*marks_.ReadAll())[3], "s1");
  redis_.Command({"FLUSHALL"});
  EXPECT_FALSE(*marks_.Replace(3, "s1", "b"));
}

TEST_P(SeedingTest, TheWatchSeesADriftAndFillsALoss) {
  const auto worker = Worker();
  for (int i = 0; i < 20; ++i) Charge(ChargeOf(i));
  EXPECT_TRUE(Reaches(20));
  Settle(policy_);  // so that the watch has nothing to fill, nor to fill once more
  BookWatchOptions options;
  options.owner = "watcher";
  options.tick = absl::Milliseconds(10);
  options.round_every = absl::Milliseconds(10);
  options.rest = 0;
  options.settle_after = absl::Milliseconds(10);
  BookWatch watch(
      &books_, &seeding_, &marks_, db_.get(),
      [&] { return std::make_shared<const PolicySet>(policy_); }, options);
  const auto drifting = [&] {
    int64_t counters = 0;
    for (const auto& [unit, drift] : watch.state().drift) counters += drift.counters;
    return counters;
  };
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return watch.state().counters > 8; }));
  EXPECT_EQ(drifting(), 0);
  EXPECT_EQ(watch.state().unknown_orgs, 0);
  const std::vector<BookLine> lines = Compare();
  const auto usd = std::find_if(lines.begin(), lines.end(),
                                [](const BookLine& line) { return line.unit == "usd"; });
  ASSERT_NE(usd, lines.end());
  Disturb(*usd, 7);
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return drifting() == 1; }));
  EXPECT_EQ(watch.state().drift["usd"].sum, 7);
  EXPECT_EQ(watch.state().drift["usd"].max, 7);
  // A loss takes the drift along, and is filled.
  redis_.Command({"FLUSHALL"});
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return DriftingBy(*policy_) == 0; }));
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return drifting() == 0; }));
}

TEST_P(SeedingTest, OnlyOneWatches) {
  BookWatchOptions options;
  options.tick = absl::Milliseconds(10);
  options.owner = "one";
  const auto policies = [&] { return std::make_shared<const PolicySet>(policy_); };
  auto one = std::make_unique<BookWatch>(&books_, &seeding_, &marks_, db_.get(), policies, options);
  ASSERT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return one->state().watching; }));
  options.owner = "two";
  const BookWatch two(&books_, &seeding_, &marks_, db_.get(), policies, options);
  EXPECT_FALSE(fixtures::PollUntil(absl::Milliseconds(200), [&] { return two.state().watching; }));
  one.reset();  // gives the lease back
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(20), [&] { return two.state().watching; }));
}

TEST_P(SeedingTest, OrgsAreListedInPages) {
  std::vector<SettledCharge> charges;
  for (int i = 0; i < 2'500; ++i) {
    SettledCharge charge = SettledOf(i);
    charge.charge.subject.org = "org-" + std::to_string(i % 2'300);
    charges.push_back(std::move(charge));
  }
  ASSERT_TRUE(writer_.Write(charges, 1).ok());
  const auto all = ListAllOrgs(*db_);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(std::set<std::string>(all->begin(), all->end()).size(), 2'300u);
  EXPECT_EQ(all->size(), 2'300u);
  EXPECT_EQ(ListOrgs(*db_, "", 7)->size(), 7u);
}

TEST_P(SeedingTest, WhatWaitsIsCounted) {
  const auto depth = [&] {
    return *ReadOutboxDepth(*reader_.client, store_.store().partitions(), absl::Seconds(5));
  };
  EXPECT_EQ(depth().messages, 0);
  EXPECT_EQ(depth().oldest_age_us, 0);
  for (int i = 0; i < 3; ++i) Charge(ChargeOf(i));
  EXPECT_EQ(depth().messages, 3);
  EXPECT_TRUE(fixtures::PollUntil(absl::Seconds(5), [&] { return depth().oldest_age_us > 0; }));
  redis_.Command({"XADD", "{p5}q", "*", "r", "x"});
  EXPECT_EQ(depth().quarantined, 1);
  const auto worker = Worker();
  EXPECT_TRUE(Reaches(3));
  EXPECT_EQ(depth().messages, 0);
}

}  // namespace
}  // namespace quotaplane
