#include "libs/control/state.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "libs/base/random.h"
#include "libs/config/policy_reader.h"
#include "libs/config/state_document.h"
#include "libs/control/exceptions.h"
#include "libs/control/key_store.h"
#include "libs/control/sortable_id.h"
#include "libs/control/test_stores.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/policy_random.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = StateChange::Kind;

constexpr char kNothing[] = "quotaplane_state: 1\norg: acme\nexceptions: []\nkeys: []\n";

std::string PolicyYaml(int amount, int approvals = 0) {
  return absl::StrCat("policy:\n",
                      approvals > 0 ? absl::StrCat("  approvals: ", approvals, "\n") : "",
                      "  limits:\n    - id: by-user\n      per: [user]\n      unit: requests\n"
                      "      amount: ",
                      amount, "\n      window: 1h\n      on_outage: deny\n");
}

class StateTest : public StoresTest {
 protected:
  std::string Export(const std::string& org = "acme") {
    const absl::StatusOr<std::string> yaml = state_.Export(*db_, org, now_us_);
    EXPECT_TRUE(yaml.ok()) << yaml.status();
    return yaml.ok() ? *yaml : "";
  }
  absl::StatusOr<StatePlan> Apply(const std::string& yaml, const std::string& org = "acme",
                                  const std::string& actor = "admin") {
    const absl::StatusOr<StateDocument> document = ParseState(yaml, "state.yaml");
    if (!document.ok()) return document.status();
    return Make(RequestOf(actor, org),
                [&](const OpenChange& change) { return state_.Apply(change, *document); });
  }
  StatePlan MustApply(const std::string& yaml, const std::string& org = "acme") {
    const absl::StatusOr<StatePlan> plan = Apply(yaml, org);
    EXPECT_TRUE(plan.ok()) << plan.status() << "\n" << yaml;
    return plan.ok() ? *plan : StatePlan();
  }
  absl::StatusOr<StatePlan> Plan(const std::string& yaml) {
    return state_.Plan(*db_, RequestOf("admin"), *ParseState(yaml, "state.yaml"));
  }
  // "added exceptions[01j…]", …
  static std::vector<std::string> Lines(const StatePlan& plan) {
    std::vector<std::string> lines;
    for (const StateChange& each : plan.changes) {
      const char* const kinds[] = {"added ", "removed ", "changed ", "left "};
      lines.push_back(kinds[static_cast<size_t>(each.kind)] + each.path);
    }
    return lines;
  }

  std::string ActiveFor(const std::string& user, int64_t amount) {
    ExceptionSpec spec;
    spec.scope = {{"user", user}};
    spec.raises = {{"by-user", amount}};
    spec.end_us = now_us_ + kDayUs;
    spec.reason = "release week";
    const absl::StatusOr<Exception> requested =
        Make(RequestOf("alice"),
             [&](const OpenChange& change) { return exceptions_.Request(change, spec, *policy_); });
    EXPECT_TRUE(requested.ok()) << requested.status();
    EXPECT_TRUE(Approve(*requested, "bob").ok());
    return requested->id;
  }
  absl::StatusOr<Exception> Approve(const Exception& of, const std::string& actor) {
    return Make(RequestOf(actor), [&](const OpenChange& change) {
      return exceptions_.Approve(change, {of.id, of.etag, ""});
    });
  }
  Exception ExceptionOf(const std::string& id) {
    const absl::StatusOr<Exception> read = exceptions_.Get(*db_, "acme", id, now_us_);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *read : Exception();
  }
  StoredKey MakeOne(const KeySpec& spec) {
    const absl::StatusOr<KeyWithSecret> made = Make(
        RequestOf("admin"), [&](const OpenChange& change) { return keys_.Create(change, spec); });
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->key : StoredKey();
  }
  StoredKey KeyOf(const std::string& id) {
    const absl::StatusOr<StoredKey> read = keys_.Get(*db_, "acme", id, now_us_);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *read : StoredKey();
  }

  // A policy, an exception and a key.
  struct Made {
    std::string exception;
    std::string key;
  };
  Made MakeSome() {
    MustApply("quotaplane_state: 1\n" + PolicyYaml(100));
    return {ActiveFor("alice", 400), MakeOne({"CI", "search", "", "ci", {"claude-*"}, 0}).id};
  }

  const std::shared_ptr<const Policy> policy_ = *Policy::Build([] {
    PolicyDocument document;
    document.limits = {DailyLimit("by-user", {"user"}, 100)};
    return document;
  }());
  const ExceptionStore exceptions_{&codec_};
  const KeyStore keys_{&codec_};
  PolicyVersions policies_{db_.get(), &changes_, &codec_, [this] { return policy_; }};
  const OrgState state_{&codec_, &policies_};
};

TEST_P(StateTest, OfAnOrgThatHasNothing) {
  EXPECT_EQ(Export(), kNothing);
  EXPECT_THAT(MustApply(kNothing).changes, IsEmpty());
  EXPECT_EQ(Export(), kNothing);
}

TEST_P(StateTest, SaysAllThatIsInForce) {
  const Made made = MakeSome();
  const std::string yaml = Export();
  EXPECT_THAT(yaml, HasSubstr("org: acme\npolicy:\n  limits:\n    - id: by-user\n"));
  EXPECT_THAT(yaml, HasSubstr("exceptions:\n  - id: \"" + made.exception +
                              "\"\n    scope: {user: alice}\n    raises:\n"
                              "      - {limit: by-user, amount: 400}\n    end: \"2026-11-02T"));
  EXPECT_THAT(yaml, HasSubstr("    display_name: CI\n    team: search\n    user: ci\n"
                              "    models: [\"claude-*\"]\n    hash: \"blake2b:"));
  EXPECT_THAT(yaml, Not(HasSubstr("qpk_")));
  // Nothing of it is over.
  now_us_ += 2 * kDayUs;
  EXPECT_THAT(Export(), HasSubstr("exceptions: []"));
}

TEST_P(StateTest, ADryRunSaysWhatWouldChangeAndChangesNothing) {
  const Made made = MakeSome();
  const std::string yaml =
      absl::StrCat("quotaplane_state: 1\n", PolicyYaml(200), "exceptions: []\nkeys: []\n");
  const auto before = Everything();
  const absl::StatusOr<StatePlan> plan = Plan(yaml);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Lines(*plan), ElementsAre("changed policy.limits[by-user].amount",
                                        "removed exceptions[" + made.exception + "]",
                                        "removed keys[" + made.key + "]"));
  EXPECT_EQ(plan->changes[0].before, "100");
  EXPECT_EQ(plan->changes[0].after, "200");
  EXPECT_EQ(Everything(), before);

  EXPECT_EQ(MustApply(yaml).changes, plan->changes);
  EXPECT_EQ(ExceptionOf(made.exception).state, ExceptionState::kRevoked);
  EXPECT_EQ(KeyOf(made.key).state, KeyState::kRevoked);
  EXPECT_EQ(Item("raises/acme"), "");
  EXPECT_THAT(Item("key/" + made.key), HasSubstr("revoked"));
  EXPECT_THAT(Item("policy/acme"), HasSubstr("v2"));
  EXPECT_EQ(LastAudit("target"), "state");
  EXPECT_THAT(LastAudit("after_json"), HasSubstr("policy.limits[by-user].amount"));
  EXPECT_THAT(MustApply(yaml).changes, IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM policy_versions"), 2);
}

TEST_P(StateTest, PartsThatAreNotNamedStay) {
  const Made made = MakeSome();
  const std::string before = Export();
  EXPECT_THAT(MustApply("quotaplane_state: 1\norg: acme\n").changes, IsEmpty());
  EXPECT_EQ(Export(), before);
  EXPECT_THAT(Lines(MustApply("quotaplane_state: 1\nkeys: []\n")),
              ElementsAre("removed keys[" + made.key + "]"));
  EXPECT_EQ(ExceptionOf(made.exception).state, ExceptionState::kActive);
}

// Promoted to another org, whose people decide for themselves.
TEST_P(StateTest, NoDocumentApprovesAnException) {
  const Made made = MakeSome();
  std::string yaml = Export();
  yaml = yaml.substr(0, yaml.find("keys:"));
  yaml.replace(yaml.find("org: acme"), 9, "org: prod");
  EXPECT_THAT(Lines(MustApply(yaml, "prod")),
              ElementsAre("changed policy.limits[by-user].window",
                          "added exceptions[" + made.exception + "]"));
  absl::StatusOr<Exception> arrived = exceptions_.Get(*db_, "prod", made.exception, now_us_);
  ASSERT_TRUE(arrived.ok()) << arrived.status();
  EXPECT_EQ(arrived->state, ExceptionState::kRequested);
  EXPECT_EQ(arrived->requester, "admin");
  EXPECT_EQ(Item("raises/prod"), "(none)");
  const auto approve = [&](const std::string& actor) {
    return Make(RequestOf(actor, "prod"), [&](const OpenChange& change) {
      return exceptions_.Approve(change, {arrived->id, arrived->etag, ""});
    });
  };
  EXPECT_EQ(ReasonIn(approve("admin").status()), "OWN_CHANGE");
  const std::string before = Export("prod");
  ASSERT_TRUE(approve("carol").ok());
  EXPECT_THAT(Item("raises/prod"), HasSubstr("by-user{user=alice,} 400"));
  // The document said that it should be asked for, and says so still.
  EXPECT_EQ(Export("prod"), before);
  EXPECT_THAT(MustApply(yaml, "prod").changes, IsEmpty());
}

TEST_P(StateTest, WhatWasDecidedStays) {
  const Made made = MakeSome();
  const std::string yaml = Export();
  const Exception active = ExceptionOf(made.exception);
  ASSERT_TRUE(Make(RequestOf("alice"), [&](const OpenChange& change) {
                return exceptions_.Revoke(change, {active.id, active.etag, ""});
              }).ok());
  ASSERT_TRUE(Make(RequestOf("admin"), [&](const OpenChange& change) {
                return keys_.Revoke(change, made.key, "");
              }).ok());
  const StatePlan plan = MustApply(yaml);
  EXPECT_THAT(Lines(plan), ElementsAre("left exceptions[" + made.exception + "]",
                                       "left keys[" + made.key + "]"));
  EXPECT_EQ(plan.changes[0].before, "REVOKED");
  EXPECT_EQ(KeyOf(made.key).state, KeyState::kRevoked);
}

TEST_P(StateTest, KeysTakeWhatTheDocumentSaysOfThem) {
  const Made made = MakeSome();
  std::string yaml = Export();
  yaml.replace(yaml.find("team: search"), 12, "team: ads\n    project: web");
  EXPECT_THAT(Lines(MustApply(yaml)), ElementsAre("changed keys[" + made.key + "].team",
                                                  "changed keys[" + made.key + "].project"));
  EXPECT_THAT(Item("key/" + made.key), HasSubstr("acme/ads/web/ci claude-*"));
  EXPECT_EQ(Export(), yaml);
}

TEST_P(StateTest, NoDocumentBringsAnOldSecretBack) {
  const Made made = MakeSome();
  const std::string old = Export();
  const StoredKey key = KeyOf(made.key);
  ASSERT_TRUE(Make(RequestOf("admin"), [&](const OpenChange& change) {
                return keys_.Rotate(change, key.id, key.etag, kDayUs);
              }).ok());
  const std::string rotated = Export(), item = Item("key/" + made.key);
  EXPECT_THAT(rotated, HasSubstr("previous_until:"));
  const absl::Status status = Apply(old).status();
  ASSERT_EQ(FieldViolationsOf(status).size(), 1) << status;
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "keys[0].hash");
  EXPECT_EQ(Item("key/" + made.key), item);
  EXPECT_THAT(MustApply(rotated).changes, IsEmpty());
  // The grace is over, here and there.
  now_us_ += kDayUs - 1;
  EXPECT_THAT(Export(), HasSubstr("previous_until:"));
  now_us_ += 1;
  EXPECT_THAT(Export(), Not(HasSubstr("previous_until:")));
  EXPECT_THAT(MustApply(rotated).changes, IsEmpty());
}

TEST_P(StateTest, AnotherOrgsKeyIdIsTaken) {
  MakeSome();
  std::string yaml = Export();
  yaml.replace(yaml.find("org: acme"), 9, "org: prod");
  const auto before = Everything();
  const absl::Status status = Apply(yaml, "prod").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is the id of another key"));
  EXPECT_EQ(Everything(), before);
}

TEST_P(StateTest, WhatIsOverIsNotMade) {
  MakeSome();
  const std::string yaml = Export();
  now_us_ += 400 * kDayUs;
  std::string expired = yaml;
  expired.replace(expired.find("    hash:"), 9, "    expires: \"2026-12-01T00:00:00Z\"\n    hash:");
  expired.replace(expired.find("  - id: \"01"), 11, "  - id: \"00");
  expired.replace(expired.find("org: acme"), 9, "org: prod");
  EXPECT_THAT(Lines(MustApply(expired, "prod")),
              ElementsAre("changed policy.limits[by-user].window"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM exceptions WHERE org = 'prod'"), 0);
}

TEST_P(StateTest, APolicyThatAsksForApprovalsGetsADraft) {
  MustApply("quotaplane_state: 1\n" + PolicyYaml(100, 1));
  const std::string yaml = "quotaplane_state: 1\n" + PolicyYaml(200, 1);
  const StatePlan first = MustApply(yaml);
  ASSERT_TRUE(first.version.has_value());
  EXPECT_EQ(first.version->state, PolicyState::kDraft);
  EXPECT_THAT(Item("policy/acme"), HasSubstr("v1"));
  const StatePlan again = MustApply(yaml);
  EXPECT_THAT(Lines(again), ElementsAre("left policy"));
  EXPECT_EQ(again.version->version, first.version->version);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM policy_versions"), 2);
}

TEST_P(StateTest, BadPartsChangeNothing) {
  const Made made = MakeSome();
  const std::string good = Export();
  struct Case {
    std::string from;
    std::string to;
    std::string field;
  };
  const std::vector<Case> cases = {
      {"org: acme", "org: prod", "yaml"},
      {"  limits:", "  retention: {entries: 400d}\n  limits:", "yaml"},
      {"amount: 400}", "amount: 401}", "exceptions[0]"},
      {"reason: \"release week\"", "reason: other", "exceptions[0]"},
      {"id: \"" + made.exception, "id: \"x", "exceptions[0].id"},
      {"id: " + made.key, "id: " + std::string(16, '9'), "keys[0].id"},
      {"team: search", "team: \"" + std::string(129, 'x') + "\"", "keys[0].team"},
  };
  for (const Case& each : cases) {
    std::string yaml = good;
    const size_t at = yaml.find(each.from);
    ASSERT_NE(at, std::string::npos) << each.from;
    yaml.replace(at, each.from.size(), each.to);
    // Something that would change, before the part that is wrong.
    const size_t amount = yaml.find("amount: 100");
    yaml.replace(amount, 11, "amount: 777");
    const auto before = Everything();
    const absl::Status status = Apply(yaml).status();
    const std::vector<FieldViolation> fields = FieldViolationsOf(status);
    EXPECT_TRUE(
        std::any_of(fields.begin(), fields.end(),
                    [&](const FieldViolation& violation) { return violation.field == each.field; }))
        << each.to << ": " << status;
    EXPECT_EQ(Everything(), before) << each.to;
  }
}

// Documents that a state could be, with odd names in every place that has one.
class RandomState {
 public:
  RandomState(uint64_t seed, int64_t now_us) : random_(seed), now_us_(now_us) {}

  StateDocument Document(const std::string& org) {
    StateDocument state;
    state.org = org;
    if (!random_.Chance(8)) {
      PolicyDocument document = random_.Document();
      document.retention = {};
      state.policy = *Policy::Build(std::move(document));
    }
    state.exceptions.emplace(random_.Below(4));
    for (StateException& exception : *state.exceptions) exception = AnException();
    state.keys.emplace(random_.Below(4));
    for (StateKey& key : *state.keys) key = AKey();
    return state;
  }

 private:
  int64_t Later(int64_t days) {
    const int64_t us = 1 + static_cast<int64_t>(random_.Below(static_cast<size_t>(days * kDayUs)));
    return now_us_ + (random_.Chance(2) ? us / 1'000'000 * 1'000'000 + 1'000'000 : us);
  }
  static Hash256 AHash() { return HashSecret(RandomBytes(8)); }

  StateException AnException() {
    static const std::vector<std::string> kNames = {"labels.a", "labels.null", "model", "team",
                                                    "user"};
    StateException exception;
    exception.id = NewSortableId(now_us_);
    for (const std::string& name : kNames) {
      if (random_.Chance(3)) exception.scope[name] = random_.Value();
    }
    const size_t raises = 1 + random_.Below(3);
    for (size_t i = 0; i < raises; ++i) {
      StateRaise raise;
      raise.limit_id = absl::StrCat(random_.Chance(2) ? "limit-" : "1.", i);
      raise.amount = 1 + static_cast<int64_t>(random_.Below(size_t{1} << 52));
      for (const auto& [name, value] : exception.scope) {
        if (!random_.Chance(3)) raise.per.push_back(name);
      }
      exception.raises.push_back(std::move(raise));
    }
    exception.end_us = Later(365);
    if (random_.Chance(2))
      exception.start_us = exception.end_us - 1 - static_cast<int64_t>(random_.Below(kHourUs));
    exception.reason = random_.Value();
    return exception;
  }

  std::string Maybe() { return random_.Chance(2) ? "" : random_.Value(); }

  StateKey AKey() {
    StateKey key;
    key.id = MakeKey().id;
    key.display_name = Maybe();
    key.team = Maybe();
    key.project = Maybe();
    key.user = Maybe();
    const size_t models = random_.Below(4);
    for (size_t i = 0; i < models; ++i) key.models.push_back(random_.Value());
    if (random_.Chance(2)) key.expires_at_us = Later(1'000);
    key.hash = AHash();
    if (random_.Chance(3)) {
      key.previous_hash = AHash();
      key.previous_until_us = Later(30);
    }
    return key;
  }

  RandomPolicy random_;
  const int64_t now_us_;
};

// A thousand, each the state of an org that had nothing.
TEST_P(StateTest, RandomDocumentsComeBackByteForByte) {
  // PostgreSQL shows what its types do to them; each takes a few flushes there.
  const uint64_t count = postgres() ? 200 : 1'000;
  for (uint64_t seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const std::string org = absl::StrCat("org-", seed);
    const std::string yaml = WriteState(RandomState(seed, now_us_).Document(org));
    MustApply(yaml, org);
    ASSERT_EQ(Export(org), yaml);
    const StatePlan again = MustApply(yaml, org);
    ASSERT_THAT(again.changes, IsEmpty());
    ASSERT_FALSE(again.version.has_value());
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM policy_versions"),
            Count("SELECT COUNT(*) FROM policy_versions WHERE version = 1"));
}

QP_OVER_BOTH_DATABASES(StateTest);

}  // namespace
}  // namespace quotaplane
