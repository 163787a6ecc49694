// Alerts in SQL: their states, silences, actions and feedback, and the messages that tell of them.
//
// Every write is a part of the caller's transaction, so that it may be one with a change of the
// control plane (libs/control): what the audit log says happened, or neither. Messages are put into
// the queue in the same transaction (delivery_queue.h), so an alert is told exactly when it is
// kept.
//
// Writers are one after the other: each takes the one row of alert_head first, and gives it back
// with its transaction. A transaction that takes control_head too takes that first. So changes have
// an order, which ChangesSince follows without gaps.
//
// Which message is sent when (`told` is what receivers have been told in messages):
//   - An alert that opens, or is told again, is told, unless a message about it went into the queue
//     within its hold-off. One that was raised in severity is told at once.
//   - One that resolves is told if its firing had been. If it comes back within its hold-off it is
//     the same alert, and told once the hold-off has passed, if it then still fires. So a value
//     that hovers around a threshold costs at most two messages in each hold-off.
//   - Nothing is told of acknowledged and silenced alerts, but their end. An acknowledged alert
//     that becomes worse fires again.
//   - Messages are grouped: a message of a (receiver, org, kind) goes at once where the one before
//     it is older than kGroupingUs; otherwise all that comes until kGroupingUs after that one goes
//     together. While a receiver is away its unsent message goes on gathering.
//   - A message lists its first kListedAlerts alerts and counts the others. Alertmanager, which
//     groups by itself, gets each, kSyncedAlerts in a message.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/alerts/alert.h"
#include "libs/alerts/receivers.h"
#include "libs/alerts/signal.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr size_t kMaxSignalsAtOnce = 500;
inline constexpr int64_t kGroupingUs = 10'000'000;
inline constexpr size_t kListedAlerts = 20;
inline constexpr size_t kSyncedAlerts = 500;
// Open alerts of one org. Further ones are not kept (RecordOutcome::kTooMany).
inline constexpr size_t kMaxOpenAlerts = 100'000;
inline constexpr size_t kMaxSilences = 1'000;  // that hold, of one org
inline constexpr size_t kMaxAlertsAtOnce = 1'000;
inline constexpr int64_t kOccurrenceUs = int64_t{35} * 24 * 3600 * 1'000'000;
inline constexpr int64_t kKeepAlertUs = int64_t{90} * 24 * 3600 * 1'000'000;
inline constexpr int64_t kKeepSentUs = int64_t{24} * 3600 * 1'000'000;
inline constexpr int64_t kMaxSilenceUs = int64_t{366} * 24 * 3600 * 1'000'000;

enum class RecordOutcome {
  kOpened,
  kReopened,  // it was resolved within its hold-off
  kUpdated,   // it was open
  kResolved,  // `over`, and it was open
  kRepeated,  // the occurrence was recorded before
  kNothing,   // `over`, and none is open, or it was told by a later at_us
  kTooMany,   // kMaxOpenAlerts; the signal is dropped
};

struct Recorded {
  int64_t number = 0;  // of the alert; 0: kNothing, kTooMany, and kRepeated of such
  RecordOutcome outcome = RecordOutcome::kOpened;
};

struct AlertFilter {
  std::optional<std::string> org = {};  // nullopt: of all, and the deployment's own
  std::vector<AlertState> states = {};  // empty: all
  std::vector<AlertKind> kinds = {};    // empty: all
  std::string rule_id = {};             // empty: all
  int64_t told_since_us = 0;
};

// A person, and what they say.
struct AlertAuthor {
  std::string name;     // Principal::name
  std::string comment;  // may be empty; at most 1,024 bytes
};

// Thread-safe. Blocks. Errors are the database's besides those that are named; then the transaction
// has failed, unless it says INVALID_ARGUMENT or NOT_FOUND or FAILED_PRECONDITION or
// RESOURCE_EXHAUSTED of our own: those come before anything is written.
class AlertStore {
 public:
  // `receivers` says who is told, at each write.
  explicit AlertStore(std::function<std::shared_ptr<const Receivers>()> receivers);

  // In the order of `signals`, at most kMaxSignalsAtOnce. INVALID_ARGUMENT names the first signals
  // that break a rule ("signals[3].key: …"); nothing is recorded then.
  absl::StatusOr<std::vector<Recorded>> Record(sql::Transaction& transaction,
                                               absl::Span<const Signal> signals, int64_t now_us);
  // What time does: silences end, hold-offs of alerts that still fire pass. To be called about
  // every second; works off a bounded part, and says whether there is more to do.
  absl::StatusOr<bool> Advance(sql::Transaction& transaction, int64_t now_us);
  // Whether Advance has anything to do: a read, which holds up no writer.
  static absl::StatusOr<bool> AnyDue(sql::Session& session, int64_t now_us);
  // Drops alerts resolved for kKeepAlertUs, silences that ended and messages that died that long
  // ago, occurrences after kOccurrenceUs, and messages sent kKeepSentUs ago, in bounded parts. An
  // open alert that was not told for kKeepAlertUs is resolved. Returns whether there is more to do.
  absl::StatusOr<bool> Expire(sql::Transaction& transaction, int64_t now_us);

  // NOT_FOUND: no such alert of that org (nullopt: of any).
  absl::StatusOr<Alert> Get(sql::Session& session, const std::optional<std::string>& org,
                            int64_t number) const;
  // The newest first: those with numbers below `before` (0: from the newest), at most `limit` of
  // them, which is at most kMaxAlertsAtOnce.
  absl::StatusOr<std::vector<Alert>> List(sql::Session& session, const AlertFilter& filter,
                                          int64_t before, size_t limit) const;
  // Alerts that changed after `sequence`, in the order of their last change, each once.
  absl::StatusOr<std::vector<Alert>> ChangesSince(sql::Session& session,
                                                  const std::optional<std::string>& org,
                                                  int64_t sequence, size_t limit) const;
  // The numbers of an org's open alerts, in the order of their last change.
  absl::StatusOr<std::vector<int64_t>> OpenInOrder(sql::Session& session,
                                                   const std::string& org) const;
  // Those of `numbers` (at most kMaxAlertsAtOnce) that the org has and that are open, likewise.
  absl::StatusOr<std::vector<Alert>> OpenOf(sql::Session& session, const std::string& org,
                                            absl::Span<const int64_t> numbers) const;
  // Where ChangesSince is now.
  absl::StatusOr<int64_t> LastSequence(sql::Session& session) const;
  // Open alerts, by state and kind: what is not there is 0.
  absl::StatusOr<std::map<std::pair<AlertState, AlertKind>, int64_t>> Counts(
      sql::Session& session) const;

  // Those whose firing was told and whose end was not, the oldest first: with numbers above
  // `after`.
  absl::StatusOr<std::vector<Alert>> ToldFiring(sql::Session& session, int64_t after,
                                                size_t limit) const;

  // The following return the alert as it is then. NOT_FOUND as in Get.

  // From firing or silenced. FAILED_PRECONDITION: it is resolved. One that is acknowledged stays as
  // it is. A freeze is lifted (ActionsToEnd), an action that is only wanted is dropped if it is
  // one.
  absl::StatusOr<Alert> Acknowledge(sql::Transaction& transaction,
                                    const std::optional<std::string>& org, int64_t number,
                                    const AlertAuthor& author, int64_t now_us);
  // By a person. One that is resolved stays as it is. Lifts any action.
  absl::StatusOr<Alert> Resolve(sql::Transaction& transaction,
                                const std::optional<std::string>& org, int64_t number,
                                const AlertAuthor& author, int64_t now_us);
  // `feedback` is not kNone; the last word counts.
  absl::StatusOr<Alert> SetFeedback(sql::Transaction& transaction,
                                    const std::optional<std::string>& org, int64_t number,
                                    Feedback feedback, const AlertAuthor& author, int64_t now_us);
  // Alerts whose feedback was given after `sequence` (by LastSequence's count), in that order, each
  // with the sequence of its feedback.
  absl::StatusOr<std::vector<std::pair<int64_t, Alert>>> FeedbackSince(sql::Session& session,
                                                                       int64_t sequence,
                                                                       size_t limit) const;

  // From now_us; firing alerts that match are silenced by this. `number`, `from_us` and `ended_*`
  // are not read. INVALID_ARGUMENT names what breaks a rule (until_us: after now_us, by at most
  // kMaxSilenceUs). RESOURCE_EXHAUSTED: kMaxSilences hold.
  absl::StatusOr<Silence> AddSilence(sql::Transaction& transaction, const Silence& silence,
                                     int64_t now_us);
  // Ends it; one that has ended stays as it is. Alerts that no other silence matches fire again,
  // with the next Advance. NOT_FOUND.
  absl::StatusOr<Silence> EndSilence(sql::Transaction& transaction,
                                     const std::optional<std::string>& org, int64_t number,
                                     const AlertAuthor& author, int64_t now_us);
  // Those that hold, and with `ended` also those kept that do not; the newest first, below
  // `before`.
  absl::StatusOr<std::vector<Silence>> ListSilences(sql::Session& session,
                                                    const std::optional<std::string>& org,
                                                    bool ended, int64_t before, size_t limit) const;

  // Actions. The store keeps what is wanted and what was done; who does it (services/alerts) says
  // so in the transaction of its change.

  // Open alerts whose action is wanted and not in force, the oldest first.
  absl::StatusOr<std::vector<Alert>> PendingActions(sql::Session& session, size_t limit) const;
  // Alerts whose action is in force and should not be any more: its time is over, or it was lifted.
  absl::StatusOr<std::vector<Alert>> ActionsToEnd(sql::Session& session, int64_t now_us,
                                                  size_t limit) const;
  // All actions in force, of one org or of all: for who puts curbs together.
  absl::StatusOr<std::vector<Alert>> ActionsInForce(sql::Session& session,
                                                    const std::optional<std::string>& org,
                                                    size_t limit) const;
  // FAILED_PRECONDITION: it is not wanted (any more).
  absl::StatusOr<Alert> MarkAction(sql::Transaction& transaction, int64_t number, int64_t from_us,
                                   int64_t until_us);
  // What is wanted, or in force, is not any more. One that has ended stays as it is.
  // FAILED_PRECONDITION: it has none.
  absl::StatusOr<Alert> EndAction(sql::Transaction& transaction, int64_t number, int64_t now_us);

 private:
  const std::function<std::shared_ptr<const Receivers>()> receivers_;
};

}  // namespace quotaplane
