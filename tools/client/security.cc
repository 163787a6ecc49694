#include "tools/client/security.h"

#include <grpcpp/support/client_interceptor.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/auth/listen_address.h"
#include "libs/base/status_macros.h"
#include "tools/client/token_store.h"

namespace quotaplane::client {
namespace {

namespace experimental = grpc::experimental;

// Adds the header to every call of a channel, streams and asynchronous ones, too.
class TokenInterceptor : public experimental::Interceptor {
 public:
  explicit TokenInterceptor(const std::string* header) : header_(header) {}

  void Intercept(experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            experimental::InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace("authorization", *header_);
    }
    methods->Proceed();
  }

 private:
  const std::string* const header_;
};

class TokenInterceptors : public experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenInterceptors(const std::string& token) : header_("Bearer " + token) {}

  experimental::Interceptor* CreateClientInterceptor(experimental::ClientRpcInfo*) override {
    return new TokenInterceptor(&header_);  // gRPC's
  }

 private:
  const std::string header_;
};

absl::StatusOr<std::string> ReadFile(const std::string& flag, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(
        absl::StrCat(flag, ": ", path, " cannot be read: ", std::strerror(errno)));
  }
  return std::move(text).str();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsOf(const SecurityFlags& flags) {
  if (flags.tls_cert.empty() != flags.tls_key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key need each other");
  }
  if (!flags.tls && flags.tls_ca.empty()) {
    if (flags.tls_cert.empty()) return nullptr;
    return absl::InvalidArgumentError("--tls-cert needs --tls-ca, or --tls");
  }
  grpc::SslCredentialsOptions options;
  if (!flags.tls_ca.empty()) {
    QP_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile("--tls-ca", flags.tls_ca));
  }
  if (!flags.tls_cert.empty()) {
    QP_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadFile("--tls-cert", flags.tls_cert));
    QP_ASSIGN_OR_RETURN(options.pem_private_key, ReadFile("--tls-key", flags.tls_key));
  }
  return grpc::SslCredentials(options);
}

absl::StatusOr<std::string> TokenOf(const SecurityFlags& flags, const std::string& server) {
  if (!flags.token_file.empty()) {
    QP_ASSIGN_OR_RETURN(const std::string text, ReadFile("--token-file", flags.token_file));
    return CleanToken(text);
  }
  const char* const variable = std::getenv("QUOTAPLANE_TOKEN");
  if (variable != nullptr && *variable != '\0') return CleanToken(variable);
  return StoredToken(server);
}

bool AreLoopback(const std::string& servers) {
  const std::vector<std::string> each = absl::StrSplit(servers, ',');
  return std::all_of(each.begin(), each.end(),
                     [](const std::string& server) { return IsLoopback(server); });
}

}  // namespace

void SecurityFlags::AddTo(CLI::App& app) {
  app.add_flag("--tls", tls, "Reach the server over TLS, with a certificate that the system trusts")
      ->envname("QUOTAPLANE_TLS");
  app.add_option("--tls-ca", tls_ca,
                 "Reach it over TLS, with a certificate of these authorities (a PEM file)")
      ->envname("QUOTAPLANE_TLS_CA");
  app.add_option("--tls-cert", tls_cert, "Certificate of the client, a PEM file")
      ->envname("QUOTAPLANE_CLIENT_CERT");
  app.add_option("--tls-key", tls_key, "Its private key, a PEM file")
      ->envname("QUOTAPLANE_CLIENT_KEY");
  app.add_option("--token-file", token_file,
                 "A file with the token; without it the variable QUOTAPLANE_TOKEN, or what "
                 "`quotactl login` has stored");
  app.add_flag("--insecure", insecure, "Send the token to another machine also without TLS");
}

absl::StatusOr<Security> Resolve(const SecurityFlags& flags, const std::string& server) {
  Security security;
  QP_ASSIGN_OR_RETURN(security.credentials, TlsOf(flags));
  QP_ASSIGN_OR_RETURN(security.token, TokenOf(flags, server));
  const bool in_plain = !security.token.empty() && security.credentials == nullptr;
  if (in_plain && !flags.insecure && !AreLoopback(server)) {
    return absl::InvalidArgumentError(
        absl::StrCat("will not send the token to ", server,
                     " in plain, where others can read it: --tls, or --tls-ca FILE; --insecure "
                     "sends it all the same"));
  }
  return security;
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& server, const Security& security) {
  std::vector<std::unique_ptr<experimental::ClientInterceptorFactoryInterface>> interceptors;
  if (!security.token.empty()) {
    interceptors.push_back(std::make_unique<TokenInterceptors>(security.token));
  }
  // Policies and price books come whole.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(20 << 20);
  std::string target = server;
  if (const size_t comma = server.find(','); comma != std::string::npos) {
    target = "ipv4:" + server;
    arguments.SetLoadBalancingPolicyName("round_robin");
    // Whose name certificates have to bear.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, server.substr(0, comma));
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  }
  return experimental::CreateCustomChannelWithInterceptors(
      target,
      security.credentials == nullptr ? grpc::InsecureChannelCredentials() : security.credentials,
      arguments, std::move(interceptors));
}

absl::StatusOr<std::string> CleanToken(const std::string& text) {
  std::string token(absl::StripAsciiWhitespace(text));
  if (token.empty()) return absl::InvalidArgumentError("the token is empty");
  for (const unsigned char c : token) {
    if (!absl::ascii_isgraph(c)) {
      return absl::InvalidArgumentError("what should be a token has characters that no token has");
    }
  }
  return token;
}

}  // namespace quotaplane::client
