// What a JWT claims, and whether an issuer's rules let it pass. Pure: time is passed in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/auth/auth_config.h"

namespace quotaplane {

// Clocks differ: a token is good for so long after its expiry, and before its not-before.
inline constexpr int64_t kJwtLeewayUs = 60'000'000;
inline constexpr size_t kMaxJwtBytes = 16 * 1024;
inline constexpr size_t kMaxSubjectBytes = 256;

// `iss` of a token in compact form, of which nothing has been verified: it says whose keys to take,
// no more. Empty: it has none, or is no JWT.
std::string UnverifiedIssuer(std::string_view token);

struct JwtClaims {
  std::string subject;
  int64_t not_before_us = 0;  // leeway included
  int64_t expires_at_us = 0;  // leeway included
  std::vector<std::string> groups;
};

// Of a payload whose signature holds. UNAUTHENTICATED, TOKEN_INVALID: issuer, audience, subject,
// not-before, or malformed; TOKEN_EXPIRED. The message names the rule, and nothing of the token.
absl::StatusOr<JwtClaims> CheckClaims(std::string_view payload, const IssuerConfig& issuer,
                                      int64_t now_us);

// "oidc:ISSUER#SUBJECT", with what its groups are granted.
Principal PrincipalOf(const JwtClaims& claims, const IssuerConfig& issuer);

}  // namespace quotaplane
