// Who is who, in YAML -> AuthConfig. docs/security.md describes the format.
//
//   tokens:
//     - name: ci-gateway
//       hash: "blake2b:…"            # of the token; `quotactl token new` makes both
//       expires: 2027-01-01          # at the day's start in UTC; or a time in RFC 3339
//       roles: [{role: gateway, org: acme}]
//   certificates:                    # by common name or subject alternative name, exactly
//     - match: gateway-1.acme.example
//       roles: [{role: gateway, org: acme}]
//   issuers:                         # OIDC
//     - issuer: https://idp.example
//       audience: quotaplane
//       keys: https://idp.example/keys.json   # or a file
//       groups_claim: groups         # which is the default
//       groups: {platform-admins: [{role: admin, org: "*"}]}
//
// Every part may be left out, but not all of them: nobody could call. Names, hashes, matches and
// issuers are each unique. Errors as in policy_reader.h.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/auth/auth_config.h"

namespace quotaplane {

inline constexpr size_t kMaxAuthEntries = 10'000;  // tokens; certificates; groups of an issuer
inline constexpr size_t kMaxAuthIssuers = 16;
inline constexpr size_t kMaxAuthRoles = 1'000;  // of one of them

// `name` stands for the file in messages.
absl::StatusOr<AuthConfig> ParseAuthConfig(std::string_view text, std::string_view name);
// NOT_FOUND or PERMISSION_DENIED name the path.
absl::StatusOr<AuthConfig> LoadAuthFile(const std::string& path);

}  // namespace quotaplane
