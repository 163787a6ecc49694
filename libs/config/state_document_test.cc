#include "libs/config/state_document.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const char kState[] = R"(quotaplane_state: 1
org: acme
policy:
  limits:
    - id: user-month
      per: [user]
      unit: usd
      amount: 500
      window: month
      time_zone: UTC
      on_outage: allow
      alert_at: [90%]
  alerts:
    - {id: spent, on: threshold, limits: user-month, action: {throttle: 50%, for: 2h}}
exceptions:
  - id: "01jdm3v5k8q2xw9c7e4r6t0y1a"
    scope: {labels.agent: "007", user: alice}
    raises:
      - {limit: agent-day, amount: 7}
      - {limit: user-month, amount: 900000000000, per: [user]}
    start: "2026-11-26T08:00:00.25Z"
    end: "2026-12-01T00:00:00Z"
    reason: "release week: \"all hands\""
keys:
  - id: abcdefgh234567ab
    display_name: CI
    team: search
    models: ["claude-*", gpt-5]
    expires: "2027-01-01T00:00:00Z"
    hash: "blake2b:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    previous_hash: "blake2b:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    previous_until: "2026-11-27T00:00:00Z"
)";

TEST(StateDocumentTest, ReadsAndWritesTheSame) {
  const absl::StatusOr<StateDocument> state = ParseState(kState, "state.yaml");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(WriteState(*state), kState);
  EXPECT_EQ(state->org, "acme");
  ASSERT_NE(state->policy, nullptr);
  EXPECT_THAT(state->policy->document().limits, SizeIs(1));
  ASSERT_THAT(*state->exceptions, SizeIs(1));
  const StateException& exception = (*state->exceptions)[0];
  EXPECT_EQ(exception.raises[0].per, (std::vector<std::string>{"labels.agent", "user"}));
  EXPECT_EQ(exception.raises[1].per, (std::vector<std::string>{"user"}));
  EXPECT_EQ(exception.start_us, 1'795'680'000'250'000);
  ASSERT_THAT(*state->keys, SizeIs(1));
  EXPECT_EQ((*state->keys)[0].hash[31], 0x1f);
}

TEST(StateDocumentTest, OrderAndFormDoNotMatter) {
  const std::string shuffled = absl::StrReplaceAll(
      kState, {{"      - {limit: agent-day, amount: 7}\n", ""},
               {"per: [user]}\n", "per: [user]}\n      - {limit: agent-day, amount: 7}\n"},
               {"\"2026-12-01T00:00:00Z\"", "2026-12-01T01:00:00+01:00"},
               {"team: search", "team: \"search\""}});
  const absl::StatusOr<StateDocument> state = ParseState(shuffled, "state.yaml");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(WriteState(*state), kState);
}

TEST(StateDocumentTest, PartsMayBeAbsentOrEmpty) {
  const absl::StatusOr<StateDocument> state =
      ParseState("quotaplane_state: 1\nkeys: []\n", "state.yaml");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->org, "");
  EXPECT_EQ(state->policy, nullptr);
  EXPECT_FALSE(state->exceptions.has_value());
  EXPECT_THAT(state->keys, ::testing::Optional(SizeIs(0)));
  EXPECT_EQ(WriteState(*state), "quotaplane_state: 1\nkeys: []\n");
}

TEST(StateDocumentTest, TheExampleInTheDocsIsAState) {
  std::stringstream page;
  page << std::ifstream(QP_SOURCE_DIR "/docs/control.md").rdbuf();
  const std::string text = page.str(), begin = "```yaml\nquotaplane_state: 1\n";
  const size_t at = text.find(begin);
  ASSERT_NE(at, std::string::npos);
  const size_t from = at + sizeof("```yaml\n") - 1;
  const absl::StatusOr<StateDocument> state =
      ParseState(text.substr(from, text.find("```\n", from) - from), "docs/control.md");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(*state->exceptions, SizeIs(1));
  EXPECT_THAT(*state->keys, SizeIs(1));
}

TEST(StateDocumentTest, ErrorsNameThePlaceAndTheRule) {
  struct Case {
    std::string from;
    std::string to;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"quotaplane_state: 1\n", "", "`quotaplane_state` is missing"},
      {"quotaplane_state: 1", "quotaplane_state: 2", "state.yaml:1: quotaplane_state: "},
      {"keys:", "key:", "state.yaml:24: key: "},
      {"amount: 500", "amount: -1", "state.yaml:8: policy.limits[0].amount: "},
      {"  - id: \"01jdm3v5k8q2xw9c7e4r6t0y1a\"\n    scope", "  - scope", "`id` is missing"},
      {"amount: 7}", "amount: 0}", "state.yaml:19: exceptions[0].raises[0].amount: "},
      {"per: [user]}", "per: [team]}", "names \"team\", which the scope does not"},
      {"per: [user]}", "per: [user, user]}", "names a dimension twice"},
      {"    end: \"2026-12-01T00:00:00Z\"\n", "", "`end` is missing; an exception has an end"},
      {"\"2026-12-01T00:00:00Z\"", "\"2026-12-01\"", "must be a time such as"},
      {"\"2026-12-01T00:00:00Z\"", "\"2026-12-01T00:00:00.0000001Z\"", "must be a time such as"},
      {"display_name: CI", "display_name: true", "keys[0].display_name: "},
      {"blake2b:00", "sha256:00", "must be \"blake2b:\" and 64 lower-case hexadecimal digits"},
      {"blake2b:00", "blake2b:0", "must be \"blake2b:\" and 64 lower-case hexadecimal digits"},
      {"    previous_until: \"2026-11-27T00:00:00Z\"\n", "", "write both or none"},
      {"  - id: abcdefgh234567ab\n",
       "  - {id: abcdefgh234567ab, hash: \"blake2b:" + std::string(64, '0') +
           "\"}\n  - id: abcdefgh234567ab\n",
       "keys[1]: has the id \"abcdefgh234567ab\" once more"},
  };
  for (const Case& each : cases) {
    std::string text = kState;
    const size_t at = text.find(each.from);
    ASSERT_NE(at, std::string::npos) << each.from;
    text.replace(at, each.from.size(), each.to);
    const absl::Status status = ParseState(text, "state.yaml").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << each.to;
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.message)) << each.to;
  }
}

}  // namespace
}  // namespace quotaplane
