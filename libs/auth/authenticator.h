// From what a call brings to who it comes from. Thread-safe; its configuration may be exchanged
// while calls go on.
//
// What a call may bring, of which a bearer token counts where there are both:
//   authorization: Bearer TOKEN    a static token of the configuration, or a JWT of one of its
//                                  issuers
//   a client certificate           where TLS asks for one
//
// JWTs: RS256 and ES256 only; issuer, audience, expiry (required) and not-before are checked with a
// minute of leeway; keys by `kid` (libs/auth/issuer_keys.h). Verified tokens are remembered until
// they expire or their issuer's keys change, 10,000 at most.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/auth/auth_config.h"
#include "libs/auth/issuer_keys.h"
#include "libs/auth/role.h"
#include "libs/auth/verified_tokens.h"
#include "libs/base/mutex.h"

namespace quotaplane {

struct Credentials {
  // The value of the header `authorization`; empty: none. More than one header is an error of the
  // caller's, which the transport refuses.
  std::string_view authorization = {};
  // Names of the verified client certificate: common name, and subject alternative names.
  std::vector<std::string> certificate_names = {};
};

class Authenticator {
 public:
  explicit Authenticator(AuthConfig config, IssuerKeysOptions keys = {});

  // UNAUTHENTICATED with a reason: CREDENTIALS_MISSING, TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_INVALID
  // (malformed, forged, wrong algorithm, audience or issuer: the message says which rule, never the
  // token), CERTIFICATE_UNKNOWN. UNAVAILABLE, reason ISSUER_UNAVAILABLE: the issuer's keys are not
  // there, or not the one that the token names; they are fetched in the background, so that the
  // same call a moment later is answered. Never blocks. `now_us` is the wall clock: expiry is of
  // the token's issuer, not of the counter store.
  absl::StatusOr<std::shared_ptr<const Principal>> Authenticate(const Credentials& credentials,
                                                                int64_t now_us);

  // From now on. Issuers whose keys come from the same place keep those that they have.
  void SetConfig(AuthConfig config);
  // Waits until the keys of each issuer have been tried once, for `timeout` at most.
  void WaitForKeys(absl::Duration timeout) const;

 private:
  struct StaticToken {
    std::shared_ptr<const Principal> principal;
    int64_t expires_at_us = 0;
  };
  struct Issuer {
    IssuerConfig config;
    std::shared_ptr<IssuerKeys> keys;
  };
  // Immutable.
  struct Tables {
    std::unordered_map<Hash256, StaticToken, Hash256Hash> tokens;
    std::map<std::string, std::shared_ptr<const Principal>, std::less<>> certificates;
    std::map<std::string, Issuer, std::less<>> issuers;
  };

  std::shared_ptr<const Tables> tables() const;
  absl::StatusOr<std::shared_ptr<const Principal>> OfToken(std::string_view token, int64_t now_us);
  absl::StatusOr<std::shared_ptr<const Principal>> OfJwt(const Tables& tables,
                                                         std::string_view token,
                                                         const Hash256& hash, int64_t now_us);

  const IssuerKeysOptions keys_options_;
  mutable Mutex mutex_;
  std::shared_ptr<const Tables> tables_ ABSL_GUARDED_BY(mutex_);
  VerifiedTokens verified_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quotaplane
