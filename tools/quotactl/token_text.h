// A new token, and the lines of an auth file (docs/security.md) that make a server know it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane::quotactl {

struct TokenArgs {
  std::string name;
  std::vector<std::string> roles;  // each for each of
  std::vector<std::string> orgs;
  std::string expires;  // 2027-01-01, RFC 3339, or 90d from now
};

struct NewTokenText {
  std::string token;
  std::string yaml;  // an item of the list `tokens`, indented by two
};

// INVALID_ARGUMENT names the flag. The lines are those that libs/config/auth_reader.h reads.
absl::StatusOr<NewTokenText> MakeToken(const TokenArgs& args, absl::Time now);

}  // namespace quotaplane::quotactl
