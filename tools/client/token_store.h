// Tokens that `quotactl login` keeps, by server address: a file of the user's alone, 0600, under
// the configuration directory (XDG_CONFIG_HOME, or ~/.config).
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace quotaplane::client {

// "…/quotaplane/tokens.json". FAILED_PRECONDITION: neither variable says where that is.
absl::StatusOr<std::string> TokenStorePath();

// Empty: none is stored. FAILED_PRECONDITION: the file is no store, or others may read it.
absl::StatusOr<std::string> StoredToken(const std::string& server);
// An empty token forgets. The file is replaced in one step.
absl::Status StoreToken(const std::string& server, const std::string& token);

}  // namespace quotaplane::client
