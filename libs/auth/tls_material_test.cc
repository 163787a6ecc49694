#include "libs/auth/tls_material.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/time/clock.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/tls_certificates.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string TextOf(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TlsMaterialTest : public ::testing::Test {
 protected:
  std::string Problem(const TlsFiles& files) {
    const auto material = LoadTls(files);
    EXPECT_TRUE(absl::IsInvalidArgument(material.status())) << material.status();
    return std::string(material.status().message());
  }

  const fixtures::TempDir dir_;
  const fixtures::TlsFiles made_ = fixtures::MakeTlsFiles(dir_.path());
};

TEST_F(TlsMaterialTest, IsTheFilesText) {
  const auto material = LoadTls({made_.server_cert, made_.server_key, made_.ca_cert});
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_EQ(material->certificate_pem, TextOf(made_.server_cert));
  EXPECT_EQ(material->key_pem, TextOf(made_.server_key));
  EXPECT_EQ(material->client_ca_pem, TextOf(made_.ca_cert));
  EXPECT_EQ(LoadTls({made_.server_cert, made_.server_key, ""})->client_ca_pem, "");
}

// Of a bundle the first that ends counts.
TEST_F(TlsMaterialTest, KnowsWhenItsCertificatesEnd) {
  const auto material = LoadTls({made_.server_cert, made_.server_key, ""});
  ASSERT_TRUE(material.ok()) << material.status();
  const int64_t now_s = absl::ToUnixSeconds(absl::Now());
  EXPECT_GT(material->expiry.certificate_s, now_s);
  EXPECT_LT(material->expiry.certificate_s, now_s + int64_t{100} * 366 * 86'400);
  EXPECT_EQ(material->expiry.client_ca_s, 0);
  const std::string bundle = dir_.File("bundle.crt");
  std::ofstream(bundle) << TextOf(made_.ca_cert) << TextOf(made_.server_cert);
  const auto with_ca = LoadTls({bundle, made_.server_key, bundle});
  // The server's own certificate has to come first.
  EXPECT_TRUE(absl::IsInvalidArgument(with_ca.status())) << with_ca.status();
  const auto bundled = LoadTls({made_.server_cert, made_.server_key, bundle});
  ASSERT_TRUE(bundled.ok()) << bundled.status();
  const auto ca = LoadTls({made_.server_cert, made_.server_key, made_.ca_cert});
  ASSERT_TRUE(ca.ok()) << ca.status();
  EXPECT_EQ(bundled->expiry.client_ca_s,
            std::min(ca->expiry.client_ca_s, material->expiry.certificate_s));
}

TEST_F(TlsMaterialTest, HalvesThatDoNotFitAreRefused) {
  EXPECT_THAT(Problem({made_.server_cert, made_.client_key, ""}),
              AllOf(HasSubstr(made_.client_key), HasSubstr("not the key of the certificate")));
}

TEST_F(TlsMaterialTest, WhatIsMissingOrNoPemIsNamed) {
  EXPECT_THAT(Problem({dir_.File("none"), made_.server_key, ""}), HasSubstr(dir_.File("none")));
  EXPECT_THAT(Problem({made_.server_key, made_.server_key, ""}), HasSubstr("no certificate"));
  EXPECT_THAT(Problem({made_.server_cert, made_.server_cert, ""}), HasSubstr("no private key"));
  EXPECT_THAT(Problem({made_.server_cert, made_.server_key, made_.server_key}),
              HasSubstr("no certificate"));
  EXPECT_THAT(Problem({dir_.path(), made_.server_key, ""}), HasSubstr(dir_.path()));
  const std::string key = TextOf(made_.server_key);
  const std::string half = dir_.File("half.key");
  std::ofstream(half) << key.substr(0, key.size() / 2);
  EXPECT_THAT(Problem({made_.server_cert, half, ""}), Not(HasSubstr(key.substr(40, 20))));
}

}  // namespace
}  // namespace quotaplane
