#include "libs/control/exceptions.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/control/exception_check.h"
#include "libs/control/exception_rows.h"
#include "libs/control/sortable_id.h"
#include "libs/control/store_rules.h"

namespace quotaplane {
namespace {

constexpr int64_t kMaxDroppedOrgs = 100;

absl::Status Unknown(std::string_view id) {
  return absl::NotFoundError(absl::StrCat("the org has no exception ", QuoteForMessage(id)));
}

// The exception as it is now, if it may be `done` to: its etag is the one given, its state one of
// `allowed`.
absl::StatusOr<ExceptionRow> ReadForDecision(const OpenChange& change,
                                             const ExceptionStore::Decision& decision,
                                             std::initializer_list<ExceptionState> allowed,
                                             std::string_view done) {
  QP_ASSIGN_OR_RETURN(std::optional<ExceptionRow> row,
                      ReadException(change.transaction, change.request.org, decision.id));
  if (!row.has_value()) return Unknown(decision.id);
  QP_RETURN_IF_ERROR(CheckEtag(decision.etag, row->exception.etag));
  row->exception.state = StateAt(*row, change.request.now_us);
  for (const ExceptionState state : allowed) {
    if (row->exception.state == state) return *std::move(row);
  }
  return WrongState("the exception", ExceptionStateName(row->exception.state), done);
}

// Of a row that has just been written.
Changed<Exception> ChangedTo(ExceptionRow row, std::string before, const OpenChange& change) {
  Changed<Exception> changed;
  row.exception.etag = EtagOf(change.number);
  changed.now = At(std::move(row), change.request.now_us);
  changed.record.target = absl::StrCat("exception/", changed.now.id);
  changed.record.before = std::move(before);
  changed.record.after = ExceptionJson(changed.now);
  return changed;
}

absl::StatusOr<Changed<Exception>> Decide(const OpenChange& change,
                                          const ExceptionStore::Decision& decision,
                                          DecidedState decided, std::string_view done) {
  QP_ASSIGN_OR_RETURN(ExceptionRow row,
                      ReadForDecision(change, decision, {ExceptionState::kRequested}, done));
  Exception& e = row.exception;
  if (e.requester == change.request.actor) {
    return ReasonedError(absl::StatusCode::kPermissionDenied, "OWN_CHANGE",
                         "an exception is decided on by another than its requester");
  }
  std::string before = ExceptionJson(e);
  row.decided = decided;
  e.decider = change.request.actor;
  e.decided_at_us = change.request.now_us;
  e.decide_comment = decision.comment;
  QP_RETURN_IF_ERROR(UpdateException(change.transaction, row, change.number));
  return ChangedTo(std::move(row), std::move(before), change);
}

}  // namespace

std::string_view ExceptionStateName(ExceptionState state) {
  static constexpr std::array<std::string_view, 6> kNames = {"REQUESTED", "DENIED",  "SCHEDULED",
                                                             "ACTIVE",    "EXPIRED", "REVOKED"};
  return kNames[static_cast<size_t>(state)];
}

std::optional<int64_t> Exception::FromUs() const {
  if (spec.start_us.has_value()) return spec.start_us;
  return decider.empty() ? std::nullopt : std::optional<int64_t>(decided_at_us);
}

absl::StatusOr<Changed<Exception>> ExceptionStore::Request(const OpenChange& change,
                                                           const ExceptionSpec& spec,
                                                           const Policy& policy) const {
  const ChangeRequest& request = change.request;
  ExceptionRow row;
  Exception& e = row.exception;
  e.spec = spec;
  QP_RETURN_IF_ERROR(CheckAgainstPolicy(policy, request.org, request.now_us, &e.spec));
  QP_ASSIGN_OR_RETURN(const int64_t open,
                      CountOpenRequests(change.transaction, request.org, request.now_us));
  if (open >= static_cast<int64_t>(kMaxOpenRequests)) {
    return TooMany(absl::StrCat("at most ", kMaxOpenRequests,
                                " exceptions of an org may wait for a decision"));
  }
  e.org = request.org;
  e.id = NewSortableId(request.now_us);
  e.requester = request.actor;
  e.requested_at_us = request.now_us;
  QP_RETURN_IF_ERROR(InsertException(change.transaction, row, change.number));
  return ChangedTo(std::move(row), "", change);
}

absl::StatusOr<Changed<Exception>> ExceptionStore::Approve(const OpenChange& change,
                                                           const Decision& decision) const {
  QP_ASSIGN_OR_RETURN(Changed<Exception> changed,
                      Decide(change, decision, DecidedState::kApproved, "approved"));
  QP_ASSIGN_OR_RETURN(
      ChangeRecord::ItemWrite item,
      MakeRaisesItem(change.transaction, *codec_, change.request.org, change.request.now_us));
  changed.record.items.push_back(std::move(item));
  return changed;
}

absl::StatusOr<Changed<Exception>> ExceptionStore::Deny(const OpenChange& change,
                                                        const Decision& decision) const {
  return Decide(change, decision, DecidedState::kDenied, "denied");
}

absl::StatusOr<Changed<Exception>> ExceptionStore::Revoke(const OpenChange& change,
                                                          const Decision& decision) const {
  QP_ASSIGN_OR_RETURN(ExceptionRow row,
                      ReadForDecision(change, decision,
                                      {ExceptionState::kRequested, ExceptionState::kScheduled,
                                       ExceptionState::kActive},
                                      "revoked"));
  std::string before = ExceptionJson(row.exception);
  const bool was_approved = row.decided == DecidedState::kApproved;
  row.decided = DecidedState::kRevoked;
  row.exception.revoked_by = change.request.actor;
  row.exception.revoked_at_us = change.request.now_us;
  QP_RETURN_IF_ERROR(UpdateException(change.transaction, row, change.number));
  Changed<Exception> changed = ChangedTo(std::move(row), std::move(before), change);
  if (was_approved) {
    QP_ASSIGN_OR_RETURN(
        ChangeRecord::ItemWrite item,
        MakeRaisesItem(change.transaction, *codec_, change.request.org, change.request.now_us));
    changed.record.items.push_back(std::move(item));
  }
  return changed;
}

absl::StatusOr<Exception> ExceptionStore::Get(sql::Session& session, const std::string& org,
                                              const std::string& id, int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(std::optional<ExceptionRow> row, ReadException(session, org, id));
  if (!row.has_value()) return Unknown(id);
  return At(*std::move(row), now_us);
}

absl::StatusOr<std::vector<Exception>> ExceptionStore::List(sql::Session& session,
                                                            const Filter& filter,
                                                            const std::string& after, size_t count,
                                                            int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(std::vector<ExceptionRow> rows,
                      ReadExceptions(session, filter.org, filter.states, after, count, now_us));
  std::vector<Exception> list;
  list.reserve(rows.size());
  for (ExceptionRow& row : rows) list.push_back(At(std::move(row), now_us));
  return list;
}

absl::StatusOr<int> ExceptionStore::DropEnded(sql::Database& database, Changes& changes,
                                              int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      database.Query({"ended exceptions",
                                      "SELECT DISTINCT org FROM exceptions WHERE state = "
                                      "'approved' AND end_us <= $1 LIMIT $2"},
                                     {now_us, kMaxDroppedOrgs}));
  for (size_t i = 0; i < rows.size(); ++i) {
    ChangeRequest request;
    request.org = std::string(rows[i][0].text());
    request.actor = std::string(kUpkeepActor);
    request.action = "DropEndedExceptions";
    request.request_id = absl::BytesToHexString(AbslView(RandomDigest().view()));
    request.now_us = now_us;
    const absl::StatusOr<ChangeOutcome> made = changes.Make(
        request, "exceptions",
        [&](sql::Transaction& transaction, int64_t) -> absl::StatusOr<ChangeRecord> {
          QP_ASSIGN_OR_RETURN(ChangeRecord::ItemWrite item,
                              MakeRaisesItem(transaction, *codec_, request.org, now_us));
          ChangeRecord record;
          record.target = "exceptions";
          record.items.push_back(std::move(item));
          return record;
        });
    if (!made.ok()) return made.status();
  }
  return static_cast<int>(rows.size());
}

}  // namespace quotaplane
