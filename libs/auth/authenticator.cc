#include "libs/auth/authenticator.h"

#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/auth/jwt_claims.h"
#include "libs/auth/token.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

using Found = absl::StatusOr<std::shared_ptr<const Principal>>;

constexpr std::string_view kScheme = "Bearer ";

absl::Status Unauthenticated(const char* reason, const std::string& message) {
  return ReasonedError(absl::StatusCode::kUnauthenticated, reason, message);
}

absl::Status Expired() { return Unauthenticated("TOKEN_EXPIRED", "the token has expired"); }

std::shared_ptr<const Principal> Share(std::string name, std::vector<Grant> grants) {
  return std::make_shared<const Principal>(Principal{std::move(name), std::move(grants)});
}

}  // namespace

Authenticator::Authenticator(AuthConfig config, IssuerKeysOptions keys) : keys_options_(keys) {
  SetConfig(std::move(config));
}

void Authenticator::SetConfig(AuthConfig config) {
  const std::shared_ptr<const Tables> present = tables();
  auto next = std::make_shared<Tables>();
  for (TokenConfig& token : config.tokens) {
    next->tokens[token.hash] = {Share("token:" + token.name, std::move(token.grants)),
                                token.expires_at_us};
  }
  for (CertificateConfig& certificate : config.certificates) {
    next->certificates[certificate.match] =
        Share("cert:" + certificate.match, std::move(certificate.grants));
  }
  for (IssuerConfig& issuer : config.issuers) {
    std::shared_ptr<IssuerKeys> keys;
    if (present != nullptr) {
      const auto before = present->issuers.find(issuer.issuer);
      const bool same = before != present->issuers.end() &&
                        before->second.config.keys == issuer.keys &&
                        before->second.config.ca_file == issuer.ca_file;
      if (same) keys = before->second.keys;
    }
    if (keys == nullptr) {
      keys = std::make_shared<IssuerKeys>(issuer.keys, issuer.ca_file, keys_options_);
    }
    const std::string name = issuer.issuer;
    next->issuers.emplace(name, Issuer{std::move(issuer), std::move(keys)});
  }
  {
    const MutexLock lock(mutex_);
    tables_ = std::move(next);
    verified_ = {};  // by rules that may be others now
  }
  // Calls that look at the old ones are quick. The threads of issuers that are gone are waited for
  // here, not by the last of those calls.
  while (present != nullptr && present.use_count() > 1) std::this_thread::yield();
}

void Authenticator::WaitForKeys(absl::Duration timeout) const {
  for (const auto& [name, issuer] : tables()->issuers) issuer.keys->WaitForFirst(timeout);
}

std::shared_ptr<const Authenticator::Tables> Authenticator::tables() const {
  const MutexLock lock(mutex_);
  return tables_;
}

Found Authenticator::Authenticate(const Credentials& credentials, int64_t now_us) {
  const std::string_view header = credentials.authorization;
  if (!header.empty()) {
    if (!absl::StartsWithIgnoreCase(AbslView(header), AbslView(kScheme))) {
      return Unauthenticated("TOKEN_INVALID", "the header `authorization` is not `Bearer TOKEN`");
    }
    return OfToken(header.substr(kScheme.size()), now_us);
  }
  if (credentials.certificate_names.empty()) {
    return Unauthenticated("CREDENTIALS_MISSING",
                           "who is calling? The call has no bearer token, and no client "
                           "certificate that could stand for one");
  }
  const std::shared_ptr<const Tables> tables = this->tables();
  for (const std::string& name : credentials.certificate_names) {
    const auto found = tables->certificates.find(name);
    if (found != tables->certificates.end()) return found->second;
  }
  return Unauthenticated("CERTIFICATE_UNKNOWN",
                         "the client certificate is good, but no name of it is known here");
}

Found Authenticator::OfToken(std::string_view token, int64_t now_us) {
  if (token.empty() || token.size() > kMaxJwtBytes) {
    return Unauthenticated("TOKEN_INVALID", "the token is empty or too long");
  }
  const Hash256 hash = Hash256Of(token);
  std::shared_ptr<const Tables> tables;
  VerifiedTokens::Token known;
  {
    const MutexLock lock(mutex_);
    tables = tables_;
    if (const VerifiedTokens::Token* found = verified_.Find(hash)) known = *found;
  }
  if (token.starts_with(kTokenPrefix)) {
    const auto found = tables->tokens.find(hash);
    if (found == tables->tokens.end()) {
      return Unauthenticated("TOKEN_UNKNOWN", "no such token is known here");
    }
    if (now_us >= found->second.expires_at_us) return Expired();
    return found->second.principal;
  }
  if (known.issuer != nullptr && known.issuer->Get() == known.keys &&
      now_us >= known.not_before_us) {
    if (now_us >= known.expires_at_us) return Expired();
    return known.principal;
  }
  return OfJwt(*tables, token, hash, now_us);
}

Found Authenticator::OfJwt(const Tables& tables, std::string_view token, const Hash256& hash,
                           int64_t now_us) {
  const auto found = tables.issuers.find(UnverifiedIssuer(token));
  if (found == tables.issuers.end()) {
    return Unauthenticated(
        "TOKEN_INVALID",
        "the token is not accepted: it is no JWT, or of an issuer that is not known here");
  }
  const Issuer& issuer = found->second;
  const std::shared_ptr<const KeySet> keys = issuer.keys->Get();
  if (keys == nullptr) {
    return ReasonedError(absl::StatusCode::kUnavailable, "ISSUER_UNAVAILABLE",
                         "the keys of the token's issuer cannot be had; retry");
  }
  std::string missing;
  const absl::StatusOr<std::string> payload = keys->Verify(token, &missing);
  if (absl::IsNotFound(payload.status())) {
    if (issuer.keys->Ask(missing) == IssuerKeys::Missing::kUnknown) {
      return Unauthenticated("TOKEN_INVALID",
                             "the token is not accepted: its issuer has no such key");
    }
    return ReasonedError(absl::StatusCode::kUnavailable, "ISSUER_UNAVAILABLE",
                         "the token's key is new here, its issuer is asked for it; retry");
  }
  if (!payload.ok()) return payload.status();
  QP_ASSIGN_OR_RETURN(const JwtClaims claims, CheckClaims(*payload, issuer.config, now_us));
  auto principal = std::make_shared<const Principal>(PrincipalOf(claims, issuer.config));
  const MutexLock lock(mutex_);
  // Unless the rules have changed meanwhile.
  if (tables_.get() == &tables) {
    verified_.Add(hash,
                  {principal, claims.not_before_us, claims.expires_at_us, keys, issuer.keys.get()});
  }
  return principal;
}

}  // namespace quotaplane
