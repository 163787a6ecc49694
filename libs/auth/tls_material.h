// What a TLS server shows and trusts, as PEM files have it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace quotaplane {

struct TlsFiles {
  std::string certificate;  // chain, the server's own first
  std::string key;
  std::string client_ca;  // whose client certificates are trusted; empty: none is asked for
};

struct TlsMaterial {
  std::string certificate_pem;
  std::string key_pem;
  std::string client_ca_pem;

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

// INVALID_ARGUMENT names the file and what is wrong: it cannot be read, is no PEM of that kind, has
// an encrypted key, or certificate and key do not belong together (as in the middle of an
// exchange). Nothing of a key is in a message.
absl::StatusOr<TlsMaterial> LoadTls(const TlsFiles& files);

}  // namespace quotaplane
