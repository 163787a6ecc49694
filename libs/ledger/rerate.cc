#include "libs/ledger/rerate.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/admission/charge.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/adjuster.h"
#include "libs/ledger/audit.h"
#include "libs/ledger/booked_charge.h"
#include "libs/ledger/correction_rows.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/ledger_reader.h"
#include "libs/ledger/reprice.h"
#include "libs/ledger/request_check.h"
#include "libs/ledger/retention.h"
#include "libs/sql/month_partitions.h"

namespace quotaplane {
namespace {

constexpr size_t kChargesAtOnce = 200;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxFilterValues = 100;
constexpr absl::Duration kTimeout = absl::Minutes(10);
// Of one move, by the policy of now: room is left for one that counts more by the time it is
// applied.
constexpr size_t kCountersOfMove = kMaxCountersPerAdjust / 2;

absl::Status Check(const RerateRequest& request) {
  std::vector<FieldViolation> wrong;
  CheckText("org", request.org, kMaxNameBytes, &wrong);
  CheckText("actor", request.actor, kMaxActorBytes, &wrong);
  if (!request.dry_run) CheckText("reason", request.reason, kMaxReasonBytes, &wrong);
  if (request.from_us >= request.to_us) wrong.push_back({"to", "must be after `from`"});
  const std::pair<std::string_view, const std::vector<std::string>*> filters[] = {
      {"models", &request.models}, {"teams", &request.teams}, {"users", &request.users}};
  for (const auto& [field, values] : filters) {
    if (values->size() > kMaxFilterValues) {
      wrong.push_back(
          {std::string(field), absl::StrCat("at most ", kMaxFilterValues, " are allowed")});
    }
    for (const std::string& value : *values) CheckText(field, value, kMaxNameBytes, &wrong);
  }
  return wrong.empty() ? absl::OkStatus() : FieldError(wrong);
}

// The charges to look at, line by line, in the order of time.
class Selection {
 public:
  explicit Selection(const RerateRequest& request) {
    parameters_ = {request.org, request.from_us, request.to_us};
    sql_ =
        "SELECT charge_key, occurred_at_us FROM ledger_entries WHERE org = $1 AND "
        "occurred_at_us >= $2 AND occurred_at_us < $3 AND kind = 'usage'";
    AddFilter("model", request.models);
    AddFilter("team", request.teams);
    AddFilter("user_name", request.users);
    sql_ += " ORDER BY occurred_at_us, charge_key";
  }

  absl::Status Stream(sql::Session& session, sql::RowCallback callback) const {
    return session.Stream({"to rerate", sql_, kTimeout}, parameters_, callback);
  }

 private:
  void AddFilter(const char* column, const std::vector<std::string>& values) {
    if (values.empty()) return;
    std::string list;
    for (const std::string& value : values) {
      parameters_.emplace_back(value);
      absl::StrAppend(&list, list.empty() ? "$" : ", $", parameters_.size());
    }
    absl::StrAppend(&sql_, " AND ", column, " IN (", list, ")");
  }

  std::string sql_;
  std::vector<sql::Value> parameters_;
};

absl::StatusOr<ChargeRecord> RecordOf(const BookedCharge& charge,
                                      const std::vector<LineCorrection>& lines) {
  ChargeRecord record;
  record.id = charge.reservation_id;
  record.subject = {charge.org,           charge.team, charge.project, charge.user, charge.api_key,
                    charge.subject_model, {}};
  QP_RETURN_IF_ERROR(ReadLabels(charge.labels, &record.subject.labels));
  for (const LineCorrection& one : lines) {
    ChargeLine line;
    line.attempt = static_cast<int>(one.line->attempt);
    line.model = one.line->model;
    line.meter = one.line->meter;
    line.quantity = one.quantity;
    line.cost_nano_usd = one.cost_nano_usd;
    record.lines.push_back(std::move(line));
  }
  return record;
}

// Gathers the corrections of one transaction, and parts them into moves of few enough counters.
class Batch {
 public:
  Batch(const RerateRequest& request, const Policy& policy, int64_t now_us)
      : request_(request),
        policy_(policy),
        now_us_(now_us),
        rows_(CorrectedBy::kRerating, request.reason, now_us) {}

  absl::Status Add(const BookedCharge& charge, const std::vector<LineCorrection>& lines) {
    // The next of this charge: it is locked. One that was written before leaves no difference, so
    // the same is not written twice.
    FieldBuffer fields;
    const Digest key =
        fields.Add("rerating").Add(charge.key.view()).Add(charge.corrections).digest();
    QP_ASSIGN_OR_RETURN(const ChargeRecord record, RecordOf(charge, lines));
    for (const CounterUse& use : CorrectionsOf(policy_, record)) counters_.insert(use.counter);
    if (!move_.has_value() || counters_.size() > kCountersOfMove) StartMove(key, record);
    rows_.Add(charge, key, *move_, lines);
    ++corrections_;
    for (const LineCorrection& line : lines) cost_nano_usd_ += line.cost_nano_usd;
    return absl::OkStatus();
  }

  absl::Status Write(sql::Transaction& transaction, const std::string& version) const {
    QP_RETURN_IF_ERROR(rows_.Write(transaction));
    return WriteAudit(transaction,
                      {now_us_, request_.actor, "rerate", request_.org,
                       AuditDetail({{"price_version", version},
                                    {"from_us", absl::StrCat(request_.from_us)},
                                    {"to_us", absl::StrCat(request_.to_us)},
                                    {"charges", absl::StrCat(corrections_)},
                                    {"cost_nano_usd", absl::StrCat(cost_nano_usd_)}})});
  }

  bool empty() const { return corrections_ == 0; }

 private:
  void StartMove(const Digest& first, const ChargeRecord& record) {
    FieldBuffer fields;
    move_ = fields.Add("move").Add(first.view()).digest();
    rows_.AddMove(*move_, request_.org, static_cast<int64_t>(move_->low64()));
    counters_.clear();
    for (const CounterUse& use : CorrectionsOf(policy_, record)) counters_.insert(use.counter);
  }

  const RerateRequest& request_;
  const Policy& policy_;
  const int64_t now_us_;
  CorrectionRows rows_;
  std::optional<Digest> move_;
  absl::flat_hash_set<Digest> counters_;  // of the move
  int64_t corrections_ = 0;
  int64_t cost_nano_usd_ = 0;
};

absl::Status LookAt(sql::Database& database, const RerateRequest& request, const Snapshot& prices,
                    const std::vector<ChargeAt>& charges, RerateReport* report) {
  QP_ASSIGN_OR_RETURN(const std::vector<BookedCharge> booked,
                      ReadCharges(database, request.org, charges));
  const Policy& policy = *prices.policies->For(request.org).policy;
  for (const BookedCharge& charge : booked) {
    QP_RETURN_IF_ERROR(Reprice(charge, policy, *prices.prices, request.models, report).status());
  }
  return absl::OkStatus();
}

absl::Status Correct(sql::Database& database, const RerateRequest& request, const Snapshot& prices,
                     int64_t now_us, const std::vector<ChargeAt>& charges, RerateReport* report) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database.Begin());
  QP_RETURN_IF_ERROR(LockIdentities(*transaction));
  QP_ASSIGN_OR_RETURN(const std::vector<BookedCharge> booked,
                      LockCharges(*transaction, request.org, charges));
  const Policy& policy = *prices.policies->For(request.org).policy;
  Batch batch(request, policy, now_us);
  for (const BookedCharge& charge : booked) {
    QP_ASSIGN_OR_RETURN(const std::vector<LineCorrection> lines,
                        Reprice(charge, policy, *prices.prices, request.models, report));
    if (!lines.empty()) QP_RETURN_IF_ERROR(batch.Add(charge, lines));
  }
  if (batch.empty()) return absl::OkStatus();
  QP_RETURN_IF_ERROR(batch.Write(*transaction, prices.prices->version()));
  return transaction->Commit();
}

}  // namespace

absl::StatusOr<RerateReport> Rerater::Rerate(const RerateRequest& request, const Snapshot& prices,
                                             int64_t now_us) {
  QP_RETURN_IF_ERROR(Check(request));
  QP_ASSIGN_OR_RETURN(const Kept kept, ReadKept(*database_));
  if (request.from_us < kept.entries_from_us) {
    return ReasonedError(
        absl::StatusCode::kOutOfRange, "DATA_DROPPED",
        absl::StrCat("retention has dropped entries before ",
                     absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMicros(kept.entries_from_us),
                                      absl::UTCTimeZone())));
  }
  QP_RETURN_IF_ERROR(sql::EnsureMonthPartitions(*database_, now_us, now_us));
  RerateReport report;
  std::vector<ChargeAt> charges;
  const auto flush = [&]() -> absl::Status {
    if (charges.empty()) return absl::OkStatus();
    QP_RETURN_IF_ERROR(request.dry_run
                           ? LookAt(*database_, request, prices, charges, &report)
                           : Correct(*database_, request, prices, now_us, charges, &report));
    charges.clear();
    return absl::OkStatus();
  };
  std::string last;  // lines of a charge come together
  const auto add = [&](const sql::Row& row) -> absl::Status {
    sql::Bytes key;
    ChargeAt charge;
    QP_RETURN_IF_ERROR(row.Read(key, charge.occurred_at_us));
    if (key.data == last) return absl::OkStatus();
    last = std::string(key.data);
    if (last.size() != charge.key.bytes.size()) return absl::DataLossError("a malformed key");
    std::copy(last.begin(), last.end(), charge.key.bytes.begin());
    charges.push_back(charge);
    return charges.size() < kChargesAtOnce ? absl::OkStatus() : flush();
  };
  QP_RETURN_IF_ERROR(Selection(request).Stream(*database_, add));
  QP_RETURN_IF_ERROR(flush());
  return report;
}

}  // namespace quotaplane
