// What a request is about: an org, or the deployment. Taken from the message's own fields, in one
// place for every method. A request that names no org is about the deployment, for which only roles
// for "*" count: a method that is forgotten here is closed, not open.
#pragma once

#include <quotaplane/v1/internal/ping.pb.h>
#include <quotaplane/v1/quota.pb.h>

#include <string_view>

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

// Requests that are about nothing.
template <typename Request>
inline constexpr bool kIsAboutNothing = false;
template <>
inline constexpr bool kIsAboutNothing<v1::internal::PingRequest> = true;

// Requests that may carry a virtual key, and whose handler asks again once it knows the key's org
// (services/quota).
template <typename Request>
inline constexpr bool kMayCarryKey = false;
template <>
inline constexpr bool kMayCarryKey<v1::ReserveRequest> = true;
template <>
inline constexpr bool kMayCarryKey<v1::ExtendRequest> = true;
template <>
inline constexpr bool kMayCarryKey<v1::CommitRequest> = true;
template <>
inline constexpr bool kMayCarryKey<v1::ReleaseRequest> = true;
template <>
inline constexpr bool kMayCarryKey<v1::RecordRequest> = true;
template <>
inline constexpr bool kMayCarryKey<v1::CheckRequest> = true;
template <>
inline constexpr bool kMayCarryKey<v1::GetUsageRequest> = true;

template <typename Request>
RequestScope ScopeOf(const Request& request) {
  if constexpr (kMayCarryKey<Request>) {
    if (!request.key().empty()) return {RequestScope::Kind::kOrgOfKey, {}};
  }
  if constexpr (kIsAboutNothing<Request>) {
    return {RequestScope::Kind::kNothing, {}};
  } else if constexpr (requires { request.org(); }) {
    return OrgScope(request.org());
  } else if constexpr (requires { request.subject().org(); }) {
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
