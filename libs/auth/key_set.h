// An issuer's public keys: a JSON Web Key Set (RFC 7517). Immutable; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane {

// Larger ones are refused, and so are sets of more keys.
inline constexpr size_t kMaxKeySetBytes = size_t{1} << 20;
inline constexpr size_t kMaxKeys = 100;

enum class JwtAlgorithm { kRs256, kEs256 };

class KeySet {
 public:
  // What cannot verify RS256 or ES256 (other key types and curves, keys for encryption, RSA below
  // 2048 bits) is left out, as issuers have such keys beside the others. INVALID_ARGUMENT: not a
  // key set, out of bounds, or nothing is left; or it has a private key or a secret, which must not
  // lie here.
  static absl::StatusOr<std::shared_ptr<const KeySet>> Parse(std::string_view json);
  ~KeySet();

  // A token in compact form whose signature holds, read: its header names an algorithm and a key
  // of this set, and nothing in it asks for what we do not know. Returns the payload.
  // UNAUTHENTICATED, TOKEN_INVALID: no. NOT_FOUND: the set has no key of the token's `kid`, which
  // is then in `*missing`.
  absl::StatusOr<std::string> Verify(std::string_view token, std::string* missing) const;

  // The `kid` of each key; empty for one that has none.
  std::vector<std::string> ids() const;

 private:
  struct Keys;
  explicit KeySet(std::unique_ptr<Keys> keys);

  const std::unique_ptr<Keys> keys_;
};

}  // namespace quotaplane
