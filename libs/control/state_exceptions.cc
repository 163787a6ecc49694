#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/control/exception_check.h"
#include "libs/control/exception_rows.h"
#include "libs/control/sortable_id.h"
#include "libs/control/state_parts.h"
#include "libs/control/store_rules.h"

namespace quotaplane {
namespace {

using Kind = StateChange::Kind;

bool ByLimit(const LimitRaise& a, const LimitRaise& b) { return a.limit_id < b.limit_id; }

ExceptionSpec SpecOf(const StateException& exception) {
  ExceptionSpec spec;
  spec.scope = exception.scope;
  for (const StateRaise& raise : exception.raises) {
    spec.raises.push_back({raise.limit_id, raise.amount, raise.per});
  }
  spec.start_us = exception.start_us;
  spec.end_us = exception.end_us;
  spec.reason = exception.reason;
  return spec;
}

// The order of raises says nothing.
bool SameSpec(ExceptionSpec a, ExceptionSpec b) {
  std::sort(a.raises.begin(), a.raises.end(), ByLimit);
  std::sort(b.raises.begin(), b.raises.end(), ByLimit);
  return a == b;
}

StateException ToState(const Exception& e) {
  StateException exception;
  exception.id = e.id;
  exception.scope = e.spec.scope;
  for (const LimitRaise& raise : e.spec.raises) {
    exception.raises.push_back({raise.limit_id, raise.amount, raise.per});
  }
  exception.start_us = e.spec.start_us;
  exception.end_us = e.spec.end_us;
  exception.reason = e.spec.reason;
  return exception;
}

std::string PathOf(const std::string& id) { return absl::StrCat("exceptions[", id, "]"); }

struct OpenRows {
  std::map<std::string, ExceptionRow> by_id;
  bool approved_changed = false;
};

absl::Status RequestNew(const OpenChange& change, const StateException& wanted, size_t index,
                        StateWork* work) {
  const std::string prefix = absl::StrCat("exceptions[", index, "].");
  if (!IsSortableId(wanted.id)) {
    work->wrong.push_back({prefix + "id", absl::StrCat("must be 26 characters as an export has "
                                                       "them, not ",
                                                       QuoteForMessage(wanted.id))});
    return absl::OkStatus();
  }
  const size_t wrong_before = work->wrong.size();
  ExceptionRow row;
  Exception& e = row.exception;
  e.spec = SpecOf(wanted);
  CheckExceptionSpec(e.spec, change.request.now_us, prefix, &work->wrong);
  if (work->wrong.size() > wrong_before) return absl::OkStatus();
  e.org = change.request.org;
  e.id = wanted.id;
  e.requester = change.request.actor;
  e.requested_at_us = change.request.now_us;
  QP_RETURN_IF_ERROR(InsertException(change.transaction, row, change.number));
  work->Add({Kind::kAdded, PathOf(e.id), "", ExceptionJson(e)});
  return absl::OkStatus();
}

absl::Status ApplyOne(const OpenChange& change, const StateException& wanted, size_t index,
                      const OpenRows& open, StateWork* work) {
  const auto found = open.by_id.find(wanted.id);
  if (found != open.by_id.end()) {
    if (!SameSpec(found->second.exception.spec, SpecOf(wanted))) {
      work->wrong.push_back(
          {absl::StrCat("exceptions[", index, "]"),
           absl::StrCat("differs from what was requested as ", wanted.id,
                        "; exceptions do not change: leave it out, and request another")});
    }
    return absl::OkStatus();
  }
  if (wanted.end_us <= change.request.now_us) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(const std::optional<ExceptionRow> ended,
                      ReadException(change.transaction, change.request.org, wanted.id));
  if (!ended.has_value()) return RequestNew(change, wanted, index, work);
  const ExceptionState state = StateAt(*ended, change.request.now_us);
  work->Add({Kind::kLeft, PathOf(wanted.id), std::string(ExceptionStateName(state)), ""});
  return absl::OkStatus();
}

absl::Status RevokeOne(const OpenChange& change, ExceptionRow row, OpenRows* open,
                       StateWork* work) {
  Exception& e = row.exception;
  e.state = StateAt(row, change.request.now_us);
  std::string before = ExceptionJson(e);
  if (row.decided == DecidedState::kApproved) open->approved_changed = true;
  row.decided = DecidedState::kRevoked;
  e.revoked_by = change.request.actor;
  e.revoked_at_us = change.request.now_us;
  QP_RETURN_IF_ERROR(UpdateException(change.transaction, row, change.number));
  work->Add({Kind::kRemoved, PathOf(e.id), std::move(before), ""});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<StateException>> ReadStateExceptions(sql::Session& session,
                                                                const std::string& org,
                                                                int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const std::vector<ExceptionRow> rows,
                      ReadOpenExceptions(session, org, now_us));
  if (rows.size() > kMaxStateExceptions) {
    return TooMany(absl::StrCat("a state document has at most ", kMaxStateExceptions,
                                " exceptions, not ", rows.size()));
  }
  std::vector<StateException> exceptions;
  exceptions.reserve(rows.size());
  for (const ExceptionRow& row : rows) exceptions.push_back(ToState(row.exception));
  return exceptions;
}

absl::Status ApplyExceptions(const OpenChange& change, const ItemCodec& codec,
                             const std::vector<StateException>& exceptions, StateWork* work) {
  const ChangeRequest& request = change.request;
  OpenRows open;
  QP_ASSIGN_OR_RETURN(std::vector<ExceptionRow> rows,
                      ReadOpenExceptions(change.transaction, request.org, request.now_us));
  for (ExceptionRow& row : rows) {
    std::string id = row.exception.id;
    open.by_id.emplace(std::move(id), std::move(row));
  }
  std::set<std::string_view> wanted;
  for (size_t i = 0; i < exceptions.size(); ++i) {
    wanted.insert(exceptions[i].id);
    QP_RETURN_IF_ERROR(ApplyOne(change, exceptions[i], i, open, work));
  }
  for (const auto& [id, row] : open.by_id) {
    if (!wanted.contains(id)) QP_RETURN_IF_ERROR(RevokeOne(change, row, &open, work));
  }
  QP_ASSIGN_OR_RETURN(const int64_t requests,
                      CountOpenRequests(change.transaction, request.org, request.now_us));
  if (requests > static_cast<int64_t>(kMaxOpenRequests)) {
    return TooMany(absl::StrCat("at most ", kMaxOpenRequests,
                                " exceptions of an org may wait for a decision"));
  }
  if (open.approved_changed) {
    QP_ASSIGN_OR_RETURN(ChangeRecord::ItemWrite item,
                        MakeRaisesItem(change.transaction, codec, request.org, request.now_us));
    work->items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
