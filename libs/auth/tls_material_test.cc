#include "libs/auth/tls_material.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

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
