#include "services/rpc/tls_source.h"

#include <grpc/grpc.h>

#include <string>

namespace quotaplane {
namespace {

// gRPC's C++ interface has no way to its own reloading credentials.
class ReloadingCredentials : public grpc::ServerCredentials {
 public:
  explicit ReloadingCredentials(grpc_ssl_server_credentials_options* options)
      : credentials_(grpc_ssl_server_credentials_create_with_options(options)) {}
  ~ReloadingCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* const credentials_;
};

}  // namespace

void TlsSource::Set(TlsMaterial material) {
  const MutexLock lock(mutex_);
  if (material == material_) return;
  material_ = std::move(material);
  fetched_ = false;
}

TlsExpiry TlsSource::expiry() const {
  const MutexLock lock(mutex_);
  return material_.expiry;
}

std::shared_ptr<grpc::ServerCredentials> TlsSource::Credentials() {
  bool asks_clients = false;
  {
    const MutexLock lock(mutex_);
    asks_clients = !material_.client_ca_pem.empty();
  }
  return std::make_shared<ReloadingCredentials>(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          asks_clients ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                       : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
          &TlsSource::Fetch, this));
}

// For each connection that begins. Where a new pair cannot be used, gRPC keeps what it has.
grpc_ssl_certificate_config_reload_status TlsSource::Fetch(
    void* self, grpc_ssl_server_certificate_config** config) {
  auto* const source = static_cast<TlsSource*>(self);
  const MutexLock lock(source->mutex_);
  if (source->fetched_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const TlsMaterial& material = source->material_;
  const grpc_ssl_pem_key_cert_pair pair = {material.key_pem.c_str(),
                                           material.certificate_pem.c_str()};
  // gRPC wants authorities also where no client is asked for a certificate: any will do.
  const std::string& authorities =
      material.client_ca_pem.empty() ? material.certificate_pem : material.client_ca_pem;
  *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
  source->fetched_ = true;
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

}  // namespace quotaplane
