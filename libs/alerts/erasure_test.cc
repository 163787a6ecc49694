// A person is erased from alerts, silences and messages, over both databases.
#include "libs/alerts/erasure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/alerts/test_alerts.h"

namespace quotaplane {
namespace {

constexpr char kAlice[] = "al_i%ce\"\\";  // all that patterns and JSON have a meaning for
constexpr char kErased[] = "erased-0123456789abcdef";

class AlertErasureTest : public AlertsTest {
 protected:
  int64_t Erase(const std::string& org = "acme") {
    const auto changed = In([&](sql::Transaction& t) {
      return EraseFromAlerts(t, {org, kAlice, kErased});
    });
    EXPECT_TRUE(changed.ok()) << changed.status();
    return changed.value_or(-1);
  }
  // Rows of any table of alerts that have the name in any text, but for actors.
  int64_t Mentions() {
    int64_t sum = 0;
    for (const char* text : {"alerts WHERE signal", "alerts WHERE acknowledge_comment",
                             "alert_message_items WHERE body", "alert_silences WHERE matchers",
                             "alert_silences WHERE reason", "alert_messages WHERE error"}) {
      sum += sql::MustCount(
          *db_, absl::StrCat("SELECT COUNT(*) FROM ", text, " LIKE '%al\\_i\\%ce%' ESCAPE '\\'"));
    }
    return sum;
  }
  Silence Silenced(const std::string& name, const std::string& pattern) {
    Silence silence;
    silence.org = "acme";
    silence.matchers = {{"kind", "threshold"}, {name, pattern}};
    silence.until_us = now_us_ + kHourUs;
    silence.reason = absl::StrCat("asked for by ", kAlice);
    silence.author = "token:ann";
    const auto added =
        In([&](sql::Transaction& t) { return store_.AddSilence(t, silence, now_us_); });
    EXPECT_TRUE(added.ok()) << added.status();
    return added.value_or(Silence());
  }
};
QP_OVER_BOTH_DATABASES(AlertErasureTest);

TEST_P(AlertErasureTest, TheNameIsNowhere) {
  Signal alice = SignalOf(kAlice, "1");
  alice.key = "k1";
  alice.action = WantedAction{WantedAction::Kind::kFreeze, 0, kHourUs};
  Signal team = SignalOf("search", "1");
  team.dimensions = {{"org", "acme"}, {"team", "search"}};
  team.contributors = {{"user", "bob", 1, 2}, {"user", kAlice, 1, 200}};
  team.summary = absl::StrCat("Team search: ", kAlice, " came to $200");
  team.action = alice.action;
  Signal label = SignalOf("bob", "1");
  label.dimensions.emplace_back("labels.owner", kAlice);
  RecordAll({alice, team, label});
  for (const int64_t number : {1, 2}) {
    ASSERT_TRUE(In([&](sql::Transaction& t) {
                  return store_.MarkAction(t, number, now_us_, now_us_ + kHourUs);
                }).ok());
  }
  ASSERT_TRUE(In([&](sql::Transaction& t) {
                return store_.Acknowledge(
                    t, "acme", 3, {"token:ann", absl::StrCat(kAlice, " is on it")}, now_us_);
              }).ok());
  Silenced("user", kAlice);
  ASSERT_TRUE(db_->Execute({"refused", "UPDATE alert_messages SET error = $1"},
                           {absl::StrCat("HTTP status 400: no ", kAlice, " here")})
                  .ok());
  EXPECT_GT(Mentions(), 7);

  EXPECT_EQ(Erase("globex"), 0);
  EXPECT_EQ(Erase(), 3 + 3 + 1);
  EXPECT_EQ(Mentions(), 0);
  const Alert of_alice = Get(1);
  EXPECT_EQ(of_alice.signal.scope, absl::StrCat("{org=acme, user=", kErased, "}"));
  EXPECT_EQ(of_alice.signal.summary, absl::StrCat("80% of $100 for ", kErased));
  EXPECT_EQ(of_alice.signal.key, "k1");
  EXPECT_EQ(of_alice.signal.actual, alice.actual);
  EXPECT_EQ(Get(2).signal.contributors[1].value, kErased);
  EXPECT_EQ(Get(2).signal.contributors[0].value, "bob");
  EXPECT_EQ(Get(3).acknowledge_comment, absl::StrCat(kErased, " is on it"));
  EXPECT_EQ(Get(3).acknowledged_by, "token:ann");
  // What was done to her alone is lifted; what was done to the team is not.
  EXPECT_TRUE(of_alice.action.lifted);
  EXPECT_FALSE(Get(2).action.lifted);
  const auto silences = store_.ListSilences(*db_, "acme", false, 0, 10);
  ASSERT_TRUE(silences.ok()) << silences.status();
  EXPECT_EQ(silences->at(0).matchers[1].pattern, kErased);
  EXPECT_EQ(silences->at(0).reason, absl::StrCat("asked for by ", kErased));
  EXPECT_EQ(Erase(), 0);
}

TEST_P(AlertErasureTest, OthersKeepTheirNames) {
  // A longer name, a team and a model of that name, another org.
  Signal longer = SignalOf(absl::StrCat(kAlice, "2"), "1");
  Signal team = SignalOf("x", "1");
  team.dimensions = {{"org", "acme"}, {"team", kAlice}, {"model", kAlice}};
  team.contributors = {{"model", kAlice, 1, 2}};
  Signal other = SignalOf(kAlice, "1");
  other.org = "globex";
  RecordAll({longer, team, other});
  Silenced("team", kAlice);
  Silenced("user", absl::StrCat(kAlice, "*"));
  const int64_t before = Mentions();
  EXPECT_EQ(Erase(), 0);
  EXPECT_EQ(Mentions(), before);
}

TEST_P(AlertErasureTest, ManyAreErasedInParts) {
  std::vector<Signal> signals;
  for (int i = 0; i < 500; ++i) {
    signals.push_back(SignalOf(kAlice, "1"));
    signals.back().key = absl::StrCat("k", i);
  }
  RecordAll(signals);
  for (Signal& signal : signals) signal.key += "-more";
  RecordAll(signals);
  EXPECT_GE(Erase(), 1'000);
  EXPECT_EQ(Mentions(), 0);
}

TEST(ReplaceWord, ReplacesWordsAlone) {
  EXPECT_EQ(ReplaceWord("a by a, (a) a's", "a", "X"), "X by X, (X) X's");
  EXPECT_EQ(ReplaceWord("alice alices malice _alice alice-2 éalice aliceé", "alice", "X"),
            "X alices malice _alice X-2 éalice aliceé");
  EXPECT_EQ(ReplaceWord("to a.b@c.d: a.b@c.de", "a.b@c.d", "X"), "to X: a.b@c.de");
  EXPECT_EQ(ReplaceWord("(x)(x)", "(x)", "X"), "XX");
  EXPECT_EQ(ReplaceWord("aaa aa", "aa", "X"), "aaa X");
  EXPECT_EQ(ReplaceWord("", "a", "X"), "");
}

}  // namespace
}  // namespace quotaplane
