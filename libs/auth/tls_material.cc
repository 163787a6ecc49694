#include "libs/auth/tls_material.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxPemBytes = size_t{1} << 20;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using File = std::unique_ptr<std::FILE, Deleter<std::fclose>>;

absl::Status Wrong(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return Wrong(path, std::strerror(errno));
  std::string text(kMaxPemBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Wrong(path, std::strerror(errno));
  if (text.size() > kMaxPemBytes) return Wrong(path, "the file has more than 1 MiB");
  return text;
}

Bio Open(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// The first in the file.
Certificate ReadCertificate(const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Open(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

// Of a file that has one at least.
int64_t FirstExpiry(const std::string& pem) {
  int64_t first = std::numeric_limits<int64_t>::max();
  const Bio bio = Open(pem);
  while (true) {
    const Certificate each(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (each == nullptr) break;
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(each.get()), &end) != 1) continue;
    first = std::min<int64_t>(first, timegm(&end));
  }
  ERR_clear_error();
  return first;
}

// Nobody is there to type a password.
int NoPassword(char*, int, int, void*) { return 0; }

}  // namespace

absl::StatusOr<TlsMaterial> LoadTls(const TlsFiles& files) {
  TlsMaterial material;
  QP_ASSIGN_OR_RETURN(material.certificate_pem, ReadPem(files.certificate));
  const Certificate certificate = ReadCertificate(material.certificate_pem);
  if (certificate == nullptr) return Wrong(files.certificate, "has no certificate in PEM");
  QP_ASSIGN_OR_RETURN(material.key_pem, ReadPem(files.key));
  const Key key(
      PEM_read_bio_PrivateKey(Open(material.key_pem).get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (key == nullptr) return Wrong(files.key, "has no private key in PEM without a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return Wrong(files.key,
                 absl::StrCat("is not the key of the certificate in ", files.certificate));
  }
  material.expiry.certificate_s = FirstExpiry(material.certificate_pem);
  if (!files.client_ca.empty()) {
    QP_ASSIGN_OR_RETURN(material.client_ca_pem, ReadPem(files.client_ca));
    if (ReadCertificate(material.client_ca_pem) == nullptr) {
      return Wrong(files.client_ca, "has no certificate in PEM");
    }
    material.expiry.client_ca_s = FirstExpiry(material.client_ca_pem);
  }
  return material;
}

}  // namespace quotaplane
