// Lets calls in, once it is known who makes them. Thread-safe.
#pragma once

#include <grpcpp/server_context.h>

#include "absl/status/status.h"
#include "libs/auth/authenticator.h"
#include "services/rpc/caller.h"

namespace quotaplane {

class CallGate {
 public:
  // Null: nobody is asked who they are, and everybody may do everything that anybody may.
  // Otherwise it must outlive the gate. So must `refusals`, which counts the calls that are not let
  // in here, and those that Authorize refuses; null: nobody counts.
  explicit CallGate(Authenticator* authenticator, AuthRefusals* refusals = nullptr)
      : authenticator_(authenticator), refusals_(refusals) {}

  // Fills `caller`, who is UnknownPrincipal() if it fails. UNAUTHENTICATED or UNAVAILABLE, as of
  // Authenticator, of which the method's OnRefusal is told. Methods for everybody are let in as
  // AnonymousPrincipal(). Never blocks.
  absl::Status Enter(const grpc::ServerContextBase& context, const CalledMethod& method,
                     bool with_address, Caller* caller) const;

 private:
  Authenticator* const authenticator_;
  AuthRefusals* const refusals_;
};

}  // namespace quotaplane
