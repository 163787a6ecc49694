#include "libs/redis/client.h"

#include <openssl/sha.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "libs/base/status_macros.h"
#include "libs/redis/client_base.h"
#include "libs/redis/transport.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

Script::Script(std::string source) : source_(std::move(source)) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(source_.data()), source_.size(), digest);
  sha1_hex_ = absl::BytesToHexString({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

absl::StatusOr<std::unique_ptr<Client>> Client::Start(ClientOptions options,
                                                      std::vector<const Script*> scripts) {
  if (options.max_pending < 1 || options.connect_timeout <= absl::ZeroDuration() ||
      options.silence_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("Redis: max_pending and the timeouts must be positive");
  }
  QP_ASSIGN_OR_RETURN(Url url, ParseUrl(options.url));
  if (!options.password.empty()) url.credentials.password = options.password;
  if (!url.credentials.user.empty() && url.credentials.password.empty()) {
    return absl::InvalidArgumentError("Redis URL: a user needs a password");
  }
  std::unique_ptr<asio::ssl::context> tls;
  if (url.tls) {
    QP_ASSIGN_OR_RETURN(tls, MakeTlsContext(url.tls_files));
  }
  const Limits limits{.connect_timeout = absl::ToChronoNanoseconds(options.connect_timeout),
                      .silence_timeout = absl::ToChronoNanoseconds(options.silence_timeout),
                      .max_pending = static_cast<size_t>(options.max_pending)};
  Handshake handshake{.credentials = url.credentials, .db = url.db, .scripts = std::move(scripts)};
  const auto make = url.topology == Topology::kCluster ? MakeClusterClient : MakeSingleClient;
  std::unique_ptr<ClientBase> client =
      make(limits, std::move(tls), std::move(handshake), std::move(url));
  client->Start();
  return client;
}

absl::StatusOr<Reply> CallAndWait(Client& client, std::string_view key,
                                  const std::vector<std::string_view>& args,
                                  absl::Duration timeout) {
  std::mutex mu;
  std::condition_variable answered;
  std::optional<absl::StatusOr<Reply>> result;
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  client.Call(key, args, deadline, [&](absl::StatusOr<Reply> reply) {
    const std::scoped_lock lock(mu);  // held over notify: `answered` goes when the caller wakes
    result = std::move(reply);
    answered.notify_one();
  });
  std::unique_lock lock(mu);
  answered.wait(lock, [&] { return result.has_value(); });
  return *std::move(result);
}

}  // namespace quotaplane::redis
