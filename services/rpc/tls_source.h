// What a server shows over TLS, exchanged while it serves: connections that are there stay, new
// ones see the new certificate. Thread-safe.
//
// gRPC's own file watcher reads certificate and key one after the other, and takes a pair of which
// only one half has been exchanged: then no connection is accepted until the next look. Here it is
// given whole pairs that were checked before (libs/auth/tls_material.h), when a connection begins.
#pragma once

#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "libs/auth/tls_material.h"
#include "libs/base/mutex.h"

namespace quotaplane {

class TlsSource {
 public:
  explicit TlsSource(TlsMaterial material) : material_(std::move(material)) {}

  void Set(TlsMaterial material);

  // Of what was set last.
  TlsExpiry expiry() const;

  // For one server, which this must outlive; once. With authorities for clients, a client's
  // certificate is asked for and verified, but a client may have none: a bearer token can stand for
  // it.
  std::shared_ptr<grpc::ServerCredentials> Credentials();

 private:
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config);

  mutable Mutex mutex_;
  TlsMaterial material_ ABSL_GUARDED_BY(mutex_);
  bool fetched_ ABSL_GUARDED_BY(mutex_) = false;  // the server has it
};

}  // namespace quotaplane
