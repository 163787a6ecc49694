#include "services/admin/state_convert.h"

#include "absl/strings/escaping.h"
#include "libs/base/error.h"
#include "services/admin/policy_convert.h"
#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

v1::PriceBookState StateOf(PriceBookState state) {
  switch (state) {
    case PriceBookState::kDraft:
      return v1::PRICE_BOOK_STATE_DRAFT;
    case PriceBookState::kScheduled:
      return v1::PRICE_BOOK_STATE_SCHEDULED;
    case PriceBookState::kActive:
      return v1::PRICE_BOOK_STATE_ACTIVE;
    case PriceBookState::kSuperseded:
      return v1::PRICE_BOOK_STATE_SUPERSEDED;
  }
  return v1::PRICE_BOOK_STATE_UNSPECIFIED;
}

v1::PolicyChange::Kind KindOf(StateChange::Kind kind) {
  switch (kind) {
    case StateChange::Kind::kAdded:
      return v1::PolicyChange::KIND_ADDED;
    case StateChange::Kind::kRemoved:
      return v1::PolicyChange::KIND_REMOVED;
    case StateChange::Kind::kChanged:
      return v1::PolicyChange::KIND_CHANGED;
    case StateChange::Kind::kLeft:
      return v1::PolicyChange::KIND_LEFT;
  }
  return v1::PolicyChange::KIND_UNSPECIFIED;
}

}  // namespace

std::optional<int64_t> ActiveFromOf(const v1::ActivatePriceBookRequest& request) {
  if (!request.has_activate_time()) return std::nullopt;
  FieldChecks checked;
  return TimeOf(true, request.activate_time(), "", &checked);
}

void ToProto(const StoredPriceBook& book, v1::PriceBookVersion* proto) {
  proto->set_number(book.number);
  proto->set_version(book.version);
  proto->set_state(StateOf(book.state));
  proto->set_author(book.author);
  proto->set_reason(book.reason);
  SetTime(book.created_at_us, proto->mutable_create_time());
  if (book.active_from_us.has_value()) {
    SetTime(*book.active_from_us, proto->mutable_activate_time());
  }
  proto->set_activated_by(book.activated_by);
  proto->set_models(static_cast<int32_t>(book.models));
  proto->set_yaml(book.yaml);
  proto->set_etag(book.etag);
}

absl::StatusOr<StateDocument> DocumentOf(const v1::ApplyStateRequest& request) {
  absl::StatusOr<StateDocument> document = ParseState(request.yaml(), "yaml");
  if (document.ok() || !FieldViolationsOf(document.status()).empty()) return document;
  return FieldError({{"yaml", std::string(document.status().message())}});
}

void ToProto(const StatePlan& plan, v1::ApplyStateResponse* response) {
  size_t bytes = 0;
  for (const StateChange& from : plan.changes) {
    if (bytes > kMaxListedChangeBytes) break;
    v1::PolicyChange* const change = response->add_changes();
    change->set_kind(KindOf(from.kind));
    change->set_path(from.path);
    change->set_before(from.before);
    change->set_after(from.after);
    change->set_counts_anew(from.counts_anew);
    bytes += change->ByteSizeLong();
  }
  response->set_unlisted(plan.unlisted + static_cast<int64_t>(plan.changes.size()) -
                         response->changes_size());
  if (plan.version.has_value()) ToProto(*plan.version, response->mutable_version());
}

AuditQuery QueryOf(const v1::ListAuditRequest& request) {
  return {request.org(), request.after_number(), request.actor(), request.action(),
          request.target()};
}

void ToProto(const AuditRow& row, v1::AuditRow* proto) {
  proto->set_org(row.org);
  proto->set_number(row.number);
  SetTime(row.at_us, proto->mutable_time());
  proto->set_actor(row.actor);
  proto->set_action(row.action);
  proto->set_target(row.target);
  proto->set_outcome(row.outcome);
  proto->set_reason(row.reason);
  proto->set_address(row.address);
  proto->set_before(row.before);
  proto->set_after(row.after);
  proto->set_previous_hash(absl::BytesToHexString(row.previous_hash));
  proto->set_hash(absl::BytesToHexString(row.hash));
}

void ToProto(const ReplicaReport& report, v1::ReplicaStatus* proto) {
  proto->set_replica(report.replica);
  proto->set_position(report.position);
  SetTime(report.seen_us, proto->mutable_seen_time());
  proto->set_keys(report.keys);
  proto->set_orgs(report.orgs);
}

}  // namespace quotaplane
