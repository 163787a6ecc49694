// How the programs reach a server that asks who is calling: TLS, and a token. A token comes from a
// file, the environment or `quotactl login`, never from the command line, which everybody on a
// machine can read.
#pragma once

#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace quotaplane::client {

struct SecurityFlags {
  bool tls = false;        // with the system's authorities
  std::string tls_ca;      // with these instead
  std::string tls_cert;    // of the client, and
  std::string tls_key;     // its key
  std::string token_file;  // before QUOTAPLANE_TOKEN, before what `quotactl login` stored
  bool insecure = false;   // sends a token also where others can listen in

  void AddTo(CLI::App& app);
};

struct Security {
  std::shared_ptr<grpc::ChannelCredentials> credentials;  // null: plain
  std::string token;                                      // empty: none
};

// INVALID_ARGUMENT: flags that do not fit together, or a token that would go in plain to another
// machine. NOT_FOUND and the like: a file that cannot be read. Never has a token in its message.
absl::StatusOr<Security> Resolve(const SecurityFlags& flags, const std::string& server);

// A channel whose every call brings the token. `server` is HOST:PORT, or several IPv4 addresses
// with commas, "127.0.0.1:7411,127.0.0.1:7421": calls take turns among those that answer, and one
// that comes back is used again within a second.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& server, const Security& security);

// "TOKEN\n" without what surrounds it. INVALID_ARGUMENT: empty, or no token.
absl::StatusOr<std::string> CleanToken(const std::string& text);

}  // namespace quotaplane::client
