#include "libs/ledger/ledger_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_rows.h"
#include "libs/ledger/refusal_rows.h"
#include "libs/sql/month_partitions.h"

namespace quotaplane {

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
  QP_ASSIGN_OR_RETURN(
      sql::Inserted inserted,
      transaction->InsertMany(wanted, {.skip_existing = true, .returning = "charge_key"}));
  LedgerRows rows(recorded_at_us);
  for (size_t i = 0; i < inserted.returned.size(); ++i) {
    const std::string_view key = inserted.returned[i][0].bytes();
    const SettledCharge& charge = *by_key.at(AbslView(key));
    Digest digest;
    std::copy(key.begin(), key.end(), digest.bytes.begin());
    rows.Add(charge, digest, cost_center_of_(charge.charge.subject));
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
  RefusalRows rows(recorded_at_us);
  std::vector<Digest> keys;
  keys.reserve(batches.size());
  // By key: of two with one key the first counts.
  absl::flat_hash_map<absl::string_view, const RefusalBatch*> by_key;
  std::vector<std::vector<std::string>> cost_centers;
  cost_centers.reserve(batches.size());
  for (const RefusalBatch& batch : batches) {
    const std::string_view key = keys.emplace_back(RefusalBatchKey(batch)).view();
    std::vector<std::string>& centers = cost_centers.emplace_back();
    for (const RefusalLine& line : batch.lines) centers.push_back(cost_center_of_(line.subject));
    if (!by_key.emplace(AbslView(key), &batch).second) continue;
    for (size_t i = 0; i < batch.lines.size(); ++i) {
      rows.Add(batch.lines[i], static_cast<int>(i), key, centers[i]);
    }
  }
  QP_ASSIGN_OR_RETURN(std::unique_ptr<sql::Transaction> transaction, database_->Begin());
  QP_ASSIGN_OR_RETURN(
      sql::Inserted inserted,
      transaction->InsertMany(rows.refusals(), {.skip_existing = true, .returning = "batch_key"}));
  // A batch is there whole, or not at all.
  absl::flat_hash_set<absl::string_view> fresh;
  for (size_t i = 0; i < inserted.returned.size(); ++i) {
    fresh.insert(AbslView(inserted.returned[i][0].bytes()));
  }
  for (size_t i = 0; i < batches.size(); ++i) {
    const RefusalBatch& batch = batches[i];
    const absl::string_view key = AbslView(keys[i].view());
    if (by_key.at(key) != &batch || !fresh.contains(key)) continue;
    ++result.refusals;
    for (size_t line = 0; line < batch.lines.size(); ++line) {
      rows.AddToRollups(batch.lines[line], cost_centers[i][line]);
    }
  }
  QP_RETURN_IF_ERROR(transaction->AddMany(rows.rollup_hour(), kRollupKeyColumns));
  QP_RETURN_IF_ERROR(transaction->AddMany(rows.rollup_day(), kRollupKeyColumns));
  QP_RETURN_IF_ERROR(transaction->Commit());
  result.duplicates = static_cast<int64_t>(batches.size()) - result.refusals;
  return result;
}

}  // namespace quotaplane
