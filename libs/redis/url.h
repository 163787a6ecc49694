// The URL of a Redis deployment, taken apart.
//
//   unix://[user[:password]@]/path[?db=N]
//   redis://[user[:password]@]host[:port][/db]                    default port 6379
//   redis+sentinel://[user[:password]@]h1[:p],h2[:p]/master[/db]  default port 26379
//   redis+cluster://[user[:password]@]h1[:p],h2[:p]               default port 6379, no database
//   rediss…://…[?cafile=F&certfile=F&keyfile=F]                   the same over TLS
//
// User, password, path, master and query values are percent-decoded. IPv6 addresses stand in
// brackets. A password without a user is `:password@`. With Sentinel, user and password are those
// of the Redis servers; the sentinels themselves are asked without.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane::redis {

// Where a server listens: a path of a unix socket, or a host and a port.
struct Endpoint {
  std::string path;  // unix socket; empty for TCP
  std::string host;  // name or address, IPv6 without brackets
  int port = 0;

  // For people and as a key: "host:port", "[::1]:port" or "unix:/path".
  std::string ToString() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

enum class Topology { kStandalone, kSentinel, kCluster };

struct Credentials {
  std::string user;  // empty: the default user
  std::string password;
};

struct TlsFiles {
  std::string ca;    // empty: the system's authorities
  std::string cert;  // the client's own, with its key, or both empty
  std::string key;
};

struct Url {
  Topology topology = Topology::kStandalone;
  bool tls = false;
  std::vector<Endpoint> endpoints;  // at least one; exactly one for kStandalone
  Credentials credentials;
  int db = 0;
  std::string master_name;  // kSentinel
  TlsFiles tls_files;
};

// INVALID_ARGUMENT, with a message that never contains the user information.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// "host:port" or "[::1]:port" or "::1:port" (as Redis writes it in redirections).
absl::StatusOr<Endpoint> ParseHostPort(std::string_view text);

}  // namespace quotaplane::redis
