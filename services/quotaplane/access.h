// Who reaches the server, and how: authentication and TLS, from files, reloaded when they change.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/auth/auth_refusals.h"
#include "libs/auth/authenticator.h"
#include "libs/metrics/family.h"
#include "services/quotaplane/config_watcher.h"
#include "services/quotaplane/serve.h"
#include "services/rpc/tls_source.h"

namespace quotaplane {

class Access {
 public:
  // Says in the log what holds. INVALID_ARGUMENT: flags that do not fit together, files that
  // cannot be used, or an address that others reach without TLS and --auth (unless --insecure).
  static absl::StatusOr<std::unique_ptr<Access>> Load(const ServeOptions& options);

  // Null: everybody may do everything.
  Authenticator* authenticator() const { return authenticator_.get(); }
  // Null: plain connections.
  TlsSource* tls() const { return tls_.get(); }
  // Whom to tell of refused calls.
  AuthRefusals* refusals() { return &refusals_; }

  // ConfigWatcher::failures, of the files of who may do what and of TLS. Thread-safe.
  std::map<std::string, std::string> failures() const { return watcher_->failures(); }
  // Refused calls, and until when the certificates are good. Thread-safe.
  std::vector<metrics::Family> Metrics() const;

 private:
  explicit Access(const ServeOptions& options);
  absl::Status LoadFiles();
  void Watch();

  const std::string auth_file_;
  const TlsFiles tls_files_;
  AuthRefusals refusals_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<TlsSource> tls_;
  std::optional<ConfigWatcher> watcher_;
};

}  // namespace quotaplane
