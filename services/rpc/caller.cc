#include "services/rpc/caller.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"

namespace quotaplane {
namespace {

using Kind = RequestScope::Kind;

bool May(const Principal& principal, const std::vector<Role>& roles, const RequestScope& scope) {
  switch (scope.kind) {
    case Kind::kOrg:
      return principal.MayAs(roles, scope.org);
    case Kind::kDeployment:
      return principal.MayAs(roles, "");
    case Kind::kOrgOfKey:
    case Kind::kNothing:
      return principal.MayAsAnywhere(roles);
  }
  return false;
}

std::string Names(const std::vector<Role>& roles) {
  std::string names;
  for (const Role role : roles) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", AbslView(RoleName(role)));
  }
  return names;
}

absl::Status RoleMissing(const Caller& caller, const RequestScope& scope) {
  constexpr auto kCode = absl::StatusCode::kPermissionDenied;
  if (caller.method->roles == nullptr) {
    return ReasonedError(kCode, "ROLE_MISSING", "nobody may call this method");
  }
  std::map<std::string, std::string> metadata = {{"roles", Names(*caller.method->roles)}};
  std::string where = "for any org";
  if (scope.kind == Kind::kOrg) {
    where = absl::StrCat("for org ", QuoteForMessage(scope.org));
    metadata["org"] = std::string(scope.org);
  } else if (scope.kind == Kind::kDeployment) {
    where = "for all orgs (\"*\"), since the request names none";
    metadata["org"] = std::string(kAllOrgs);
  }
  return ReasonedError(kCode, "ROLE_MISSING",
                       absl::StrCat(caller.principal->name, " has none of the roles ",
                                    metadata["roles"], " ", where),
                       metadata);
}

}  // namespace

absl::Status Authorize(const Caller& caller, const RequestScope& scope) {
  const std::vector<Role>* const roles = caller.method->roles;
  if (roles != nullptr && (roles->empty() || May(*caller.principal, *roles, scope))) {
    return absl::OkStatus();
  }
  const absl::Status status = RoleMissing(caller, scope);
  caller.CountRefusal(status);
  if (caller.method->on_refusal) caller.method->on_refusal(caller, scope.org, status);
  return status;
}

}  // namespace quotaplane
