#include "libs/ledger/book_watch.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/time/clock.h"
#include "libs/ledger/orgs.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr char kLease[] = "watch";
constexpr int kLeasePartition = 0;
constexpr absl::Duration kLeaseTime = absl::Seconds(15);
constexpr absl::Duration kSeedPatience = absl::Minutes(10);

int64_t Plus(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

// Every unit that is compared has a sum, be it 0.
void AddUnits(const Policy& policy, BookState* state) {
  const Families compared = ComparedFamilies(policy);
  const std::vector<Limit>& limits = policy.document().limits;
  for (size_t i = 0; i < limits.size(); ++i) {
    if (compared.contains(policy.family(i))) state->drift[limits[i].unit.ToString()];
  }
}

void Tell(const Seeded& seeded) {
  if (seeded.orgs == 0) return;
  LogInfo("{} counters of {} orgs were filled from the ledger", seeded.counters, seeded.orgs);
}

}  // namespace

BookWatch::BookWatch(Books* books, Seeding* seeding, BookMarks* marks, sql::Database* database,
                     PoliciesOf policies, BookWatchOptions options)
    : books_(books),
      seeding_(seeding),
      marks_(marks),
      database_(database),
      policies_(std::move(policies)),
      options_(std::move(options)),
      thread_([this] { Run(); }) {}

BookWatch::~BookWatch() {
  stop_.Notify();
  thread_.join();
}

BookState BookWatch::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

absl::Status BookWatch::SeedAhead(const PolicySet& policies, absl::Duration patience) {
  const absl::StatusOr<Seeded> seeded = seeding_->Seed(policies, absl::Now() + patience);
  if (!seeded.ok()) return seeded.status();
  Tell(*seeded);
  return absl::OkStatus();
}

void BookWatch::Run() {
  while (!stop_.WaitForNotificationWithTimeout(
      in_round_ ? std::clamp(rest_until_ - absl::Now(), absl::ZeroDuration(), options_.tick)
                : options_.tick)) {
    const std::shared_ptr<const PolicySet> policies = policies_();
    // Without limits whose books could be compared there is nothing to watch, and no say in what
    // those who have some should do.
    if (CountCompared(*policies) == 0 || !IsMine()) {
      in_round_ = false;
      unsettled_.clear();
      absl::MutexLock lock(&mutex_);
      state_ = BookState();
      continue;
    }
    Fill(*policies);
    if (absl::Now() < rest_until_) continue;
    if (!in_round_ && absl::Now() - round_began_ >= options_.round_every) BeginRound(*policies);
    if (in_round_) CompareNext(*policies);
  }
  marks_->Give(kLeasePartition, kLease, options_.owner).IgnoreError();
}

bool BookWatch::IsMine() {
  return marks_->Take(kLeasePartition, kLease, options_.owner, kLeaseTime).value_or(false);
}

void BookWatch::Fill(const PolicySet& policies) {
  const absl::StatusOr<Seeded> seeded = seeding_->Seed(policies, absl::Now() + kSeedPatience);
  {
    absl::MutexLock lock(&mutex_);
    state_.watching = true;
    state_.filled = seeded.ok();
  }
  // Once for each cause, not each time.
  const std::string error = seeded.ok() ? "" : seeded.status().ToString();
  if (!error.empty() && error != last_error_ && !absl::IsCancelled(seeded.status())) {
    LogError("counters wait to be filled from the ledger: {}", error);
  }
  last_error_ = error;
  if (!seeded.ok()) return;
  Tell(*seeded);
  Settle(policies, *seeded);
}

void BookWatch::Settle(const PolicySet& policies, const Seeded& seeded) {
  const absl::Time now = absl::Now();
  std::map<int, Unsettled> waiting;
  for (const auto& [partition, mark] : seeded.unsettled) {
    const auto seen = unsettled_.find(partition);
    const bool same = seen != unsettled_.end() && seen->second.mark == mark;
    waiting[partition] = {mark, same ? seen->second.since : now};
  }
  unsettled_ = std::move(waiting);
  int done = 0;
  for (auto& [partition, waits] : unsettled_) {
    if (now - waits.since < options_.settle_after) continue;
    const absl::Status settled =
        seeding_->Settle(policies, partition, waits.mark, absl::Now() + kSeedPatience);
    if (settled.ok()) ++done;
    if (settled.ok() || absl::IsCancelled(settled)) continue;
    LogError("counters may lack what was charged as they were filled: {}", settled.ToString());
    waits.since = now;
  }
  if (done > 0) LogInfo("what was filled in {} partitions is settled", done);
}

void BookWatch::BeginRound(const PolicySet& policies) {
  round_began_ = absl::Now();
  absl::StatusOr<std::vector<std::string>> orgs = ListAllOrgs(*database_);
  if (!orgs.ok()) return;  // the next round looks again
  orgs_ = *std::move(orgs);
  next_org_ = 0;
  round_ = BookState();
  AddUnits(policies.default_policy(), &round_);
  for (const std::string& org : policies.OrgsWithOwn())
    AddUnits(*policies.For(org).policy, &round_);
  in_round_ = true;
}

void BookWatch::CompareNext(const PolicySet& policies) {
  if (next_org_ == orgs_.size()) return EndRound();
  const std::string& org = orgs_[next_org_++];
  const absl::Time began = absl::Now();
  const absl::StatusOr<std::vector<BookLine>> lines =
      books_->Compare(org, *policies.For(org).policy, options_.patience);
  rest_until_ = absl::Now() + options_.rest * (absl::Now() - began);
  ++round_.orgs;
  if (!lines.ok()) {
    ++round_.unknown_orgs;
    return;
  }
  round_.counters += static_cast<int64_t>(lines->size());
  for (const BookLine& line : *lines) {
    BookState::Drift& drift = round_.drift[line.unit];
    if (line.drift() == 0) continue;
    if (drift.counters == 0) {
      // Whose it is, `quotactl verify` tells those who may know.
      LogError("the books of {} do not balance: {} has {} somewhere, the ledger {}", org,
               line.limit_id, line.counter, line.ledger);
    }
    ++drift.counters;
    drift.sum = Plus(drift.sum, std::abs(line.drift()));
    drift.max = std::max(drift.max, std::abs(line.drift()));
  }
}

void BookWatch::EndRound() {
  in_round_ = false;
  absl::MutexLock lock(&mutex_);
  round_.watching = true;
  round_.filled = state_.filled;
  round_.checked = absl::Now();
  round_.took = absl::Now() - round_began_;
  state_ = round_;
}

}  // namespace quotaplane
