#include "services/admin/access_convert.h"

#include <algorithm>

#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  FieldChecks checked;
  return TimeOf(true, time, "", &checked);
}

v1::ExceptionState StateOf(ExceptionState state) {
  switch (state) {
    case ExceptionState::kRequested:
      return v1::EXCEPTION_STATE_REQUESTED;
    case ExceptionState::kDenied:
      return v1::EXCEPTION_STATE_DENIED;
    case ExceptionState::kScheduled:
      return v1::EXCEPTION_STATE_SCHEDULED;
    case ExceptionState::kActive:
      return v1::EXCEPTION_STATE_ACTIVE;
    case ExceptionState::kExpired:
      return v1::EXCEPTION_STATE_EXPIRED;
    case ExceptionState::kRevoked:
      return v1::EXCEPTION_STATE_REVOKED;
  }
  return v1::EXCEPTION_STATE_UNSPECIFIED;
}

v1::KeyState StateOf(KeyState state) {
  switch (state) {
    case KeyState::kActive:
      return v1::KEY_STATE_ACTIVE;
    case KeyState::kExpired:
      return v1::KEY_STATE_EXPIRED;
    case KeyState::kRevoked:
      return v1::KEY_STATE_REVOKED;
  }
  return v1::KEY_STATE_UNSPECIFIED;
}

// 0 stands for no time.
void SetTimeIfAny(int64_t us, google::protobuf::Timestamp* (v1::Key::*field)(), v1::Key* proto) {
  if (us != 0) SetTime(us, (proto->*field)());
}

}  // namespace

ExceptionSpec SpecOf(const v1::RequestExceptionRequest& request) {
  ExceptionSpec spec;
  spec.scope = ValuesOf(request.scope());
  for (const v1::LimitRaise& raise : request.raises()) {
    spec.raises.push_back({raise.limit_id(), raise.amount()});
  }
  if (request.has_start_time()) spec.start_us = MicrosOf(request.start_time());
  spec.end_us = MicrosOf(request.end_time());
  spec.reason = request.reason();
  return spec;
}

ExceptionStore::Decision DecisionOf(const v1::DecideExceptionRequest& request) {
  return {request.exception_id(), request.etag(), request.comment()};
}

std::vector<ExceptionState> StatesOf(const v1::ListExceptionsRequest& request) {
  std::vector<ExceptionState> states;
  for (const ExceptionState state :
       {ExceptionState::kRequested, ExceptionState::kDenied, ExceptionState::kScheduled,
        ExceptionState::kActive, ExceptionState::kExpired, ExceptionState::kRevoked}) {
    if (std::find(request.states().begin(), request.states().end(), StateOf(state)) !=
        request.states().end()) {
      states.push_back(state);
    }
  }
  return states;
}

void ToProto(const Exception& exception, v1::Exception* proto) {
  proto->set_org(exception.org);
  proto->set_exception_id(exception.id);
  proto->set_state(StateOf(exception.state));
  proto->mutable_scope()->insert(exception.spec.scope.begin(), exception.spec.scope.end());
  for (const LimitRaise& raise : exception.spec.raises) {
    v1::LimitRaise* const added = proto->add_raises();
    added->set_limit_id(raise.limit_id);
    added->set_amount(raise.amount);
  }
  if (exception.spec.start_us.has_value()) {
    SetTime(*exception.spec.start_us, proto->mutable_start_time());
  }
  SetTime(exception.spec.end_us, proto->mutable_end_time());
  proto->set_reason(exception.spec.reason);
  proto->set_requester(exception.requester);
  SetTime(exception.requested_at_us, proto->mutable_request_time());
  proto->set_decider(exception.decider);
  if (!exception.decider.empty()) SetTime(exception.decided_at_us, proto->mutable_decide_time());
  proto->set_decide_comment(exception.decide_comment);
  proto->set_revoked_by(exception.revoked_by);
  if (!exception.revoked_by.empty()) SetTime(exception.revoked_at_us, proto->mutable_revoke_time());
  proto->set_etag(exception.etag);
}

KeySpec SpecOf(const v1::Key& key) {
  KeySpec spec;
  spec.display_name = key.display_name();
  spec.team = key.team();
  spec.project = key.project();
  spec.user = key.user();
  spec.models = {key.models().begin(), key.models().end()};
  if (key.has_expire_time()) spec.expires_at_us = MicrosOf(key.expire_time());
  return spec;
}

KeyUpdate UpdateOf(const v1::UpdateKeyRequest& request) {
  const KeySpec spec = SpecOf(request.key());
  KeyUpdate update;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") update.display_name = spec.display_name;
    if (path == "team") update.team = spec.team;
    if (path == "project") update.project = spec.project;
    if (path == "user") update.user = spec.user;
    if (path == "models") update.models = spec.models;
    if (path == "expire_time") update.expires_at_us = spec.expires_at_us;
  }
  return update;
}

void ToProto(const StoredKey& key, v1::Key* proto) {
  proto->set_org(key.org);
  proto->set_key_id(key.id);
  proto->set_state(StateOf(key.state));
  proto->set_display_name(key.spec.display_name);
  proto->set_team(key.spec.team);
  proto->set_project(key.spec.project);
  proto->set_user(key.spec.user);
  for (const std::string& model : key.spec.models) proto->add_models(model);
  SetTimeIfAny(key.spec.expires_at_us, &v1::Key::mutable_expire_time, proto);
  proto->set_author(key.author);
  SetTime(key.created_at_us, proto->mutable_create_time());
  SetTimeIfAny(key.rotated_at_us, &v1::Key::mutable_rotate_time, proto);
  SetTimeIfAny(key.previous_until_us, &v1::Key::mutable_previous_until_time, proto);
  SetTimeIfAny(key.revoked_at_us, &v1::Key::mutable_revoke_time, proto);
  proto->set_revoked_by(key.revoked_by);
  proto->set_etag(key.etag);
}

}  // namespace quotaplane
