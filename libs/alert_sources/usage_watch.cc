#include "libs/alert_sources/usage_watch.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/alert_sources/anomaly_signals.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/orgs.h"
#include "libs/ledger/usage_minutes.h"

namespace quotaplane {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kHourUs = 60 * kMinuteUs;
constexpr int kDayMinutes = 24 * 60;
// What began longer ago is not told: nobody can do anything about it.
constexpr int64_t kTellUs = kHourUs;
constexpr size_t kMaxSignals = 500;
constexpr size_t kLeastScopes = 100;
constexpr size_t kMostScopes = 5'000;
// Orgs that failed, of which the round's status says why.
constexpr int64_t kNamedFailures = 3;

constexpr sql::Statement kLoad{"load detectors",
                               "SELECT through_us, state FROM anomaly_states WHERE org = $1"};
constexpr sql::Statement kDrop{"drop detectors",
                               "DELETE FROM anomaly_states WHERE org = $1 AND through_us = $2"};
constexpr sql::Statement kSave{
    "save detectors",
    "INSERT INTO anomaly_states (org, through_us, state, saved_at_us) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (org) DO UPDATE SET through_us = excluded.through_us, state = excluded.state, "
    "saved_at_us = excluded.saved_at_us WHERE anomaly_states.through_us <= excluded.through_us"};

int64_t MinuteOf(int64_t time_us) { return time_us - time_us % kMinuteUs; }

anomaly::UsageRow RowOf(const std::string& org, const UsageRow& row) {
  return {org,         row.team,          row.project, row.user,     row.model,
          row.session, row.cost_nano_usd, row.tokens,  row.requests, row.refusals};
}

}  // namespace

int MinuteOfWeek(const Policy& policy, int64_t time_us) {
  absl::TimeZone zone = absl::UTCTimeZone();
  for (const Limit& limit : policy.document().limits) {
    if (limit.window.kind != WindowKind::kCalendar) continue;
    zone = limit.window.zone;
    break;
  }
  const absl::CivilMinute civil = absl::ToCivilMinute(absl::FromUnixMicros(time_us), zone);
  const int day = static_cast<int>(absl::GetWeekday(civil));  // Monday is 0
  return day * kDayMinutes + civil.hour() * 60 + civil.minute();
}

UsageWatch::UsageWatch(sql::Database* database, OutboxState* outbox, Record record,
                       UsageWatchOptions options)
    : database_(database), outbox_(outbox), record_(std::move(record)), options_(options) {}

UsageWatch::Progress UsageWatch::Round(const PolicySet& policies, int64_t now_us,
                                       absl::FunctionRef<bool()> go_on) {
  Progress progress;
  const absl::StatusOr<std::vector<std::string>> names = ListAllOrgs(*database_);
  if (!names.ok()) return {.status = names.status()};
  absl::StatusOr<std::map<std::string, int64_t>> erasures = LastErasures(*database_);
  if (!erasures.ok()) return {.status = erasures.status()};
  failed_orgs_ = 0;
  std::string failures;
  absl::StatusCode code = absl::StatusCode::kOk;
  for (const std::string& name : *names) {
    const Policy& policy = *policies.For(name).policy;
    if (!LowestFloor(policy).has_value()) {
      orgs_.erase(name);
      continue;
    }
    if (!go_on()) return {};
    Org& org = orgs_[name];
    if (const int64_t erased_at_us = (*erasures)[name]; org.erased_at_us != erased_at_us) {
      org = Org();
      org.erased_at_us = erased_at_us;
    }
    const absl::Status seen = See(name, policy, now_us, &org, &progress.more);
    if (seen.ok()) continue;
    if (++failed_orgs_ == 1) code = seen.code();
    if (failed_orgs_ <= kNamedFailures) {
      absl::StrAppend(&failures, "; org \"", name, "\": ", seen.message());
    }
  }
  if (failed_orgs_ > 0) {
    progress.status = absl::Status(
        code, absl::StrCat(failed_orgs_, " of ", names->size(), " orgs are not watched", failures));
  }
  return progress;
}

absl::Status UsageWatch::See(const std::string& name, const Policy& policy, int64_t now_us,
                             Org* org, bool* more) {
  const int64_t minute_us = MinuteOf(now_us - options_.settle_us);
  if (org->bank == nullptr) QP_RETURN_IF_ERROR(Load(name, policy, now_us, org));
  QP_RETURN_IF_ERROR(KeepFloor(policy, org));
  if (org->through_us < minute_us) {
    QP_RETURN_IF_ERROR(LookAtLedger(name, minute_us, org));
    if (org->complete_us > org->through_us) {
      QP_RETURN_IF_ERROR(Take(name, policy, now_us, org));
      *more = *more || org->through_us < org->complete_us;
    }
  }
  QP_RETURN_IF_ERROR(Heed(name, now_us, org));
  const bool is_due = now_us - org->saved_at_us >= options_.save_every_us;
  return is_due && org->saved_through_us != org->through_us ? SaveOrg(name, now_us, org)
                                                            : absl::OkStatus();
}

absl::Status UsageWatch::Load(const std::string& name, const Policy& policy, int64_t now_us,
                              Org* org) {
  anomaly::BankOptions options;
  options.floor_nano_usd = LowestFloor(policy).value_or(options.floor_nano_usd);
  options.max_scopes = std::clamp(options_.max_scopes / std::max<size_t>(1, orgs_.size()),
                                  kLeastScopes, kMostScopes);
  org->options = options;
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, database_->Query(kLoad, {name}));
  if (!rows.empty()) {
    int64_t through_us = 0;
    sql::Bytes state;
    QP_RETURN_IF_ERROR(rows[0].Read(through_us, state));
    absl::StatusOr<anomaly::SeriesBank> bank = anomaly::SeriesBank::Restore(options, state.data);
    if (bank.ok()) {
      org->bank = std::make_unique<anomaly::SeriesBank>(*std::move(bank));
      org->through_us = org->saved_through_us = through_us;
      org->saved_at_us = now_us;
      return absl::OkStatus();
    }
    ++lost_states_;
    // The one that is learnt now begins before it.
    QP_RETURN_IF_ERROR(database_->Execute(kDrop, {name, through_us}).status());
  }
  org->bank = std::make_unique<anomaly::SeriesBank>(options);
  org->through_us = MinuteOf(now_us - options_.teach_us);
  org->saved_through_us = 0;
  org->saved_at_us = now_us;
  return absl::OkStatus();
}

absl::Status UsageWatch::KeepFloor(const Policy& policy, Org* org) {
  const int64_t floor = LowestFloor(policy).value_or(org->options.floor_nano_usd);
  if (floor == org->options.floor_nano_usd) return absl::OkStatus();
  org->options.floor_nano_usd = floor;
  QP_ASSIGN_OR_RETURN(anomaly::SeriesBank bank,
                      anomaly::SeriesBank::Restore(org->options, org->bank->Save()));
  *org->bank = std::move(bank);
  return absl::OkStatus();
}

absl::Status UsageWatch::LookAtLedger(const std::string& name, int64_t minute_us, Org* org) {
  if (org->mark_us == 0) {
    QP_ASSIGN_OR_RETURN(org->mark, outbox_->Mark(name));
    org->mark_us = minute_us;
  }
  QP_ASSIGN_OR_RETURN(const bool emptied, outbox_->EmptiedTo(name, org->mark));
  if (!emptied) return absl::OkStatus();
  org->complete_us = org->mark_us;
  org->mark_us = 0;
  return absl::OkStatus();
}

absl::Status UsageWatch::Take(const std::string& name, const Policy& policy, int64_t now_us,
                              Org* org) {
  const int64_t until_us = std::min(org->complete_us, org->through_us + kHourUs);
  QP_ASSIGN_OR_RETURN(const std::vector<UsageRow> rows,
                      ReadUsage(*database_, name, org->through_us, until_us));
  std::vector<Signal> signals;
  size_t next = 0;
  std::vector<anomaly::UsageRow> minute;
  for (int64_t at_us = org->through_us; at_us < until_us; at_us += kMinuteUs) {
    minute.clear();
    for (; next < rows.size() && rows[next].minute_us == at_us; ++next) {
      minute.push_back(RowOf(name, rows[next]));
    }
    const absl::StatusOr<std::vector<anomaly::Finding>> findings =
        org->bank->Add(at_us, MinuteOfWeek(policy, at_us), minute);
    if (!findings.ok()) {
      org->bank = nullptr;  // it has gone on up to here
      return findings.status();
    }
    for (const anomaly::Finding& finding : *findings) {
      if (!finding.over && finding.at_us < now_us - kTellUs) continue;
      std::optional<Signal> signal = AnomalySignal(finding, policy);
      if (signal.has_value()) signals.push_back(*std::move(signal));
    }
  }
  for (size_t i = 0; i < signals.size(); i += kMaxSignals) {
    const size_t count = std::min(kMaxSignals, signals.size() - i);
    const absl::Status recorded = record_(absl::MakeConstSpan(signals).subspan(i, count));
    if (!recorded.ok()) {
      // The bank has gone on: it starts again from what is saved.
      org->bank = nullptr;
      return recorded;
    }
  }
  org->through_us = until_us;
  return absl::OkStatus();
}

void UsageWatch::Say(int64_t sequence, const Alert& alert) {
  if (alert.feedback == Feedback::kNone || !FindingOfKey(alert.signal.key).has_value()) return;
  said_[alert.signal.org].push_back(
      {sequence, alert.signal.key, alert.signal.at_us, alert.feedback});
}

absl::Status UsageWatch::Heed(const std::string& name, int64_t now_us, Org* org) {
  const auto found = said_.find(name);
  if (found == said_.end()) return absl::OkStatus();
  std::vector<Said>& said = found->second;
  // In order: none is heard before one that waits for its minute.
  const auto ready = std::find_if(said.begin(), said.end(), [&](const Said& one) {
    return one.sequence > org->bank->heard() && one.at_us >= org->through_us;
  });
  const int64_t heard_before = org->bank->heard();
  for (auto one = said.begin(); one != ready; ++one) {
    const uint64_t id = *FindingOfKey(one->key);
    const std::optional<anomaly::Finding> finding = org->bank->Find(id);
    // Another bank's finding, of this number.
    if (!finding.has_value() || FindingKey(*finding) != one->key) continue;
    const auto feedback = one->feedback == Feedback::kExpected ? anomaly::Feedback::kExpected
                                                               : anomaly::Feedback::kNotExpected;
    // NOT_FOUND: its scope is gone, there is nobody who could heed it.
    org->bank->Give(id, feedback, one->sequence).IgnoreError();
  }
  if (org->bank->heard() != heard_before) {
    // At once: what is found from now on is found by a bank that has heard it, also by whoever goes
    // on after a crash.
    const absl::Status saved = SaveOrg(name, now_us, org);
    if (!saved.ok()) {
      org->bank = nullptr;
      return saved;
    }
  }
  said.erase(said.begin(), ready);
  if (said.empty()) said_.erase(found);
  return absl::OkStatus();
}

std::vector<Signal> UsageWatch::Ends(const PolicySet& policies, absl::Span<const Alert> alerts,
                                     int64_t now_us) const {
  std::vector<Signal> ends;
  std::map<std::string, std::set<std::string>> open_of;  // keys, by org
  for (const Alert& alert : alerts) {
    const std::optional<uint64_t> id = FindingOfKey(alert.signal.key);
    if (!id.has_value()) continue;
    const std::string& name = alert.signal.org;
    const Policy& policy = *policies.For(name).policy;
    if (!HasUsageRule(policy, alert.signal.rule_id)) {
      const std::string why = absl::StrCat("rule \"", alert.signal.rule_id, "\" was removed");
      ends.push_back(AnomalyEnd(alert, why, now_us));
      continue;
    }
    const auto found = orgs_.find(name);
    if (found == orgs_.end() || found->second.bank == nullptr) continue;
    const Org& org = found->second;
    if (org.through_us <= alert.signal.at_us) continue;
    const auto [open, is_new] = open_of.try_emplace(name);
    if (is_new) {
      for (const anomaly::Finding& finding : org.bank->Open()) {
        open->second.insert(FindingKey(finding));
      }
    }
    if (open->second.contains(alert.signal.key)) continue;
    const std::optional<anomaly::Finding> finding = org.bank->Find(*id);
    const bool is_known = finding.has_value() && FindingKey(*finding) == alert.signal.key;
    ends.push_back(AnomalyEnd(alert,
                              is_known
                                  ? EndWords(finding->end)
                                  : "usage was learnt anew since, and this is not known to go on",
                              now_us));
  }
  return ends;
}

void UsageWatch::Reset() {
  orgs_.clear();
  said_.clear();
}

absl::Status UsageWatch::SaveOrg(const std::string& name, int64_t now_us, Org* org) {
  if (org->bank == nullptr) return absl::OkStatus();
  const std::string state = org->bank->Save();
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_RETURN_IF_ERROR(LockIdentities(*transaction));
  QP_ASSIGN_OR_RETURN(auto erasures, LastErasures(*transaction));
  if (erasures[name] != org->erased_at_us) {
    org->bank = nullptr;
    return absl::OkStatus();
  }
  QP_ASSIGN_OR_RETURN(
      const int64_t saved,
      transaction->Execute(kSave, {name, org->through_us, sql::Bytes{state}, now_us}));
  if (saved == 0) {
    org->bank = nullptr;
    return absl::AbortedError("another process has gone on with what this one has learnt");
  }
  QP_RETURN_IF_ERROR(transaction->Commit());
  org->saved_at_us = now_us;
  org->saved_through_us = org->through_us;
  return absl::OkStatus();
}

absl::Status UsageWatch::Save(int64_t now_us) {
  for (auto& [name, org] : orgs_) {
    if (org.saved_through_us == org.through_us) continue;
    QP_RETURN_IF_ERROR(SaveOrg(name, now_us, &org));
  }
  return absl::OkStatus();
}

UsageWatch::Stats UsageWatch::stats() const {
  Stats stats;
  stats.lost_states = lost_states_;
  stats.failed_orgs = failed_orgs_;
  for (const auto& [name, org] : orgs_) {
    if (org.bank == nullptr) continue;
    const anomaly::BankStats bank = org.bank->Stats();
    ++stats.orgs;
    stats.scopes += static_cast<int64_t>(bank.scopes);
    stats.open_findings += static_cast<int64_t>(bank.open_findings);
    stats.evicted_scopes += static_cast<int64_t>(bank.evicted_scopes);
    stats.behind_us = std::max(stats.behind_us, org.complete_us - org.through_us);
  }
  return stats;
}

absl::Status ForgetDetectors(sql::Transaction& transaction, const std::string& org) {
  return transaction
      .Execute({"forget detectors", "DELETE FROM anomaly_states WHERE org = $1"}, {org})
      .status();
}

}  // namespace quotaplane
