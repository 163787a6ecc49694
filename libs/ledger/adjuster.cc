#include "libs/ledger/adjuster.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/adjustment_shares.h"
#include "libs/ledger/audit.h"
#include "libs/ledger/booked_charge.h"
#include "libs/ledger/correction_rows.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/ledger/request_check.h"
#include "libs/sql/month_partitions.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxNameBytes = 128;

absl::Status Check(const Adjustment& a) {
  std::vector<FieldViolation> wrong;
  CheckText("org", a.org, kMaxNameBytes, &wrong);
  CheckText("id", a.id, kMaxAdjustmentIdBytes, &wrong);
  CheckText("reservation_id", a.reservation_id, kMaxNameBytes, &wrong);
  CheckText("reason", a.reason, kMaxReasonBytes, &wrong);
  CheckText("actor", a.actor, kMaxActorBytes, &wrong);
  if (a.line.has_value() && *a.line < 0) wrong.push_back({"line", "must not be negative"});
  const bool amounts = a.cost_nano_usd != 0 || a.quantity != 0;
  if (a.take_back_all && amounts) {
    wrong.push_back(
        {"take_back_all", "takes back all there is: there can be no amounts beside it"});
  }
  if (!a.take_back_all && !amounts) {
    wrong.push_back(
        {"cost_nano_usd", "must not be 0, unless there is a quantity, or take_back_all"});
  }
  if (a.quantity != 0 && !a.line.has_value()) {
    wrong.push_back({"quantity", "is of a line: say which"});
  }
  return wrong.empty() ? absl::OkStatus() : FieldError(wrong);
}

Digest KeyOf(const Adjustment& a) {
  FieldBuffer fields;
  // Three fields, where a charge's key has two: they share no names.
  return fields.Add("adjustment").Add(a.org).Add(a.id).digest();
}

// Of all that was asked for. Who asks is not part of it.
int64_t FingerprintOf(const Adjustment& a) {
  FieldBuffer fields;
  fields.Add(a.reservation_id).Add(a.line.value_or(-1)).Add(int64_t{a.take_back_all});
  fields.Add(a.cost_nano_usd).Add(a.quantity).Add(a.reason);
  return static_cast<int64_t>(fields.digest().low64());
}

absl::Status OtherAdjustment() {
  return ReasonedError(absl::StatusCode::kAlreadyExists, "ADJUSTMENT_EXISTS",
                       "the id stands for another adjustment");
}

int64_t CostLeft(const BookedCharge& charge) {
  int64_t sum = 0;
  for (const BookedLine& line : charge.lines) sum += line.cost_left_nano_usd;
  return sum;
}

// What it did when it was made.
absl::StatusOr<AdjustOutcome> Replay(sql::Session& session, const Digest& key, const Digest& charge,
                                     const std::vector<BookedCharge>& booked) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"adjusted",
                     "SELECT line, model, meter, quantity, cost_nano_usd, corrected_at_us, "
                     "recorded_at_us FROM ledger_entries WHERE corrects_key = $1 AND "
                     "charge_key = $2 ORDER BY line"},
                    {sql::Bytes{charge.view()}, sql::Bytes{key.view()}}));
  AdjustOutcome outcome;
  outcome.replayed = true;
  outcome.move = key;
  for (size_t i = 0; i < rows.size(); ++i) {
    AdjustedLine line;
    QP_RETURN_IF_ERROR(rows[i].Read(line.line, line.model, line.meter, line.quantity,
                                    line.cost_nano_usd, outcome.occurred_at_us,
                                    outcome.recorded_at_us));
    outcome.cost_nano_usd += line.cost_nano_usd;
    for (const BookedCharge& one : booked) {
      for (const BookedLine& now : one.lines) {
        if (now.line != line.line) continue;
        line.quantity_left = now.quantity_left;
        line.cost_left_nano_usd = now.cost_left_nano_usd;
      }
    }
    outcome.lines.push_back(std::move(line));
  }
  for (const BookedCharge& one : booked) outcome.cost_left_nano_usd += CostLeft(one);
  return outcome;
}

AdjustOutcome OutcomeOf(const BookedCharge& charge, const std::vector<LineShare>& shares,
                        const Digest& key, int64_t now_us) {
  AdjustOutcome outcome;
  outcome.occurred_at_us = charge.occurred_at_us;
  outcome.recorded_at_us = now_us;
  outcome.move = key;
  for (const LineShare& share : shares) {
    const BookedLine& line = charge.lines[share.index];
    outcome.lines.push_back({line.line, line.model, line.meter, share.quantity, share.cost_nano_usd,
                             line.quantity_left + share.quantity,
                             line.cost_left_nano_usd + share.cost_nano_usd});
    outcome.cost_nano_usd += share.cost_nano_usd;
  }
  outcome.cost_left_nano_usd = CostLeft(charge) + outcome.cost_nano_usd;
  return outcome;
}

absl::Status WriteRows(sql::Transaction& transaction, const Adjustment& a,
                       const BookedCharge& charge, const std::vector<LineShare>& shares,
                       const Digest& key, int64_t now_us) {
  CorrectionRows rows(CorrectedBy::kAdjustment, a.reason, now_us);
  std::vector<LineCorrection> lines;
  int64_t cost = 0, quantity = 0;
  for (const LineShare& share : shares) {
    const BookedLine& line = charge.lines[share.index];
    lines.push_back({&line, share.quantity, share.cost_nano_usd, line.unit_price,
                     line.price_version, line.priced_as});
    cost += share.cost_nano_usd;
    quantity += share.quantity;
  }
  rows.Add(charge, key, key, lines);
  rows.AddMove(key, a.org, FingerprintOf(a));
  QP_RETURN_IF_ERROR(rows.Write(transaction));
  // By keys: ids and reasons may name a person, and the audit is not erased.
  const auto hex = [](const Digest& digest) {
    return absl::BytesToHexString(AbslView(digest.view()));
  };
  return WriteAudit(transaction, {now_us, a.actor, "adjust", a.org,
                                  AuditDetail({{"charge_key", hex(charge.key)},
                                               {"correction_key", hex(key)},
                                               {"cost_nano_usd", absl::StrCat(cost)},
                                               {"quantity", absl::StrCat(quantity)}})});
}

absl::StatusOr<AdjustOutcome> AdjustOnce(sql::Database& database, const Adjustment& a,
                                         int64_t now_us) {
  const Digest key = KeyOf(a);
  ChargeAt at{ChargeKey(a.org, a.reservation_id), 0};
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database.Begin());
  QP_RETURN_IF_ERROR(LockIdentities(*transaction));
  QP_ASSIGN_OR_RETURN(
      const sql::Rows found,
      transaction->Query({"charge", "SELECT occurred_at_us FROM ledger_keys WHERE charge_key = $1"},
                         {sql::Bytes{at.key.view()}}));
  std::vector<BookedCharge> booked;
  if (!found.empty()) {
    at.occurred_at_us = found[0][0].integer();
    QP_ASSIGN_OR_RETURN(booked, LockCharges(*transaction, a.org, {at}));
  }
  QP_ASSIGN_OR_RETURN(
      const sql::Rows before,
      transaction->Query({"adjustment", "SELECT fingerprint FROM ledger_moves WHERE move_key = $1"},
                         {sql::Bytes{key.view()}}));
  if (!before.empty()) {
    if (before[0][0].integer() != FingerprintOf(a)) return OtherAdjustment();
    return Replay(*transaction, key, at.key, booked);
  }
  if (found.empty()) {
    return absl::NotFoundError("the ledger has no charge of this reservation id");
  }
  if (booked.empty()) {
    return ReasonedError(absl::StatusCode::kFailedPrecondition, "ENTRIES_DROPPED",
                         "the charge's lines have been dropped by retention");
  }
  QP_ASSIGN_OR_RETURN(const std::vector<LineShare> shares, SharesOf(a, booked[0]));
  QP_RETURN_IF_ERROR(WriteRows(*transaction, a, booked[0], shares, key, now_us));
  QP_RETURN_IF_ERROR(transaction->Commit());
  return OutcomeOf(booked[0], shares, key, now_us);
}

}  // namespace

absl::StatusOr<AdjustOutcome> Adjuster::Adjust(const Adjustment& adjustment, int64_t now_us) {
  QP_RETURN_IF_ERROR(Check(adjustment));
  QP_RETURN_IF_ERROR(sql::EnsureMonthPartitions(*database_, now_us, now_us));
  // One that was made at the same time under the same id, of another charge, shows by its key.
  for (int attempt = 0; attempt < 2; ++attempt) {
    absl::StatusOr<AdjustOutcome> outcome = AdjustOnce(*database_, adjustment, now_us);
    if (!absl::IsAlreadyExists(outcome.status()) || ReasonOf(outcome.status()).has_value()) {
      return outcome;
    }
  }
  return OtherAdjustment();
}

}  // namespace quotaplane
