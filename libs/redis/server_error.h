// What a server's error reply means to this client and to its callers.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

enum class ServerError {
  kOther,        // the caller's concern
  kUnavailable,  // the store cannot serve now: OOM, LOADING, MASTERDOWN, BUSY, MISCONF, NOREPLICAS
  kNoScript,     // EVALSHA of a script the server does not have (any more)
  kReadOnly,     // a master that became a replica
  kMoved,        // Cluster: the slot lives elsewhere
  kAsk,          // Cluster: this key lives elsewhere already, the slot is under way
  kTryAgain,     // Cluster: the keys of one call are on both sides of a migration
  kClusterDown,
};

ServerError Classify(std::string_view message);

// FAILED_PRECONDITION with the message for kOther, kNoScript, kMoved and kAsk; UNAVAILABLE for the
// rest.
absl::Status ServerErrorStatus(std::string_view message);

// The target of "MOVED 3999 127.0.0.1:6381" and "ASK …". An empty host means the host of the server
// that sent it.
struct Redirection {
  int slot = 0;
  Endpoint endpoint;
};
std::optional<Redirection> ParseRedirection(std::string_view message);

}  // namespace quotaplane::redis
