// Counters' names are stored. If a test here fails, the code is wrong, not the test: with other
// names every count would start again from zero.
#include "libs/policy/counter_identity.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "libs/base/absl_view.h"
#include "libs/policy/policy_builder.h"

namespace quotaplane {
namespace {

std::string Hex(const Digest& digest) { return absl::BytesToHexString(AbslView(digest.view())); }

std::string NameOf(const Limit& limit, const Subject& subject) {
  FieldBuffer buffer;
  return Hex(CounterName(CounterFamily(limit, {}),
                         ScopeDigest(limit.per, subject, subject.model, &buffer)));
}

TEST(CounterIdentityTest, NamesNeverChange) {
  const Limit per_org = DailyLimit("a", {}, 1);
  EXPECT_EQ(NameOf(per_org, Alice()), "86a93d39a3094c4eb4ccf35589867992");

  Limit month = DailyLimit("b", {"user"}, 1);
  month.unit = *ParseUnit("usd");
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  month.window = *ParseWindow("month", berlin, 15);
  EXPECT_EQ(NameOf(month, Alice()), "aecbf465cdcc7760dd7ac11eba4a3aaf");

  Limit conditional = DailyLimit("c", {"team", "labels.agent"}, 1);
  conditional.when = {When("model", {"gpt-*", "claude-*", "gpt-*"}), When("labels.agent", {"*"})};
  conditional.unit = *ParseUnit("mcp_tool_calls");
  conditional.window = *ParseWindow("60s", absl::UTCTimeZone(), 1);
  EXPECT_EQ(NameOf(conditional, Alice()), "cfb6658f1e65984fc0ba102b81d6b825");

  Limit concurrency = DailyLimit("d", {"api_key"}, 1);
  concurrency.unit = *ParseUnit("concurrency");
  concurrency.window = WindowSpec();
  EXPECT_EQ(NameOf(concurrency, Alice()), "9ce5e2158edc404c933d3b0237536f0b");
}

TEST(CounterIdentityTest, NamesOfTiersNeverChange) {
  PolicyDocument document;
  document.tiers = {{"restricted", {When("model", {"*-preview"}), When("team", {"b", "a"})}, ""},
                    {"standard", {}, ""}};
  document.limits = {DailyLimit("a", {"user"}, 1), DailyLimit("b", {"user"}, 1)};
  document.limits[1].tier = "standard";
  const std::vector<Digest> families = CounterFamilies(document);
  EXPECT_EQ(families[0], CounterFamily(document.limits[0], {})) << "tiers are of no concern to it";
  EXPECT_EQ(Hex(families[1]), "c29acd32a9a63d53834ced80f921117f");
}

TEST(CounterIdentityTest, PolicyMatchGivesTheSameNames) {
  const Limit limit = DailyLimit("l", {"team", "user"}, 1);
  PolicyDocument document;
  document.limits = {limit};
  const auto policy = Policy::Build(document);
  ASSERT_TRUE(policy.ok()) << policy.status();
  std::vector<AppliedLimit> applied;
  (*policy)->Match(Alice(), Alice().model, &applied);
  ASSERT_EQ(applied.size(), 1u);
  EXPECT_EQ(Hex(applied[0].counter), NameOf(limit, Alice()));
}

}  // namespace
}  // namespace quotaplane
