// What a request is about: an org, or the deployment. Taken from the message's own fields, in one
// place for every method. A request that names no org is about the deployment, for which only roles
// for "*" count: a method that is forgotten here is closed, not open.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

namespace quotaplane {

struct RequestScope {
  enum class Kind {
    kOrg,
    kDeployment,
    // The org is not known yet: it is that of the virtual key which the request carries. Having a
    // role for any org passes for now; the handler asks again (Authorize) with the key's org.
    kOrgOfKey,
    // About nothing: having a role for any org suffices.
    kNothing,
  };
  Kind kind = Kind::kDeployment;
  std::string_view org = {};  // of kOrg; not empty; valid as long as the request
};

inline RequestScope OrgScope(std::string_view org) {
  if (org.empty()) return {RequestScope::Kind::kDeployment, {}};
  return {RequestScope::Kind::kOrg, org};
}

// Specialized to true for requests that are about nothing.
template <typename Request>
inline constexpr bool kIsAboutNothing = false;

template <typename Request>
RequestScope ScopeOf(const Request& request) {
  if constexpr (kIsAboutNothing<Request>) {
    return {RequestScope::Kind::kNothing, {}};
  } else if constexpr (requires { request.org(); }) {
    return OrgScope(request.org());
  } else if constexpr (requires { request.subject().org(); }) {
    if constexpr (requires { std::string_view(request.key()); }) {
      if (!request.key().empty()) return {RequestScope::Kind::kOrgOfKey, {}};
    }
    return OrgScope(request.subject().org());
  } else if constexpr (requires { request.month().org(); }) {
    return OrgScope(request.month().org());
  } else if constexpr (requires { request.key().org(); }) {
    return OrgScope(request.key().org());
  } else {
    return {};
  }
}

}  // namespace quotaplane
