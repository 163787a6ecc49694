// Virtual keys: what a developer or a service puts into its client in place of a provider's key.
//
// A key is shown once, as
//
//   qpk_ID_SECRET        ID: 16 of [a-z2-7], public; SECRET: 43 of base64url, 32 random bytes
//
// and stored as a hash of the secret. Secrets are random and long, so one round of BLAKE2b-256 is
// enough: there is nothing to guess. Hashes are compared in constant time.
//
// What it stands for is its scope: an org, and where given a team, project and user, which take the
// place of what a request says; and the models that it may be used for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/policy/policy.h"

namespace quotaplane {

using SecretHash = Hash256;

struct VirtualKey {
  std::string id;
  std::string org;   // never empty
  std::string team;  // empty: none
  std::string project;
  std::string user;
  std::vector<Glob> models;  // of which one must match; empty: every model
  SecretHash hash{};
  // After a rotation: the old secret, which is good for new spend until then (with no grace: until
  // the rotation). 0: none.
  SecretHash previous_hash{};
  int64_t previous_until_us = 0;
  int64_t expires_at_us = 0;  // 0: never
  bool revoked = false;
  int64_t revoked_at_us = 0;  // 0: not known, of a key that an older version revoked
};

// A fresh key: the text, to be shown once, and what is kept of it.
struct NewSecret {
  std::string id;    // as given, or a new one
  std::string text;  // qpk_ID_SECRET
  SecretHash hash{};
};
NewSecret MakeKey();
NewSecret MakeSecretFor(std::string_view id);  // a rotation

struct KeyText {
  std::string_view id;  // into the text
  SecretHash hash{};
};
// INVALID_ARGUMENT if it has not the form of a key; the message shows nothing of it.
absl::StatusOr<KeyText> ParseKeyText(std::string_view text);

// Whether it has the form, without hashing it.
bool IsKeyText(std::string_view text);

SecretHash HashSecret(std::string_view secret);
// In constant time.
bool SameHash(const SecretHash& a, const SecretHash& b);

}  // namespace quotaplane
