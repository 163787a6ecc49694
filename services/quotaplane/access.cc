#include "services/quotaplane/access.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/auth/listen_address.h"
#include "libs/base/status_macros.h"
#include "libs/config/auth_reader.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// How long a start waits for the keys of issuers. Without them calls with their tokens are told to
// retry.
constexpr absl::Duration kFirstKeys = absl::Seconds(3);

absl::Status CheckFlags(const ServeOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key need each other");
  }
  if (options.tls_client_ca.empty()) return absl::OkStatus();
  if (options.tls_cert.empty()) {
    return absl::InvalidArgumentError("--tls-client-ca needs --tls-cert and --tls-key");
  }
  if (options.auth.empty()) {
    return absl::InvalidArgumentError(
        "--tls-client-ca needs --auth, whose `certificates` say what each client may do");
  }
  return absl::OkStatus();
}

absl::Status CheckAddress(const ServeOptions& options) {
  if (!options.metrics_listen.empty() && !IsLoopback(options.metrics_listen)) {
    LogWarning("others reach the metrics on {}, without TLS and without being asked who they are",
               options.metrics_listen);
  }
  const bool local = IsLoopback(options.listen);
  const bool plain = options.tls_cert.empty();
  const bool open = options.auth.empty();
  if (local && open) {
    LogWarning("without --auth everybody on this machine may do everything: {}", options.listen);
  }
  if (local || (!plain && !open)) return absl::OkStatus();
  std::vector<std::string> why;
  if (plain) why.emplace_back("everybody on the way can listen in (--tls-cert, --tls-key)");
  if (open) why.emplace_back("everybody who reaches it may do everything (--auth)");
  const std::string whole = absl::StrCat(why[0], why.size() > 1 ? ", and " + why[1] : "");
  if (options.insecure) {
    LogWarning("insecure: others reach {}, and {}", options.listen, whole);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("will not listen on ", options.listen, ": others reach it, and ", whole,
                   ". docs/security.md shows how to set up both; --insecure listens all the same"));
}

}  // namespace

Access::Access(const ServeOptions& options)
    : auth_file_(options.auth),
      tls_files_{options.tls_cert, options.tls_key, options.tls_client_ca} {}

absl::StatusOr<std::unique_ptr<Access>> Access::Load(const ServeOptions& options) {
  QP_RETURN_IF_ERROR(CheckFlags(options));
  QP_RETURN_IF_ERROR(CheckAddress(options));
  std::unique_ptr<Access> access(new Access(options));
  QP_RETURN_IF_ERROR(access->LoadFiles());
  access->Watch();
  return access;
}

absl::Status Access::LoadFiles() {
  if (!tls_files_.certificate.empty()) {
    QP_ASSIGN_OR_RETURN(TlsMaterial material, LoadTls(tls_files_));
    tls_ = std::make_unique<TlsSource>(std::move(material));
  }
  if (!auth_file_.empty()) {
    QP_ASSIGN_OR_RETURN(AuthConfig config, LoadAuthFile(auth_file_));
    authenticator_ = std::make_unique<Authenticator>(std::move(config));
    authenticator_->WaitForKeys(kFirstKeys);
  }
  return absl::OkStatus();
}

void Access::Watch() {
  std::vector<ConfigWatcher::File> files;
  if (authenticator_ != nullptr) {
    files.push_back({auth_file_, [this]() -> absl::Status {
                       QP_ASSIGN_OR_RETURN(AuthConfig config, LoadAuthFile(auth_file_));
                       authenticator_->SetConfig(std::move(config));
                       return absl::OkStatus();
                     }});
  }
  // Each of them is one half: what is in force changes once both halves fit together.
  const auto reload_tls = [this]() -> absl::Status {
    QP_ASSIGN_OR_RETURN(TlsMaterial material, LoadTls(tls_files_));
    tls_->Set(std::move(material));
    return absl::OkStatus();
  };
  if (tls_ != nullptr) {
    for (const std::string& path : {tls_files_.certificate, tls_files_.key, tls_files_.client_ca}) {
      if (!path.empty()) files.push_back({path, reload_tls});
    }
  }
  watcher_.emplace(std::move(files));
}

std::vector<metrics::Family> Access::Metrics() const {
  using metrics::Family;
  Family refusals = {"quotaplane_auth_refusals_total",
                     Family::Type::kCounter,
                     "Calls that were refused because of who made them, by reason.",
                     {}};
  for (const auto& [reason, count] : refusals_.counts()) {
    refusals.samples.push_back({static_cast<double>(count), {{"reason", std::string(reason)}}});
  }
  Family expiry = {"quotaplane_tls_certificate_expiry_timestamp_seconds",
                   Family::Type::kGauge,
                   "When the first certificate of each file is not good any more.",
                   {}};
  if (tls_ != nullptr) {
    const TlsExpiry at = tls_->expiry();
    expiry.samples.push_back({static_cast<double>(at.certificate_s), {{"use", "server"}}});
    if (at.client_ca_s != 0) {
      expiry.samples.push_back({static_cast<double>(at.client_ca_s), {{"use", "client_ca"}}});
    }
  }
  return {std::move(refusals), std::move(expiry)};
}

}  // namespace quotaplane
