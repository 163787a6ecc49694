#include "services/rpc/call_gate.h"

#include <string_view>

#include "absl/time/clock.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

std::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

// Names of the client's certificate, which gRPC has verified.
std::vector<std::string> CertificateNames(const grpc::ServerContextBase& context) {
  std::vector<std::string> names;
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated()) return names;
  for (const char* property : {"x509_common_name", "x509_subject_alternative_name"}) {
    for (const grpc::string_ref& value : peer->FindPropertyValues(property)) {
      names.emplace_back(View(value));
    }
  }
  return names;
}

absl::Status Authenticate(const grpc::ServerContextBase& context, Authenticator* authenticator,
                          std::shared_ptr<const Principal>* principal) {
  const auto [begin, end] = context.client_metadata().equal_range("authorization");
  Credentials credentials;
  if (begin != end) {
    credentials.authorization = View(begin->second);
    if (std::next(begin) != end) {
      return ReasonedError(absl::StatusCode::kUnauthenticated, "TOKEN_INVALID",
                           "more than one header `authorization`");
    }
  } else {
    credentials.certificate_names = CertificateNames(context);
  }
  auto found = authenticator->Authenticate(credentials, absl::GetCurrentTimeNanos() / 1000);
  if (!found.ok()) return found.status();
  *principal = *std::move(found);
  return absl::OkStatus();
}

}  // namespace

absl::Status CallGate::Enter(const grpc::ServerContextBase& context, const CalledMethod& method,
                             bool with_address, Caller* caller) const {
  caller->method = &method;
  caller->refusals = refusals_;
  if (with_address) caller->address = context.peer();
  if (authenticator_ == nullptr || (method.roles != nullptr && method.roles->empty())) {
    caller->principal = AnonymousPrincipal();
    return absl::OkStatus();
  }
  absl::Status status = Authenticate(context, authenticator_, &caller->principal);
  if (status.ok()) return status;
  caller->CountRefusal(status);
  if (method.on_refusal) method.on_refusal(*caller, "", status);
  return status;
}

}  // namespace quotaplane
