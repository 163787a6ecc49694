#include "libs/ledger/books.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/admission/charge.h"
#include "libs/base/await.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/ledger_reader.h"
#include "libs/ledger/pending_moves.h"
#include "libs/ledger/retention.h"

namespace quotaplane {
namespace {

constexpr std::chrono::seconds kStoreTimeout(5);
constexpr size_t kCountersAtOnce = 200;
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

SteadyTime StoreDeadline() { return std::chrono::steady_clock::now() + kStoreTimeout; }

bool Compared(const WindowSpec& window) { return window.kind != WindowKind::kSliding; }

int64_t PeriodStart(const WindowSpec& window, int64_t at_us) {
  return window.kind == WindowKind::kCalendar ? PeriodAt(window, at_us).start_us : 0;
}

// The ledger's sums, by counter.
class Sums {
 public:
  // Counters that are met for the first time are looked at from `default_at_us` on.
  Sums(const Policy& policy, int64_t default_at_us)
      : policy_(policy), default_at_us_(default_at_us) {}

  // Adds to each counter what it was charged from its period's start to its own `at_us`.
  absl::Status Add(const SettledCharge& charge) {
    const int64_t when = charge.settlement.occurred_at_us;
    for (const CounterUse& use : ChargesOf(policy_, charge.charge, charge.charge.subject.model)) {
      if (!Compared(*use.window)) continue;
      BookLine& line = LineOf(use, charge.charge);
      if (when >= line.period_start_us && when <= line.at_us) line.ledger += use.charge;
    }
    return absl::OkStatus();
  }

  // Adds a correction to the counters that got it: those whose period has what it corrects.
  absl::Status AddCorrection(const SettledCharge& correction, int64_t applied_at_us) {
    const int64_t when = correction.settlement.occurred_at_us;
    for (const CounterUse& use : CorrectionsOf(policy_, correction.charge)) {
      const auto found = lines_.find(use.counter);
      if (found == lines_.end()) continue;
      BookLine& line = found->second;
      if (when >= line.period_start_us && applied_at_us <= line.at_us) line.ledger += use.charge;
    }
    return absl::OkStatus();
  }

  // The counters that the charge has, as lines, without adding to them.
  void Name(const ChargeRecord& record, absl::flat_hash_set<Digest>* named) {
    for (const CounterUse& use : ChargesOf(policy_, record, record.subject.model)) {
      if (!Compared(*use.window)) continue;
      LineOf(use, record);
      named->insert(use.counter);
    }
  }

  std::vector<BookLine*> lines() {
    std::vector<BookLine*> all;
    all.reserve(lines_.size());
    for (auto& [digest, line] : lines_) all.push_back(&line);
    return all;
  }

 private:
  BookLine& LineOf(const CounterUse& use, const ChargeRecord& record) {
    auto [found, is_new] = lines_.try_emplace(use.counter);
    BookLine& line = found->second;
    if (is_new) {
      line.digest = use.counter;
      line.spec = use.window;
      line.at_us = default_at_us_;
      line.period_start_us = PeriodStart(*use.window, default_at_us_);
      Describe(record, &line);
    }
    return line;
  }

  // Which limit it is that counts there: of a subject that was charged to it.
  void Describe(const ChargeRecord& record, BookLine* line) const {
    std::vector<std::string_view> models = {record.subject.model};
    for (const ChargeLine& one : record.lines) models.push_back(one.model);
    std::vector<AppliedLimit> applied;
    for (const std::string_view model : models) {
      applied.clear();
      policy_.Match(record.subject, model, &applied);
      for (const AppliedLimit& one : applied) {
        if (!(one.counter == line->digest)) continue;
        line->limit_id = one.limit->id;
        line->scope = ScopeString(*one.limit, record.subject, model);
        line->unit = one.limit->unit.ToString();
        line->window = one.limit->window.ToString();
        return;
      }
    }
  }

  const Policy& policy_;
  const int64_t default_at_us_;
  absl::node_hash_map<Digest, BookLine> lines_;  // which stay where they are
};

// The counters of a renamed person's charge that its old name has, or its new one, and not both.
void NameBoth(const ChargeRecord& record, const std::string& user, const std::string& pseudonym,
              Sums* sums, absl::flat_hash_set<Digest>* named) {
  ChargeRecord before = record;
  before.subject = WithName(pseudonym, user, record.subject);
  if (before.subject == record.subject) return;
  absl::flat_hash_set<Digest> old_ones, new_ones;
  sums->Name(before, &old_ones);
  sums->Name(record, &new_ones);
  for (const Digest& one : old_ones) {
    if (!new_ones.contains(one)) named->insert(one);
  }
  for (const Digest& one : new_ones) {
    if (!old_ones.contains(one)) named->insert(one);
  }
}

// The start of the earliest period that is compared; the beginning of time where there are
// lifetimes.
int64_t EarliestStart(const Policy& policy, int64_t at_us) {
  int64_t earliest = at_us;
  for (const Limit& limit : policy.document().limits) {
    if (limit.unit.kind == UnitKind::kConcurrency || !Compared(limit.window)) continue;
    earliest = std::min(earliest, PeriodStart(limit.window, at_us));
  }
  return earliest;
}

absl::Status Stopped() { return absl::CancelledError("the comparison was stopped"); }

absl::Status WaitUntilEmptied(OutboxState* outbox, const std::string& org, absl::Time deadline,
                              const std::atomic<bool>& stopped) {
  QP_ASSIGN_OR_RETURN(const std::string mark, outbox->Mark(org));
  for (;;) {
    if (stopped) return Stopped();
    QP_ASSIGN_OR_RETURN(const bool emptied, outbox->EmptiedTo(org, mark));
    if (emptied) return absl::OkStatus();
    if (absl::Now() > deadline) {
      return ReasonedError(absl::StatusCode::kDeadlineExceeded, "LEDGER_BEHIND",
                           "the ledger is behind: charges still wait in the outbox");
    }
    absl::SleepFor(kLookAgain);
  }
}

absl::StatusOr<ReadResult> ReadCounters(CounterStore* store, const std::string& org,
                                        std::vector<CounterUse> uses) {
  return Await<ReadResult>([&](StoreCallback<ReadResult> done) {
    store->Read(org, std::move(uses), StoreDeadline(), std::move(done));
  });
}

struct LookedAt {
  int64_t latest_us = 0;
  bool next_period = false;  // some line's period has ended
};

// Sets what the counters of the lines say, and when.
absl::StatusOr<LookedAt> LookAtCounters(CounterStore* store, const std::string& org,
                                        const std::vector<BookLine*>& lines) {
  LookedAt looked;
  for (size_t from = 0; from < lines.size(); from += kCountersAtOnce) {
    const size_t to = std::min(from + kCountersAtOnce, lines.size());
    std::vector<CounterUse> uses;
    for (size_t i = from; i < to; ++i) {
      CounterUse use;
      use.counter = lines[i]->digest;
      use.window = lines[i]->spec;
      uses.push_back(use);
    }
    QP_ASSIGN_OR_RETURN(const ReadResult states, ReadCounters(store, org, std::move(uses)));
    for (size_t i = from; i < to; ++i) {
      lines[i]->counter = states.counters[i - from].committed;
      lines[i]->at_us = states.now_us;
      looked.next_period |=
          PeriodStart(*lines[i]->spec, states.now_us) != lines[i]->period_start_us;
    }
    looked.latest_us = std::max(looked.latest_us, states.now_us);
  }
  return looked;
}

}  // namespace

Books::Books(sql::Database* database, CounterStore* store, OutboxState* outbox)
    : database_(database), store_(store), outbox_(outbox) {}

absl::StatusOr<std::vector<BookLine>> Books::Compare(const std::string& org, const Policy& policy,
                                                     absl::Duration patience) {
  return CompareLines(org, policy, absl::Now() + patience, nullptr);
}

absl::StatusOr<std::vector<BookLine>> Books::CompareLines(const std::string& org,
                                                          const Policy& policy, absl::Time deadline,
                                                          const Renamed* renamed) {
  // What the ledger has up to now tells which counters there are.
  QP_ASSIGN_OR_RETURN(const ReadResult clock, ReadCounters(store_, org, {}));
  QP_RETURN_IF_ERROR(WaitUntilEmptied(outbox_, org, deadline, stopped_));
  QP_ASSIGN_OR_RETURN(const Kept before, ReadKept(*database_));
  const int64_t from_us = std::max(EarliestStart(policy, clock.now_us), before.entries_from_us);
  Sums sums(policy, clock.now_us);
  absl::flat_hash_set<Digest> named;
  const auto add = [&](const SettledCharge& charge) {
    if (stopped_) return Stopped();
    if (renamed != nullptr) {
      NameBoth(charge.charge, renamed->user, renamed->pseudonym, &sums, &named);
    }
    return sums.Add(charge);
  };
  QP_RETURN_IF_ERROR(StreamCharges(*database_, {org, from_us, clock.now_us}, add));

  // Then the counters, each at a time of its own, and what the ledger got meanwhile.
  std::vector<BookLine*> lines = sums.lines();
  QP_ASSIGN_OR_RETURN(const LookedAt looked, LookAtCounters(store_, org, lines));
  // A period ended in between: start over with the new one.
  if (looked.next_period) return CompareLines(org, policy, deadline, renamed);
  const int64_t latest_us = std::max(clock.now_us, looked.latest_us);
  QP_RETURN_IF_ERROR(WaitUntilEmptied(outbox_, org, deadline, stopped_));
  QP_RETURN_IF_ERROR(StreamCharges(*database_, {org, clock.now_us + 1, latest_us}, add));
  // Which corrections the counters had by then is known once those that were on their way have
  // been asked for.
  QP_RETURN_IF_ERROR(PendingMoves(database_, store_).Apply(org, policy).status());
  QP_RETURN_IF_ERROR(StreamCorrections(*database_, {org, from_us, latest_us},
                                       [&](const SettledCharge& correction, int64_t applied_at) {
                                         return sums.AddCorrection(correction, applied_at);
                                       }));

  QP_ASSIGN_OR_RETURN(const Kept kept, ReadKept(*database_));
  std::vector<BookLine> result;
  result.reserve(lines.size());
  // A counter that began after the clock was read has not been looked at.
  for (const BookLine* line : lines) {
    if (line->period_start_us < kept.entries_from_us) continue;
    if (renamed == nullptr || named.contains(line->digest)) result.push_back(*line);
  }
  std::sort(result.begin(), result.end(), [](const BookLine& a, const BookLine& b) {
    return std::tie(a.limit_id, a.scope) < std::tie(b.limit_id, b.scope);
  });
  return result;
}

absl::StatusOr<int> Books::Rename(const std::string& org, const std::string& user,
                                  const std::string& pseudonym, const Policy& policy,
                                  absl::Duration patience) {
  // These go to the pseudonym already, whose counters have nothing yet that they could take back.
  QP_RETURN_IF_ERROR(PendingMoves(database_, store_).Apply(org, policy).status());
  const Renamed renamed = {user, pseudonym};
  QP_ASSIGN_OR_RETURN(const std::vector<BookLine> lines,
                      CompareLines(org, policy, absl::Now() + patience, &renamed));
  return Repair(org, lines);
}

absl::StatusOr<int> Books::Repair(const std::string& org, const std::vector<BookLine>& lines) {
  std::vector<const BookLine*> wrong;
  for (const BookLine& line : lines) {
    if (line.drift() != 0) wrong.push_back(&line);
  }
  for (size_t from = 0; from < wrong.size(); from += kCountersAtOnce) {
    AdjustCall call;
    FieldBuffer fields;
    for (size_t i = from; i < std::min(from + kCountersAtOnce, wrong.size()); ++i) {
      CounterUse use;
      use.counter = wrong[i]->digest;
      use.window = wrong[i]->spec;
      use.charge = -wrong[i]->drift();
      // Of a period that has ended since, there is nothing to repair.
      use.happened_at_us = wrong[i]->at_us;
      call.uses.push_back(use);
      fields.Add(use.counter.view()).Add(use.charge).Add(wrong[i]->at_us);
    }
    // Named by what it repairs, so that a retry after a lost answer moves nothing twice.
    call.fingerprint = fields.digest().low64();
    call.key = {org, absl::StrCat("repair/", call.fingerprint)};
    absl::StatusOr<AdjustResult> moved;
    for (int attempt = 0; attempt < 3; ++attempt) {
      moved = Await<AdjustResult>([&](StoreCallback<AdjustResult> done) {
        store_->Adjust(call, StoreDeadline(), std::move(done));
      });
      if (moved.ok()) break;
    }
    QP_RETURN_IF_ERROR(moved.status());
  }
  return static_cast<int>(wrong.size());
}

}  // namespace quotaplane
