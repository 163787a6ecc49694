// Who makes a call, and whether it may.
//
// Two gates, both of which every call passes, whatever its method:
// - CallGate::Enter, as a call arrives: who is it, and may anybody with its roles call the method?
// - ParseRequest, the only way from a request's bytes to its message: may it for the org that the
//   request names? (services/rpc/request_scope.h)
// A method that RolesFor does not know passes neither.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/auth/auth_refusals.h"
#include "libs/auth/role.h"
#include "services/rpc/request_scope.h"

namespace quotaplane {

struct Caller;

// Told of each call that a gate refused, on the queue's thread: quick. `org` is the request's, as
// far as it is known; empty: the deployment's, or not known. UNAUTHENTICATED: the caller is
// UnknownPrincipal().
using OnRefusal =
    std::function<void(const Caller& caller, std::string_view org, const absl::Status& status)>;

// What is called. Lives as long as the server.
struct CalledMethod {
  explicit CalledMethod(std::string path, OnRefusal on_refusal = nullptr)
      : path(std::move(path)), roles(RolesFor(this->path)), on_refusal(std::move(on_refusal)) {}

  const std::string path;                // "/package.Service/Method"
  const std::vector<Role>* const roles;  // of which one is needed; null: nobody may
  const OnRefusal on_refusal;            // may be null
};

struct Caller {
  std::shared_ptr<const Principal> principal = UnknownPrincipal();
  // "ipv4:127.0.0.1:50412". Empty on the hot path, which has no use for it.
  std::string address;
  // request_id.h. Empty on the hot path, where only calls that fail are given one.
  std::string request_id;
  const CalledMethod* method = nullptr;
  AuthRefusals* refusals = nullptr;  // where they are counted; null: nowhere

  void CountRefusal(const absl::Status& refusal) const {
    if (refusals != nullptr) refusals->Count(refusal);
  }
};

// Whether the caller may call its method for that. PERMISSION_DENIED, reason ROLE_MISSING (metadata
// `roles`: one of these is needed; `org`: for it), of which the method's OnRefusal is told.
// Thread-safe.
absl::Status Authorize(const Caller& caller, const RequestScope& scope);

}  // namespace quotaplane
