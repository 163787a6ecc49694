// Who is who, as a server is told. Read from YAML by libs/config/auth_reader.h, which checks it;
// docs/security.md describes the file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libs/auth/role.h"
#include "libs/base/hash.h"

namespace quotaplane {

// A static token: whoever brings it is "token:NAME".
struct TokenConfig {
  std::string name;
  Hash256 hash{};  // of the token's text
  int64_t expires_at_us = 0;
  std::vector<Grant> grants;
};

// A client certificate: whoever has one with this name is "cert:NAME".
struct CertificateConfig {
  std::string match;
  std::vector<Grant> grants;
};

// An issuer of JWTs: whoever brings one is "oidc:ISSUER#SUBJECT".
struct IssuerConfig {
  std::string issuer;    // the claim `iss`, exactly
  std::string audience;  // which the claim `aud` is or has
  std::string keys;      // of its JSON Web Key Set: a path, or a URL
  // Whose certificates an https URL may have, in PEM; empty: the system's authorities.
  std::string ca_file = {};
  std::string groups_claim = "groups";
  std::map<std::string, std::vector<Grant>, std::less<>> groups = {};
};

struct AuthConfig {
  std::vector<TokenConfig> tokens;
  std::vector<CertificateConfig> certificates;
  std::vector<IssuerConfig> issuers;
};

// Whether keys come over the network. https://, or http:// to this machine.
inline bool IsKeysUrl(std::string_view keys) {
  return keys.starts_with("https://") || keys.starts_with("http://");
}
// http:// is for this machine alone: 127.0.0.1, [::1], localhost.
bool IsAllowedKeysUrl(std::string_view url);

}  // namespace quotaplane
