#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/policy/policy.h"
#include "libs/policy/subject.h"
#include "libs/policy/subject_value.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

TEST(DimensionTest, NamesRoundTrip) {
  for (const std::string name : {"org", "team", "project", "user", "api_key", "model",
                                 "labels.session", "labels.cost_center2"}) {
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    ASSERT_TRUE(dimension.ok()) << dimension.status();
    EXPECT_EQ(dimension->ToString(), name);
  }
}

TEST(DimensionTest, RefusesOtherNames) {
  for (const std::string name : {"", "User", "users", "label.session", "labels", "session"}) {
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    ASSERT_FALSE(dimension.ok()) << name;
    EXPECT_THAT(Message(dimension.status()),
                HasSubstr("there are org, team, project, user, api_key, model"));
  }
  for (const std::string& name :
       {std::string("labels."), std::string("labels.Session"), std::string("labels.9"),
        std::string("labels.a-b"), "labels." + std::string(64, 'a')}) {
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    ASSERT_FALSE(dimension.ok()) << name;
    EXPECT_THAT(Message(dimension.status()), HasSubstr("a label's name begins with a-z"));
  }
  EXPECT_TRUE(ParseDimension("labels." + std::string(63, 'a')).ok());
}

TEST(DimensionTest, FindsValuesInASubject) {
  const Subject subject = {
      "acme", "search", "", "alice", "key-1", "m-0", {{"agent", "ci"}, {"session", "s1"}}};
  const auto value = [&](const char* name) {
    return ParseDimension(name)->ValueIn(subject, "m-1");
  };
  EXPECT_EQ(value("org"), "acme");
  EXPECT_EQ(value("team"), "search");
  EXPECT_EQ(value("project"), "");
  EXPECT_EQ(value("user"), "alice");
  EXPECT_EQ(value("api_key"), "key-1");
  EXPECT_EQ(value("model"), "m-1") << "the attempt's model stands in for the subject's";
  EXPECT_EQ(value("labels.agent"), "ci");
  EXPECT_EQ(value("labels.session"), "s1");
  EXPECT_EQ(value("labels.absent"), "");
  EXPECT_EQ(value("labels.zzz"), "");
}

TEST(ValueTest, HasOneTo128BytesWithoutControlCharacters) {
  EXPECT_TRUE(CheckValue("a").ok());
  EXPECT_TRUE(CheckValue("Zoë Müller, 日本 \u00A0").ok());
  EXPECT_TRUE(CheckValue(std::string(128, 'x')).ok());
  EXPECT_EQ(Message(CheckValue("")), "must not be empty");
  EXPECT_EQ(Message(CheckValue(std::string(129, 'x'))), "must have at most 128 bytes, not 129");
  for (const std::string& bad : {std::string("a\nb"), std::string(1, '\0'), std::string("\x7F"),
                                 std::string("a\u0085"), std::string("\t")}) {
    EXPECT_EQ(Message(CheckValue(bad)), "must have no control characters");
  }
}

TEST(DimensionTest, WhatIsSetIsRead) {
  Subject subject;
  for (const std::string name :
       {"org", "team", "project", "user", "api_key", "model", "labels.agent", "labels.session"}) {
    SetValue(*ParseDimension(name), "value of " + name, &subject);
  }
  for (const std::string name :
       {"org", "team", "project", "user", "api_key", "model", "labels.agent", "labels.session"}) {
    EXPECT_EQ(ParseDimension(name)->ValueIn(subject, subject.model), "value of " + name);
  }
}

TEST(UnitTest, NamesRoundTrip) {
  const std::vector<std::pair<std::string, UnitKind>> units = {
      {"usd", UnitKind::kUsd},
      {"requests", UnitKind::kRequests},
      {"input_tokens", UnitKind::kInputTokens},
      {"output_tokens", UnitKind::kOutputTokens},
      {"total_tokens", UnitKind::kTotalTokens},
      {"concurrency", UnitKind::kConcurrency},
      {"mcp_tool_calls", UnitKind::kMeter},
  };
  for (const auto& [name, kind] : units) {
    const absl::StatusOr<Unit> unit = ParseUnit(name);
    ASSERT_TRUE(unit.ok()) << unit.status();
    EXPECT_EQ(unit->kind, kind);
    EXPECT_EQ(unit->ToString(), name);
    EXPECT_EQ(unit->meter, kind == UnitKind::kMeter ? name : "");
  }
}

TEST(UnitTest, RefusesWhatIsNoMeterName) {
  for (const std::string& name :
       {std::string(), std::string("USD"), std::string("tool calls"), std::string("9lives"),
        std::string("a-b"), std::string(64, 'a')}) {
    const absl::StatusOr<Unit> unit = ParseUnit(name);
    ASSERT_FALSE(unit.ok()) << name;
    EXPECT_THAT(Message(unit.status()), HasSubstr("must be usd, requests, input_tokens"));
  }
  EXPECT_TRUE(ParseUnit(std::string(63, 'a')).ok());
}

}  // namespace
}  // namespace quotaplane
