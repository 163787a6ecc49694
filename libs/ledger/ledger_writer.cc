#include "libs/ledger/ledger_writer.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/ledger_rows.h"
#include "libs/ledger/refusal_rows.h"
#include "libs/sql/month_partitions.h"

namespace quotaplane {
namespace {

// When its caller was told that it counts. What was spooled is charged later than that.
int64_t AcceptedAt(const SettledCharge& charge) {
  const int64_t spooled_at = charge.charge.spooled_at_us;
  const int64_t occurred_at = charge.settlement.occurred_at_us;
  return spooled_at == 0 ? occurred_at : std::min(spooled_at, occurred_at);
}

// Null: the charge keeps its name.
const std::string* PseudonymFor(const SettledCharge& charge, const ErasedUsers& erased) {
  if (erased.empty()) return nullptr;
  const auto found = erased.find({charge.charge.subject.org, charge.charge.subject.user});
  if (found == erased.end() || AcceptedAt(charge) > found->second.erased_at_us) return nullptr;
  return &found->second.pseudonym;
}

// Pairs of org and user, each once.
class UserList {
 public:
  void Add(const Subject& subject) {
    if (subject.user.empty() || !seen_.emplace(subject.org, subject.user).second) return;
    users_.emplace_back(subject.org, subject.user);
  }
  const std::vector<std::pair<std::string, std::string>>& users() const { return users_; }

 private:
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> seen_;
  std::vector<std::pair<std::string, std::string>> users_;
};

UserList UsersOf(std::span<const SettledCharge> charges) {
  UserList list;
  for (const SettledCharge& charge : charges) list.Add(charge.charge.subject);
  return list;
}

UserList UsersOf(std::span<const RefusalBatch> batches) {
  UserList list;
  for (const RefusalBatch& batch : batches) {
    for (const RefusalLine& line : batch.lines) list.Add(line.subject);
  }
  return list;
}

// The line as it may be written.
RefusalLine WithoutErasedName(const RefusalLine& line, const ErasedUsers& erased) {
  RefusalLine kept = line;
  const auto found = erased.find({line.subject.org, line.subject.user});
  if (found != erased.end() && line.minute_us <= found->second.erased_at_us) {
    Pseudonymise(found->second.pseudonym, &kept.subject);
  }
  return kept;
}

}  // namespace

Digest ChargeKey(std::string_view org, std::string_view reservation_id) {
  FieldBuffer fields;
  return fields.Add(org).Add(reservation_id).digest();
}

LedgerWriter::LedgerWriter(sql::Database* database, CostCenterOf cost_center_of)
    : database_(database), cost_center_of_(std::move(cost_center_of)) {}

absl::StatusOr<WriteResult> LedgerWriter::Write(std::span<const SettledCharge> charges,
                                                int64_t recorded_at_us) {
  WriteResult result;
  if (charges.empty()) return result;
  const auto [first, last] = std::minmax_element(
      charges.begin(), charges.end(), [](const SettledCharge& a, const SettledCharge& b) {
        return a.settlement.occurred_at_us < b.settlement.occurred_at_us;
      });
  QP_RETURN_IF_ERROR(sql::EnsureMonthPartitions(*database_, first->settlement.occurred_at_us,
                                                last->settlement.occurred_at_us));

  // By key, in the order of the batch: of two with one key the first counts.
  std::vector<Digest> keys;
  keys.reserve(charges.size());
  absl::flat_hash_map<absl::string_view, const SettledCharge*> by_key;
  by_key.reserve(charges.size());
  sql::Batch wanted{"ledger_keys", {{"charge_key", sql::Type::kBytes}, {"occurred_at_us"}}, {}};
  for (const SettledCharge& charge : charges) {
    keys.push_back(ChargeKey(charge.charge.subject.org, charge.charge.id));
    const std::string_view key = keys.back().view();
    if (!by_key.emplace(AbslView(key), &charge).second) continue;
    wanted.values.insert(wanted.values.end(), {sql::Bytes{key}, charge.settlement.occurred_at_us});
  }

  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_RETURN_IF_ERROR(LockIdentities(*transaction));
  QP_ASSIGN_OR_RETURN(const ErasedUsers erased, FindErased(*transaction, UsersOf(charges).users()));
  QP_ASSIGN_OR_RETURN(
      sql::Inserted inserted,
      transaction->InsertMany(wanted, {.skip_existing = true, .returning = "charge_key"}));
  LedgerRows rows(recorded_at_us);
  std::deque<SettledCharge> renamed;  // which `rows` views
  for (size_t i = 0; i < inserted.returned.size(); ++i) {
    const std::string_view key = inserted.returned[i][0].bytes();
    const SettledCharge& charge = *by_key.at(AbslView(key));
    Digest digest;
    std::copy(key.begin(), key.end(), digest.bytes.begin());
    std::string cost_center = cost_center_of_(charge.charge.subject);
    if (const std::string* pseudonym = PseudonymFor(charge, erased); pseudonym != nullptr) {
      Pseudonymise(*pseudonym, &renamed.emplace_back(charge).charge);
      rows.Add(renamed.back(), digest, std::move(cost_center));
    } else {
      rows.Add(charge, digest, std::move(cost_center));
    }
  }
  QP_RETURN_IF_ERROR(transaction->InsertMany(rows.entries()).status());
  QP_RETURN_IF_ERROR(transaction->AddMany(rows.rollup_hour(), kRollupKeyColumns));
  QP_RETURN_IF_ERROR(transaction->AddMany(rows.rollup_day(), kRollupKeyColumns));
  QP_RETURN_IF_ERROR(transaction->Commit());
  result.charges = inserted.rows;
  result.entries = static_cast<int64_t>(rows.entries().rows());
  result.duplicates = static_cast<int64_t>(charges.size()) - inserted.rows;
  return result;
}

absl::StatusOr<WriteResult> LedgerWriter::Write(std::span<const RefusalBatch> batches,
                                                int64_t recorded_at_us) {
  WriteResult result;
  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_RETURN_IF_ERROR(LockIdentities(*transaction));
  QP_ASSIGN_OR_RETURN(const ErasedUsers erased, FindErased(*transaction, UsersOf(batches).users()));

  // What `rows` views. By key: of two batches with one key the first counts.
  struct Written {
    Digest key;
    std::vector<RefusalLine> lines;
    std::vector<std::string> cost_centers;
  };
  std::deque<Written> written;
  absl::flat_hash_set<absl::string_view> seen;
  RefusalRows rows(recorded_at_us);
  for (const RefusalBatch& batch : batches) {
    Written& one = written.emplace_back();
    one.key = RefusalBatchKey(batch);
    if (!seen.insert(AbslView(one.key.view())).second) {
      written.pop_back();
      continue;
    }
    for (const RefusalLine& line : batch.lines) {
      one.cost_centers.push_back(cost_center_of_(line.subject));
      one.lines.push_back(WithoutErasedName(line, erased));
    }
    for (size_t i = 0; i < one.lines.size(); ++i) {
      rows.Add(one.lines[i], static_cast<int>(i), one.key.view(), one.cost_centers[i]);
    }
  }
  QP_ASSIGN_OR_RETURN(
      sql::Inserted inserted,
      transaction->InsertMany(rows.refusals(), {.skip_existing = true, .returning = "batch_key"}));
  // A batch is there whole, or not at all.
  absl::flat_hash_set<absl::string_view> fresh;
  for (size_t i = 0; i < inserted.returned.size(); ++i) {
    fresh.insert(AbslView(inserted.returned[i][0].bytes()));
  }
  for (const Written& one : written) {
    if (!fresh.contains(AbslView(one.key.view()))) continue;
    ++result.refusals;
    for (size_t i = 0; i < one.lines.size(); ++i) {
      rows.AddToRollups(one.lines[i], one.cost_centers[i]);
    }
  }
  QP_RETURN_IF_ERROR(transaction->AddMany(rows.rollup_hour(), kRollupKeyColumns));
  QP_RETURN_IF_ERROR(transaction->AddMany(rows.rollup_day(), kRollupKeyColumns));
  QP_RETURN_IF_ERROR(transaction->Commit());
  result.duplicates = static_cast<int64_t>(batches.size()) - result.refusals;
  return result;
}

}  // namespace quotaplane
