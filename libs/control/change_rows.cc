#include "libs/control/change_rows.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr int64_t kMaxForgotten = 100;
constexpr size_t kBulkItems = 100;
constexpr size_t kBatchItems = 10'000;

absl::StatusOr<int64_t> Lock(sql::Transaction& transaction, int64_t step) {
  // SQLite's transactions that write are one after the other anyhow; in PostgreSQL this locks the
  // row, and waits for whoever holds it.
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      transaction.Query({"lock for changes",
                         "UPDATE control_head SET number = number + $1 WHERE only_one = 1 "
                         "RETURNING number"},
                        {step}));
  if (rows.empty()) return absl::DataLossError("control_head has no row");
  int64_t number = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(number));
  return number;
}

std::string DigestOf(const ChangeRequest& request) {
  FieldBuffer fields;
  fields.Add(request.action).Add(request.actor).Add(request.request_digest);
  return std::string(fields.digest().view());
}

absl::Status WriteItem(sql::Transaction& transaction, int64_t number,
                       const ChangeRecord::ItemWrite& item) {
  return transaction
      .Execute({"item",
                "INSERT INTO control_items (name, number, body) VALUES ($1, $2, $3) ON "
                "CONFLICT (name) DO UPDATE SET number = excluded.number, body = "
                "excluded.body"},
               {item.name, number, sql::Bytes{item.body}})
      .status();
}

// Those that the table does not have. Returns their names.
absl::StatusOr<absl::flat_hash_set<std::string>> InsertNewItems(
    sql::Transaction& transaction, int64_t number,
    const std::vector<ChangeRecord::ItemWrite>& items) {
  absl::flat_hash_set<std::string> names;
  for (size_t begin = 0; begin < items.size(); begin += kBatchItems) {
    const size_t end = std::min(items.size(), begin + kBatchItems);
    sql::Batch batch;
    batch.table = "control_items";
    batch.columns = {
        {"name", sql::Type::kText}, {"number", sql::Type::kInt}, {"body", sql::Type::kBytes}};
    for (size_t i = begin; i < end; ++i) {
      batch.values.insert(batch.values.end(), {items[i].name, number, sql::Bytes{items[i].body}});
    }
    QP_ASSIGN_OR_RETURN(
        const sql::Inserted result,
        transaction.InsertMany(batch, {.skip_existing = true, .returning = "name"}));
    for (size_t i = 0; i < result.returned.size(); ++i) {
      names.emplace(result.returned[i][0].text());
    }
  }
  return names;
}

}  // namespace

absl::StatusOr<int64_t> LockForChange(sql::Transaction& transaction) {
  return Lock(transaction, 1);
}

absl::Status LockForRefusal(sql::Transaction& transaction) { return Lock(transaction, 0).status(); }

absl::StatusOr<std::optional<std::string>> FindAnswer(sql::Transaction& transaction,
                                                      const ChangeRequest& request) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      transaction.Query({"request",
                         "SELECT request_digest, answer FROM control_requests WHERE org = $1 AND "
                         "request_id = $2 AND at_us > $3"},
                        {request.org, request.request_id, request.now_us - Changes::kRememberUs}));
  if (rows.empty()) return std::optional<std::string>();
  sql::Bytes digest, answer;
  QP_RETURN_IF_ERROR(rows[0].Read(digest, answer));
  if (digest.data != DigestOf(request)) {
    return ReasonedError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                         "request_id: another request had this id within the last 24 hours");
  }
  return std::optional<std::string>(answer.data);
}

absl::Status RememberAnswer(sql::Transaction& transaction, const ChangeRequest& request,
                            const std::string& answer) {
  const std::string digest = DigestOf(request);
  // In place of one with this id whose time is over.
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"remember request",
                    "INSERT INTO control_requests (org, request_id, action, request_digest, at_us, "
                    "answer) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org, request_id) DO "
                    "UPDATE SET action = excluded.action, request_digest = "
                    "excluded.request_digest, at_us = excluded.at_us, answer = excluded.answer"},
                   {request.org, request.request_id, request.action, sql::Bytes{digest},
                    request.now_us, sql::Bytes{answer}})
          .status());
  return transaction
      .Execute({"forget requests",
                "DELETE FROM control_requests WHERE (org, request_id) IN (SELECT org, request_id "
                "FROM control_requests WHERE at_us <= $1 ORDER BY at_us LIMIT $2)"},
               {request.now_us - Changes::kRememberUs, kMaxForgotten})
      .status();
}

absl::Status ReplaceAnswer(sql::Transaction& transaction, const ChangeRequest& request,
                           const std::string& answer) {
  const std::string digest = DigestOf(request);
  QP_ASSIGN_OR_RETURN(
      const int64_t found,
      transaction.Execute(
          {"answer again",
           "UPDATE control_requests SET answer = $4 WHERE org = $1 AND request_id "
           "= $2 AND request_digest = $3"},
          {request.org, request.request_id, sql::Bytes{digest}, sql::Bytes{answer}}));
  return found > 0 ? absl::OkStatus() : absl::NotFoundError("the request is not remembered");
}

absl::Status WriteItems(sql::Transaction& transaction, int64_t number,
                        const std::vector<ChangeRecord::ItemWrite>& items) {
  if (items.size() > kMaxItemWrites) {
    return ReasonedError(absl::StatusCode::kResourceExhausted, "TOO_MANY",
                         absl::StrCat("one change concerns ", items.size(),
                                      " published items; at most ", kMaxItemWrites));
  }
  // An org's keys at once are mostly new: those that are go in by the batch.
  absl::flat_hash_set<std::string> inserted;
  if (items.size() >= kBulkItems) {
    QP_ASSIGN_OR_RETURN(inserted, InsertNewItems(transaction, number, items));
  }
  for (const ChangeRecord::ItemWrite& item : items) {
    if (!inserted.contains(item.name)) {
      QP_RETURN_IF_ERROR(WriteItem(transaction, number, item));
    }
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
