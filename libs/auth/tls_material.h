// What a TLS server shows and trusts, as PEM files have it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace quotaplane {

struct TlsFiles {
  std::string certificate;  // chain, the server's own first
  std::string key;
  std::string client_ca;  // whose client certificates are trusted; empty: none is asked for
};

// The first end of any certificate in the file, in seconds since 1970; 0: there is no file.
struct TlsExpiry {
  int64_t certificate_s = 0;
  int64_t client_ca_s = 0;

  friend bool operator==(const TlsExpiry&, const TlsExpiry&) = default;
};

struct TlsMaterial {
  std::string certificate_pem;
  std::string key_pem;
  std::string client_ca_pem;
  TlsExpiry expiry = {};

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

// INVALID_ARGUMENT names the file and what is wrong: it cannot be read, is no PEM of that kind, has
// an encrypted key, or certificate and key do not belong together (as in the middle of an
// exchange). Nothing of a key is in a message.
absl::StatusOr<TlsMaterial> LoadTls(const TlsFiles& files);

}  // namespace quotaplane
