#include "services/admin/access_calls.h"

#include "libs/base/error.h"
#include "services/admin/access_convert.h"

namespace quotaplane {
namespace {

using Decide = absl::StatusOr<Changed<Exception>> (ExceptionStore::*)(
    const OpenChange&, const ExceptionStore::Decision&) const;

void Answer(const Exception& exception, v1::Exception* response) { ToProto(exception, response); }
void AnswerKey(const StoredKey& key, v1::Key* response) { ToProto(key, response); }

absl::Status DecideOn(AdminCall& call, const v1::DecideExceptionRequest& request, Decide decide,
                      v1::Exception* response) {
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, TargetOf(request),
      [&](const OpenChange& open) {
        return (call.parts.exceptions.get()->*decide)(open, DecisionOf(request));
      },
      Answer, response);
}

// Creates or rotates: the secret goes into the answer, and nowhere else.
template <typename Do>
absl::Status MakeSecret(AdminCall& call, const ChangeRequest& change, const std::string& target,
                        Do work, v1::CreateKeyResponse* response) {
  std::string secret;
  bool repeated = false;
  QP_RETURN_IF_ERROR(MakeChange(
      call, change, target, work,
      [&](const KeyWithSecret& made, v1::CreateKeyResponse* answer) {
        ToProto(made.key, answer->mutable_key());
        secret = made.secret;
      },
      response, &repeated));
  if (!repeated) response->set_secret(secret);
  return absl::OkStatus();
}

}  // namespace

absl::Status RequestException(AdminCall& call, const v1::RequestExceptionRequest& request,
                              v1::Exception* response) {
  const ChangeRequest change = ChangeOf(call, request);
  QP_ASSIGN_OR_RETURN(const LoadedPolicy loaded, call.parts.policies->Load(request.org(), 0));
  return MakeChange(
      call, change, "exception",
      [&](const OpenChange& open) {
        return call.parts.exceptions->Request(open, SpecOf(request), *loaded.policy);
      },
      Answer, response);
}

absl::Status ApproveException(AdminCall& call, const v1::DecideExceptionRequest& request,
                              v1::Exception* response) {
  return DecideOn(call, request, &ExceptionStore::Approve, response);
}

absl::Status DenyException(AdminCall& call, const v1::DecideExceptionRequest& request,
                           v1::Exception* response) {
  return DecideOn(call, request, &ExceptionStore::Deny, response);
}

absl::Status RevokeException(AdminCall& call, const v1::DecideExceptionRequest& request,
                             v1::Exception* response) {
  if (!call.caller.principal->MayAs({Role::kAdmin, Role::kApprover}, request.org())) {
    QP_ASSIGN_OR_RETURN(const Exception exception,
                        call.parts.exceptions->Get(*call.parts.database, request.org(),
                                                   request.exception_id(), call.now_us));
    if (exception.requester != call.caller.principal->name) {
      return ReasonedError(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
                           "it is somebody else's request; ending that needs one of the roles "
                           "admin, approver",
                           {{"roles", "admin, approver"}, {"org", request.org()}});
    }
  }
  return DecideOn(call, request, &ExceptionStore::Revoke, response);
}

absl::Status GetException(AdminCall& call, const v1::GetExceptionRequest& request,
                          v1::Exception* response) {
  QP_ASSIGN_OR_RETURN(const Exception exception,
                      call.parts.exceptions->Get(*call.parts.database, request.org(),
                                                 request.exception_id(), call.now_us));
  ToProto(exception, response);
  return absl::OkStatus();
}

absl::Status ListExceptions(AdminCall& call, const v1::ListExceptionsRequest& request,
                            v1::ListExceptionsResponse* response) {
  const Page page = PageOf(request);
  QP_ASSIGN_OR_RETURN(
      const std::vector<Exception> found,
      call.parts.exceptions->List(*call.parts.database, {request.org(), StatesOf(request)},
                                  page.after, page.size + 1, call.now_us));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const Exception& exception) {
        v1::Exception* const added = response->add_exceptions();
        ToProto(exception, added);
        return added;
      },
      [](const Exception& exception) { return exception.id; }));
  return absl::OkStatus();
}

absl::Status CreateKey(AdminCall& call, const v1::CreateKeyRequest& request,
                       v1::CreateKeyResponse* response) {
  const ChangeRequest change = ChangeOf(call, request);
  return MakeSecret(
      call, change, "key",
      [&](const OpenChange& open) { return call.parts.keys->Create(open, SpecOf(request.key())); },
      response);
}

absl::Status GetKey(AdminCall& call, const v1::GetKeyRequest& request, v1::Key* response) {
  QP_ASSIGN_OR_RETURN(const StoredKey key, call.parts.keys->Get(*call.parts.database, request.org(),
                                                                request.key_id(), call.now_us));
  ToProto(key, response);
  return absl::OkStatus();
}

absl::Status ListKeys(AdminCall& call, const v1::ListKeysRequest& request,
                      v1::ListKeysResponse* response) {
  const Page page = PageOf(request);
  QP_ASSIGN_OR_RETURN(
      const std::vector<StoredKey> found,
      call.parts.keys->List(*call.parts.database,
                            {request.org(), request.user(), request.team(), request.project()},
                            page.after, page.size + 1, call.now_us));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const StoredKey& key) {
        v1::Key* const added = response->add_keys();
        ToProto(key, added);
        return added;
      },
      [](const StoredKey& key) { return key.id; }));
  return absl::OkStatus();
}

absl::Status UpdateKey(AdminCall& call, const v1::UpdateKeyRequest& request, v1::Key* response) {
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, TargetOf(request),
      [&](const OpenChange& open) {
        return call.parts.keys->Update(open, request.key().key_id(), request.key().etag(),
                                       UpdateOf(request));
      },
      AnswerKey, response);
}

absl::Status RotateKey(AdminCall& call, const v1::RotateKeyRequest& request,
                       v1::CreateKeyResponse* response) {
  constexpr int64_t kSecondUs = 1'000'000;
  const ChangeRequest change = ChangeOf(call, request);
  return MakeSecret(
      call, change, TargetOf(request),
      [&](const OpenChange& open) {
        return call.parts.keys->Rotate(open, request.key_id(), request.etag(),
                                       request.grace_seconds() * kSecondUs);
      },
      response);
}

absl::Status RevokeKey(AdminCall& call, const v1::RevokeKeyRequest& request, v1::Key* response) {
  const ChangeRequest change = ChangeOf(call, request);
  return MakeChange(
      call, change, TargetOf(request),
      [&](const OpenChange& open) {
        return call.parts.keys->Revoke(open, request.key_id(), request.etag());
      },
      AnswerKey, response);
}

}  // namespace quotaplane
