#include "tools/quotactl/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace quotaplane::quotactl {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// Parses a command line that has only `flags`.
template <typename Flags, typename... More>
Flags Parse(std::initializer_list<std::string> arguments, More... more) {
  Flags flags;
  CLI::App app;
  flags.AddTo(app, more...);
  std::vector<std::string> reversed(arguments);
  std::reverse(reversed.begin(), reversed.end());
  app.parse(reversed);
  return flags;
}

UsageFlags ParseEstimate(std::initializer_list<std::string> arguments) {
  return Parse<UsageFlags>(arguments, UsageFlags::Kind::kEstimate);
}

TEST(Flags, SpansOfTime) {
  EXPECT_EQ(*ParseSpan("--ttl", "30s"), absl::Seconds(30));
  EXPECT_EQ(*ParseSpan("--ttl", "1h30m"), absl::Minutes(90));
  for (const char* wrong : {"", "30", "0s", "-5s", "inf", "soon"}) {
    const auto span = ParseSpan("--ttl", wrong);
    ASSERT_FALSE(span.ok()) << wrong;
    EXPECT_THAT(std::string(span.status().message()), HasSubstr("--ttl: ")) << wrong;
  }
  const google::protobuf::Duration proto = ToProto(absl::Milliseconds(1500));
  EXPECT_EQ(proto.seconds(), 1);
  EXPECT_EQ(proto.nanos(), 500'000'000);
}

TEST(Flags, SubjectWithLabels) {
  const auto flags = Parse<SubjectFlags>({"--org", "acme", "--user", "alice", "--api-key", "k1",
                                          "--label", "agent=ci", "--label", "cost_center=a=b"});
  const auto subject = flags.Build();
  ASSERT_TRUE(subject.ok()) << subject.status();
  EXPECT_EQ(subject->org(), "acme");
  EXPECT_EQ(subject->user(), "alice");
  EXPECT_EQ(subject->api_key(), "k1");
  EXPECT_THAT(subject->labels(),
              UnorderedElementsAre(Pair("agent", "ci"), Pair("cost_center", "a=b")));
}

TEST(Flags, TheOrgHasADefault) { EXPECT_EQ(Parse<SubjectFlags>({}).Build()->org(), "default"); }

TEST(Flags, ALabelNeedsAKeyAndComesOnce) {
  EXPECT_FALSE(Parse<SubjectFlags>({"--label", "agent"}).Build().ok());
  EXPECT_FALSE(Parse<SubjectFlags>({"--label", "=ci"}).Build().ok());
  EXPECT_FALSE(Parse<SubjectFlags>({"--label", "a=1", "--label", "a=2"}).Build().ok());
}

TEST(Flags, EveryTokenFlagHasItsMeter) {
  const auto usage =
      ParseEstimate({"--input-tokens", "1", "--max-output-tokens", "2", "--cache-read-tokens", "3",
                     "--cache-write-5m-tokens", "4", "--cache-write-1h-tokens", "5", "--meter",
                     "web_search_requests=6"})
          .Build();
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_THAT(usage->meters(),
              UnorderedElementsAre(Pair("input", 1), Pair("output", 2), Pair("cache_read", 3),
                                   Pair("cache_write_5m", 4), Pair("cache_write_1h", 5),
                                   Pair("web_search_requests", 6)));
}

TEST(Flags, ZeroIsGivenAndAbsentIsNot) {
  EXPECT_EQ(ParseEstimate({"--input-tokens", "0"}).Build()->meters_size(), 1);
  EXPECT_EQ(ParseEstimate({}).Build()->meters_size(), 0);
}

TEST(Flags, NumbersMustBeWholeNumbers) {
  EXPECT_THROW(ParseEstimate({"--input-tokens", "many"}), CLI::ParseError);
  EXPECT_THROW(ParseEstimate({"--input-tokens", "9223372036854775808"}), CLI::ParseError);
  for (const char* wrong : {"tools", "tools=", "tools=x", "tools=1.5", "=1"}) {
    EXPECT_FALSE(ParseEstimate({"--meter", wrong}).Build().ok()) << wrong;
  }
}

TEST(Flags, OneMeterOnce) {
  EXPECT_FALSE(ParseEstimate({"--input-tokens", "1", "--meter", "input=2"}).Build().ok());
  EXPECT_THROW(ParseEstimate({"--output-tokens", "1", "--max-output-tokens", "2"}),
               CLI::ParseError);
}

TEST(Flags, Tiers) {
  EXPECT_EQ(*ParseTier("--tier", ""), v1::SERVICE_TIER_UNSPECIFIED);
  EXPECT_EQ(*ParseTier("--tier", "batch"), v1::SERVICE_TIER_BATCH);
  EXPECT_FALSE(ParseTier("--tier", "BATCH").ok());
}

TEST(Flags, OneAttemptFromTheUsageFlags) {
  const auto attempts = Parse<AttemptFlags>({"--input-tokens", "10", "--tier", "flex"}).Build();
  ASSERT_TRUE(attempts.ok()) << attempts.status();
  ASSERT_EQ(attempts->size(), 1u);
  EXPECT_EQ(attempts->front().service_tier(), v1::SERVICE_TIER_FLEX);
  EXPECT_EQ(attempts->front().usage().meters().at("input"), 10);
}

TEST(Flags, AChainOfAttempts) {
  const auto attempts = Parse<AttemptFlags>({"--attempt", "model=m1,input=10,output=0", "--attempt",
                                             "model=m2,input=10,output=7,tier=priority"})
                            .Build();
  ASSERT_TRUE(attempts.ok()) << attempts.status();
  ASSERT_EQ(attempts->size(), 2u);
  EXPECT_EQ((*attempts)[0].model(), "m1");
  EXPECT_EQ((*attempts)[1].usage().meters().at("output"), 7);
  EXPECT_EQ((*attempts)[1].service_tier(), v1::SERVICE_TIER_PRIORITY);
}

TEST(Flags, NothingUsedIsNoAttempt) { EXPECT_TRUE(Parse<AttemptFlags>({}).Build()->empty()); }

TEST(Flags, AttemptsAndUsageFlagsDoNotMix) {
  EXPECT_FALSE(Parse<AttemptFlags>({"--attempt", "input=1", "--input-tokens", "1"}).Build().ok());
  EXPECT_FALSE(Parse<AttemptFlags>({"--attempt", "input=1", "--tier", "batch"}).Build().ok());
}

TEST(Flags, AttemptsSayWhatIsWrong) {
  for (const char* wrong : {"", "model", "input=x", "input=1,input=2", "tier=slow"}) {
    EXPECT_FALSE(ParseAttempt(wrong).ok()) << wrong;
  }
}

TEST(Flags, NewIdsDiffer) { EXPECT_NE(NewId(), NewId()); }

}  // namespace
}  // namespace quotaplane::quotactl
