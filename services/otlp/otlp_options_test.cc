#include "services/otlp/otlp_options.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace quotaplane {
namespace {

TEST(OtlpEndpoint, IsHostAndPort) {
  OtlpOptions options;
  ASSERT_TRUE(SetOtlpEndpoint("http://collector.example:4319", &options).ok());
  EXPECT_EQ(options.target, "collector.example:4319");
  EXPECT_FALSE(options.tls);
  ASSERT_TRUE(SetOtlpEndpoint("https://collector.example/", &options).ok());
  EXPECT_EQ(options.target, "collector.example:4317");
  EXPECT_TRUE(options.tls);
  ASSERT_TRUE(SetOtlpEndpoint("http://[::1]", &options).ok());
  EXPECT_EQ(options.target, "[::1]:4317");
  ASSERT_TRUE(SetOtlpEndpoint("http://[::1]:1", &options).ok());
  EXPECT_EQ(options.target, "[::1]:1");
}

TEST(OtlpEndpoint, AnythingElseIsRefusedByName) {
  for (const char* endpoint :
       {"", "collector:4317", "ftp://a:1", "http://", "http://:4317", "http://a:0",
        "http://a:65536", "http://a:x", "http://a:4317/v1/traces", "http://user:secret@a:1",
        "http://a b:1"}) {
    OtlpOptions options;
    const absl::Status status = SetOtlpEndpoint(endpoint, &options);
    ASSERT_EQ(FieldViolationsOf(status).size(), 1u) << endpoint;
    EXPECT_EQ(FieldViolationsOf(status)[0].field, "otlp endpoint");
    EXPECT_EQ(status.message().find("secret"), absl::string_view::npos);
  }
}

TEST(KeyValues, ArePercentDecodedAndTrimmed) {
  const auto parsed = ParseKeyValues("resource", " service.name = quota ,a=b%2Cc%3D1,, x=");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, (KeyValues{{"service.name", "quota"}, {"a", "b,c=1"}, {"x", ""}}));
  EXPECT_TRUE(ParseKeyValues("resource", "")->empty());
  EXPECT_EQ(ParseKeyValues("resource", "a=b=c")->at(0).second, "b=c");
}

TEST(KeyValues, WhatIsNoneIsRefusedWithoutItsValue) {
  for (const char* text :
       {"secret", "=secret", "a=secret%", "a=secret%4", "a=secret%g1", "a=%+1x"}) {
    const auto parsed = ParseKeyValues("resource", text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(FieldViolationsOf(parsed.status())[0].field, "resource");
    EXPECT_EQ(parsed.status().message().find("secret"), absl::string_view::npos) << text;
  }
}

TEST(OtlpHeaders, AreWhatGrpcTakes) {
  const auto headers = ParseOtlpHeaders("Authorization=Bearer%20abc,x-team=quota");
  ASSERT_TRUE(headers.ok()) << headers.status();
  EXPECT_EQ(*headers, (KeyValues{{"authorization", "Bearer abc"}, {"x-team", "quota"}}));
  for (const char* text : {"a b=1", "grpc-timeout=1", "x-bin=1", ":path=1", "a=%0Aevil", "a=%80"}) {
    EXPECT_FALSE(ParseOtlpHeaders(text).ok()) << text;
  }
}

}  // namespace
}  // namespace quotaplane
