// From what a call brings to who it comes from. Thread-safe; reloads its configuration when the
// files change.
//
// What a call may bring, at most one of the first two:
//   authorization: Bearer TOKEN      a static token of the configuration, or a JWT of an issuer in
//   it a client certificate             where TLS asks for one
//
// The configuration (docs/security.md, libs/config/auth_reader.h):
//
//   tokens:
//     - name: ci-gateway
//       hash: "blake2b:…"            # of the token; `quotactl token new` makes both
//       expires: 2027-01-01          # or a time in RFC 3339; required
//       roles: [{role: gateway, org: acme}]
//   certificates:                    # by common name or a subject alternative name (DNS or URI),
//   exactly
//     - match: gateway-1.acme.example
//       roles: [{role: gateway, org: acme}]
//   issuers:                         # OIDC
//     - issuer: https://idp.example
//       audience: quotaplane
//       keys: https://idp.example/keys.json   # or a file
//       groups_claim: groups
//       groups: {platform-admins: [{role: admin, org: "*"}]}
//
// JWTs: RS256 and ES256 only; issuer, audience, expiry (required) and not-before are checked with a
// minute of leeway; keys by `kid`, fetched again when an unknown one comes (at most every 10 s for
// an issuer) and every 5 minutes. Verified tokens are remembered until they expire, 10,000 at most,
// so that a call costs a hash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/auth/role.h"

namespace quotaplane {

struct Credentials {
  // The value of the header `authorization`; empty: none. More than one header is an error of the
  // caller's, which the transport refuses.
  std::string_view authorization;
  // Names of the verified client certificate: common name, DNS and URI alternative names.
  std::vector<std::string> certificate_names;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // UNAUTHENTICATED with a reason: CREDENTIALS_MISSING, TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_INVALID
  // (malformed, forged, wrong algorithm, audience or issuer: the message says which rule, never the
  // token), CERTIFICATE_UNKNOWN. UNAVAILABLE, reason ISSUER_UNAVAILABLE: the issuer's keys
  // are not there, or not the one that the token names; they are fetched in the background, so that
  // the same call a moment later is answered. Never blocks. `now_us` is the wall clock: expiry is
  // of the token's issuer, not of the counter store.
  virtual absl::StatusOr<std::shared_ptr<const Principal>> Authenticate(
      const Credentials& credentials, int64_t now_us) = 0;
};

}  // namespace quotaplane
