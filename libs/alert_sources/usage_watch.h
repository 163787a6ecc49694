// Watches what orgs use, minute by minute, out of the ledger: each org has a bank of detectors
// (libs/anomaly) that takes one minute after the other, once the ledger has everything of it.
//
// What the banks know is saved in the ledger's database every few minutes, with how far they are.
// Whoever goes on from there after a crash finds again what was found since, under the same names,
// and the alerts know that they were told. What people say of findings is saved with what it
// changed, before anything more is taken, so it is heard once. An org that is seen for the first
// time is taught by what the ledger has of its last weeks; nothing that was over an hour ago is
// told. So is an org of which a person was erased: what its bank knew by the name, it learns by the
// pseudonym.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/alerts/alert.h"
#include "libs/alerts/signal.h"
#include "libs/anomaly/series_bank.h"
#include "libs/ledger/outbox.h"
#include "libs/policy/policy_set.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct UsageWatchOptions {
  // After the end of a minute, before it is asked whether the ledger has it.
  int64_t settle_us = 1'000'000;
  int64_t save_every_us = int64_t{300} * 1'000'000;
  int64_t teach_us = int64_t{28} * 86'400 * 1'000'000;  // how much of the past a new org is taught
  size_t max_scopes = 40'000;                           // of all orgs
};

// One thread at a time.
class UsageWatch {
 public:
  // Told of what was found; it must keep them, or the round ends and what was found is found again.
  using Record = std::function<absl::Status(absl::Span<const Signal> signals)>;

  struct Stats {
    int64_t orgs = 0;
    int64_t scopes = 0;
    int64_t open_findings = 0;
    int64_t evicted_scopes = 0;
    int64_t behind_us = 0;    // of the org that is furthest behind
    int64_t lost_states = 0;  // that could not be read: those orgs were taught anew
    int64_t failed_orgs = 0;  // in the last round
  };

  // All must outlive it.
  UsageWatch(sql::Database* database, OutboxState* outbox, Record record,
             UsageWatchOptions options = {});

  struct Progress {
    bool more = false;    // there is more to do at once
    absl::Status status;  // of the orgs that failed together; the others were seen to
  };
  // Takes every org's minutes that are complete, a bounded part of them, and heeds what was said.
  // Before each org it asks `go_on`, and leaves the rest where that says false. `now_us` by the
  // store's clock.
  Progress Round(const PolicySet& policies, int64_t now_us, absl::FunctionRef<bool()> go_on);

  // What a person said of an alert, with the sequence of its feedback, which is to be in order.
  // Heeded by rounds, when the org's bank has come to the minute of the alert; what was heard
  // before, and what is of no finding that is known (any more), changes nothing. So after a Reset
  // everything is said again.
  void Say(int64_t sequence, const Alert& alert);

  // The ends of those open alerts of findings that will not end by themselves: their rule was
  // removed, or the bank knows nothing of them. Of others, and of those at which the bank is not
  // yet, nothing.
  std::vector<Signal> Ends(const PolicySet& policies, absl::Span<const Alert> alerts,
                           int64_t now_us) const;

  // Saves what is not saved. For a stop.
  absl::Status Save(int64_t now_us);

  // Forgets everything: the next round starts from what is saved. For whoever takes over.
  void Reset();

  Stats stats() const;

 private:
  struct Org {
    std::unique_ptr<anomaly::SeriesBank> bank;
    anomaly::BankOptions options;
    int64_t through_us = 0;  // everything before it is in the bank
    int64_t saved_at_us = 0;
    int64_t saved_through_us = 0;
    std::string mark;          // of the outbox, behind everything before mark_us
    int64_t mark_us = 0;       // 0: no mark is waited for
    int64_t complete_us = 0;   // the ledger has everything before it
    int64_t erased_at_us = 0;  // the last erasure of a person that the bank knows of
  };

  struct Said {
    int64_t sequence = 0;
    std::string key;
    int64_t at_us = 0;
    Feedback feedback = Feedback::kNone;
  };

  absl::Status See(const std::string& name, const Policy& policy, int64_t now_us, Org* org,
                   bool* more);
  // What was said of what the bank has come to.
  absl::Status Heed(const std::string& name, int64_t now_us, Org* org);
  absl::Status Load(const std::string& name, const Policy& policy, int64_t now_us, Org* org);
  // The policy may have changed what is worth telling.
  absl::Status KeepFloor(const Policy& policy, Org* org);
  // How far the ledger is, as far as this org is concerned.
  absl::Status LookAtLedger(const std::string& name, int64_t minute_us, Org* org);
  // Up to an hour of minutes.
  absl::Status Take(const std::string& name, const Policy& policy, int64_t now_us, Org* org);
  // Where a person was erased since, the bank may have the name: it is let go, and not saved.
  absl::Status SaveOrg(const std::string& name, int64_t now_us, Org* org);

  sql::Database* const database_;
  OutboxState* const outbox_;
  const Record record_;
  const UsageWatchOptions options_;
  std::map<std::string, Org> orgs_;
  std::map<std::string, std::vector<Said>> said_;  // by org: what is not known to be heard
  int64_t lost_states_ = 0;
  int64_t failed_orgs_ = 0;
};

// The minute of the week (Monday 00:00 is 0) in the zone of the policy's first calendar limit; UTC
// where it has none.
int MinuteOfWeek(const Policy& policy, int64_t time_us);

// What was saved of an org is forgotten, since a person of it is erased in this transaction.
absl::Status ForgetDetectors(sql::Transaction& transaction, const std::string& org);

}  // namespace quotaplane
