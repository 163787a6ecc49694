// AlertStore::Record: a batch of signals, with a few statements for all of them.
#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_store.h"
#include "libs/alerts/alert_write.h"
#include "libs/alerts/silence_rows.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

using sql::Type;

// What it said stays readable, however long it was.
void AddReason(const std::string& reason, Signal* signal) {
  const std::string end = absl::StrCat("; over: ", reason);
  signal->summary = absl::StrCat(FitText(signal->summary, kMaxSummaryBytes - end.size()), end);
}

class Recorder {
 public:
  Recorder(AlertWrite* write, absl::Span<const Signal> signals, int64_t now_us)
      : write_(*write),
        signals_(signals),
        now_us_(now_us),
        silences_(&write->transaction(), now_us) {}

  absl::StatusOr<std::vector<Recorded>> Run() {
    for (const Signal& signal : signals_) {
      keys_.push_back(AlertKeyDigest(signal));
      occurrences_.push_back(OccurrenceDigest(signal));
    }
    QP_RETURN_IF_ERROR(ReadKnown());
    QP_RETURN_IF_ERROR(ReadRows());
    std::vector<Recorded> recorded;
    for (size_t i = 0; i < signals_.size(); ++i) {
      QP_ASSIGN_OR_RETURN(const Recorded one, RecordOne(i));
      recorded.push_back(one);
    }
    QP_RETURN_IF_ERROR(Save());
    return recorded;
  }

 private:
  static std::vector<sql::Value> Values(const std::deque<Digest>& digests) {
    std::vector<sql::Value> values;
    for (const Digest& digest : digests) values.emplace_back(sql::Bytes{digest.view()});
    return values;
  }

  // Occurrences that were recorded before.
  absl::Status ReadKnown() {
    std::vector<sql::Value> parameters;
    const std::string list = InList(Values(occurrences_), &parameters);
    QP_ASSIGN_OR_RETURN(
        const sql::Rows rows,
        write_.transaction().Query(
            {"occurrences",
             absl::StrCat("SELECT occurrence, alert FROM alert_occurrences WHERE occurrence IN ",
                          list)},
            parameters));
    for (size_t i = 0; i < rows.size(); ++i) {
      sql::Bytes occurrence;
      int64_t alert = 0;
      QP_RETURN_IF_ERROR(rows[i].Read(occurrence, alert));
      known_[std::string(occurrence.data)] = alert;
    }
    return absl::OkStatus();
  }

  // Alerts that are open, and those that may be reopened.
  absl::Status ReadRows() {
    int64_t hold_off_us = 0;
    for (const Signal& signal : signals_) hold_off_us = std::max(hold_off_us, signal.hold_off_us);
    std::vector<sql::Value> parameters = {now_us_ - hold_off_us};
    const std::string list = InList(Values(keys_), &parameters);
    QP_ASSIGN_OR_RETURN(
        std::vector<AlertRow> rows,
        ReadAlertRows(write_.transaction(),
                      absl::StrCat("WHERE (state <> 'resolved' OR resolved_at_us > $1) AND "
                                   "key_digest IN ",
                                   list, " ORDER BY number"),
                      parameters));
    for (AlertRow& row : rows) {
      const std::string key(AlertKeyDigest(row.alert.signal).view());
      latest_[key] = &rows_.emplace_back(std::move(row));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Recorded> RecordOne(size_t i) {
    const Signal& signal = signals_[i];
    const auto [known, is_new] = known_.try_emplace(std::string(occurrences_[i].view()), 0);
    if (!is_new) return Recorded{known->second, RecordOutcome::kRepeated};
    QP_ASSIGN_OR_RETURN(const Recorded recorded, Take(signal, std::string(keys_[i].view())));
    known->second = recorded.number;
    new_occurrences_.push_back(i);
    return recorded;
  }

  absl::StatusOr<Recorded> Take(const Signal& signal, const std::string& key) {
    AlertRow*& latest = latest_[key];
    const bool open = latest != nullptr && latest->alert.state != AlertState::kResolved;
    if (signal.over) {
      if (!open) return Recorded{0, RecordOutcome::kNothing};
      // Told again since its source looked: it is not over.
      if (signal.at_us < latest->alert.signal.at_us) {
        return Recorded{0, RecordOutcome::kNothing};
      }
      latest->alert.signal.summary = signal.summary;  // an end says what came in all, and why
      if (!signal.over_because.empty()) AddReason(signal.over_because, &latest->alert.signal);
      return Changed(latest, ResolveAlert(latest, "", now_us_), RecordOutcome::kResolved);
    }
    QP_ASSIGN_OR_RETURN(const int64_t silence, silences_.Match(signal));
    if (open) {
      return Changed(latest, TellAlert(latest, signal, silence, now_us_), RecordOutcome::kUpdated);
    }
    QP_ASSIGN_OR_RETURN(const bool room, TakeRoom(signal.org));
    if (!room) return Recorded{0, RecordOutcome::kTooMany};
    if (latest != nullptr && now_us_ < latest->alert.resolved_at_us + signal.hold_off_us) {
      return Changed(latest, ReopenAlert(latest, signal, silence, now_us_),
                     RecordOutcome::kReopened);
    }
    latest = &rows_.emplace_back();
    latest->alert.number = ++write_.head().alert;
    inserted_.insert(latest);
    return Changed(latest, OpenAlert(latest, signal, silence, now_us_), RecordOutcome::kOpened);
  }

  Recorded Changed(AlertRow* row, Told told, RecordOutcome outcome) {
    changed_.insert(row);
    write_.Tell(*row, told);
    return {row->alert.number, outcome};
  }

  // Whether the org may have one more open alert.
  absl::StatusOr<bool> TakeRoom(const std::string& org) {
    auto open = open_.find(org);
    if (open == open_.end()) {
      QP_ASSIGN_OR_RETURN(
          const sql::Rows rows,
          write_.transaction().Query(
              {"open alerts",
               "SELECT COUNT(*) FROM (SELECT 1 FROM alerts WHERE org = $1 AND state <> 'resolved' "
               "LIMIT $2) AS open_alerts"},
              {org, static_cast<int64_t>(kMaxOpenAlerts)}));
      open = open_.emplace(org, rows[0][0].integer()).first;
    }
    if (open->second >= static_cast<int64_t>(kMaxOpenAlerts)) return false;
    ++open->second;
    return true;
  }

  absl::Status Save() {
    std::vector<const AlertRow*> inserts;
    // Updates first: of a key that was resolved just now, another alert may open.
    for (AlertRow& row : rows_) {
      if (!changed_.contains(&row)) continue;
      if (inserted_.contains(&row)) {
        row.alert.sequence = ++write_.head().sequence;
        inserts.push_back(&row);
      } else {
        QP_RETURN_IF_ERROR(write_.Update(&row));
      }
    }
    QP_RETURN_IF_ERROR(InsertAlertRows(write_.transaction(), inserts));
    sql::Batch batch{"alert_occurrences", {{"occurrence", Type::kBytes}, {"alert"}, {"at_us"}}, {}};
    for (const size_t i : new_occurrences_) {
      batch.values.insert(batch.values.end(),
                          {sql::Bytes{occurrences_[i].view()},
                           known_[std::string(occurrences_[i].view())], now_us_});
    }
    return write_.transaction().InsertMany(batch).status();
  }

  AlertWrite& write_;
  const absl::Span<const Signal> signals_;
  const int64_t now_us_;
  HeldSilences silences_;
  std::deque<Digest> keys_, occurrences_;    // by signal
  std::map<std::string, int64_t> known_;     // occurrences, and their alerts
  std::vector<size_t> new_occurrences_;      // by signal
  std::deque<AlertRow> rows_;                // those there were come first
  std::map<std::string, AlertRow*> latest_;  // of a key
  std::set<const AlertRow*> changed_, inserted_;
  std::map<std::string, int64_t> open_;  // by org
};

}  // namespace

absl::StatusOr<std::vector<Recorded>> AlertStore::Record(sql::Transaction& transaction,
                                                         absl::Span<const Signal> signals,
                                                         int64_t now_us) {
  if (signals.size() > kMaxSignalsAtOnce) {
    return FieldError({{"signals", absl::StrCat("must be at most ", kMaxSignalsAtOnce)}});
  }
  for (size_t i = 0; i < signals.size(); ++i) {
    QP_RETURN_IF_ERROR(CheckSignal(signals[i], absl::StrCat("signals[", i, "].")));
  }
  if (signals.empty()) return std::vector<Recorded>();
  QP_ASSIGN_OR_RETURN(AlertWrite write, AlertWrite::Begin(transaction));
  QP_ASSIGN_OR_RETURN(std::vector<Recorded> recorded, Recorder(&write, signals, now_us).Run());
  QP_RETURN_IF_ERROR(write.Finish(*receivers_(), now_us));
  return recorded;
}

}  // namespace quotaplane
