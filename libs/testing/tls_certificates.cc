#include "libs/testing/tls_certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <memory>

#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using File = std::unique_ptr<std::FILE, Deleter<std::fclose>>;

void Check(bool ok, const char* what) {
  if (!ok) Fatal(std::string("OpenSSL could not ") + what);
}

Key MakeKey() {
  Key key(EVP_EC_gen("P-256"));
  Check(key != nullptr, "make a key");
  return key;
}

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  Check(extension != nullptr, value);
  Check(X509_add_ext(certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

// Without an issuer: an authority that signs itself.
Certificate MakeCertificate(const std::string& name, EVP_PKEY* key, X509* issuer,
                            EVP_PKEY* issuer_key) {
  static std::atomic<long> serial{1};
  constexpr long kDay = 24 * 60 * 60;
  Certificate certificate(X509_new());
  Check(certificate != nullptr, "make a certificate");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDay);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  Check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1, "name it");
  X509* signer = issuer == nullptr ? certificate.get() : issuer;
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  AddExtension(certificate.get(), signer, NID_subject_key_identifier, "hash");
  if (issuer == nullptr) {
    AddExtension(certificate.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(certificate.get(), signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    AddExtension(certificate.get(), signer, NID_authority_key_identifier, "keyid");
    AddExtension(certificate.get(), signer, NID_basic_constraints, "critical,CA:FALSE");
    AddExtension(certificate.get(), signer, NID_ext_key_usage, "serverAuth,clientAuth");
    AddExtension(certificate.get(), signer, NID_subject_alt_name,
                 "DNS:localhost,IP:127.0.0.1,IP:::1");
  }
  Check(X509_sign(certificate.get(), issuer_key, EVP_sha256()) > 0, "sign a certificate");
  return certificate;
}

File Create(const std::string& path) {
  File file(std::fopen(path.c_str(), "wex"));
  if (file == nullptr) FatalErrno("cannot create " + path);
  return file;
}

void WriteCertificate(const std::string& path, X509* certificate) {
  Check(PEM_write_X509(Create(path).get(), certificate) == 1, "write a certificate");
}

void WriteKey(const std::string& path, EVP_PKEY* key) {
  Check(PEM_write_PrivateKey(Create(path).get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "write a key");
}

}  // namespace

TlsFiles MakeTlsFiles(const std::string& dir) {
  TlsFiles files = {.ca_cert = dir + "/ca.crt",
                    .server_cert = dir + "/server.crt",
                    .server_key = dir + "/server.key",
                    .client_cert = dir + "/client.crt",
                    .client_key = dir + "/client.key"};
  const Key ca_key = MakeKey();
  const Key server_key = MakeKey();
  const Key client_key = MakeKey();
  const Certificate ca = MakeCertificate("test authority", ca_key.get(), nullptr, ca_key.get());
  WriteCertificate(files.ca_cert, ca.get());
  WriteCertificate(files.server_cert,
                   MakeCertificate("localhost", server_key.get(), ca.get(), ca_key.get()).get());
  WriteCertificate(files.client_cert,
                   MakeCertificate("client", client_key.get(), ca.get(), ca_key.get()).get());
  WriteKey(files.server_key, server_key.get());
  WriteKey(files.client_key, client_key.get());
  return files;
}

}  // namespace quotaplane::fixtures
