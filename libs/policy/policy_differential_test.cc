// Random policies and subjects against a matcher that does nothing cleverly: it goes through every
// limit, every condition and every override. A failure prints the seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "libs/policy/counter_identity.h"
#include "libs/policy/policy_builder.h"
#include "libs/policy/risk_tier.h"

namespace quotaplane {
namespace {

constexpr std::string_view kDimensions[] = {"org",     "team",  "project",  "user",
                                            "api_key", "model", "labels.a", "labels.b"};

bool Agrees(const Override& entry, const Subject& subject, std::string_view model) {
  return std::all_of(entry.match.begin(), entry.match.end(), [&](const auto& pair) {
    return pair.first.ValueIn(subject, model) == pair.second;
  });
}

std::vector<AppliedLimit> NaiveMatch(const PolicyDocument& document, const Subject& subject,
                                     std::string_view model) {
  std::vector<AppliedLimit> applied;
  for (const Limit& limit : document.limits) {
    bool applies = true;
    for (const Dimension& dimension : limit.per)
      applies &= !dimension.ValueIn(subject, model).empty();
    for (const Condition& condition : limit.when) {
      const std::string_view value = condition.dimension.ValueIn(subject, model);
      bool any = false;
      for (const Glob& glob : condition.any_of) any |= !value.empty() && glob.Matches(value);
      applies &= any;
    }
    if (!applies) continue;
    int64_t amount = limit.amount;
    size_t rank = 0;
    for (const Override& entry : limit.overrides) {
      if (entry.match.size() <= rank || !Agrees(entry, subject, model)) continue;
      rank = entry.match.size();
      amount = entry.amount;
    }
    FieldBuffer buffer;
    const Digest scope = ScopeDigest(limit.per, subject, model, &buffer);
    applied.push_back(
        {&limit, amount, CounterName(CounterFamily(limit, TiersDigest(document.tiers)), scope)});
  }
  return applied;
}

// Whether two overrides of equal rank of one limit could match one scope, pair by pair.
bool NaiveHasTie(const Limit& limit) {
  for (size_t i = 0; i < limit.overrides.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const auto& a = limit.overrides[i].match;
      const auto& b = limit.overrides[j].match;
      if (a.size() != b.size()) continue;
      const bool clash = std::any_of(a.begin(), a.end(), [&](const auto& pair) {
        return std::any_of(b.begin(), b.end(), [&](const auto& other) {
          return pair.first == other.first && pair.second != other.second;
        });
      });
      if (!clash) return true;
    }
  }
  return false;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool OneIn(int n) { return Below(n) == 0; }
  // Few values, so that much matches. Dimensions share them.
  std::string Value() { return absl::StrCat("v", Below(4)); }
  std::string_view Name() { return kDimensions[Below(std::size(kDimensions))]; }

  Subject AnySubject() {
    Subject subject{Value(), "", "", "", "", Value(), {}};
    for (std::string* field : {&subject.team, &subject.project, &subject.user, &subject.api_key}) {
      if (!OneIn(3)) *field = Value();
    }
    for (const char* label : {"a", "b"}) {
      if (!OneIn(3)) subject.labels.emplace_back(label, Value());
    }
    return subject;
  }

  std::vector<Condition> AnyWhen() {
    std::vector<Condition> when;
    while (OneIn(2)) {
      Condition condition{Dim(Name()), {}};
      const auto same = [&](const Condition& c) { return c.dimension == condition.dimension; };
      if (std::any_of(when.begin(), when.end(), same)) continue;
      do {
        condition.any_of.emplace_back(OneIn(4) ? "v*" : OneIn(4) ? "?2" : Value());
      } while (OneIn(2));
      when.push_back(std::move(condition));
    }
    return when;
  }

  Limit AnyLimit(int number) {
    Limit limit = DailyLimit(absl::StrCat("l", number), {}, Below(1000));
    while (OneIn(2)) limit.per.push_back(Dim(Name()));
    limit.when = AnyWhen();
    const int overrides = OneIn(2) ? 0 : Below(30);
    for (int i = 0; i < overrides; ++i) {
      Override entry{{}, Below(1000), absl::StrCat("override ", i)};
      for (const Dimension& dimension : limit.per) {
        const auto same = [&](const auto& pair) { return pair.first == dimension; };
        if (!OneIn(3) && std::none_of(entry.match.begin(), entry.match.end(), same)) {
          entry.match.emplace_back(dimension, Value());
        }
      }
      if (!entry.match.empty()) limit.overrides.push_back(std::move(entry));
    }
    return limit;
  }

  // The limit, or without overrides if they tie: most do.
  Limit AnySoundLimit(int number) {
    Limit limit = AnyLimit(number);
    for (size_t i = 0; i < limit.overrides.size();) {
      Limit first = limit;
      first.overrides.resize(i + 1);
      if (NaiveHasTie(first)) {
        limit.overrides.erase(limit.overrides.begin() + i);
      } else {
        ++i;
      }
    }
    return limit;
  }

 private:
  std::mt19937_64 random_;
};

uint64_t FirstSeed() { return std::random_device()() % 1'000'000'000; }

TEST(PolicyDifferentialTest, MatchesAsTheNaiveMatcherDoes) {
  const uint64_t first = FirstSeed();
  int matches = 0;
  int overridden = 0;
  for (uint64_t seed = first; seed < first + 400; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Generator generator(seed);
    PolicyDocument document;
    const int limits = 1 + generator.Below(12);
    for (int i = 0; i < limits; ++i) document.limits.push_back(generator.AnySoundLimit(i));
    const auto policy = Policy::Build(document);
    ASSERT_TRUE(policy.ok()) << policy.status();
    for (int i = 0; i < 100; ++i) {
      const Subject subject = generator.AnySubject();
      const std::string model = generator.Value();
      std::vector<AppliedLimit> applied;
      (*policy)->Match(subject, model, &applied);
      const std::vector<AppliedLimit> expected = NaiveMatch((*policy)->document(), subject, model);
      ASSERT_EQ(applied.size(), expected.size());
      for (size_t k = 0; k < applied.size(); ++k) {
        ASSERT_EQ(applied[k].limit, expected[k].limit);
        ASSERT_EQ(applied[k].amount, expected[k].amount);
        ASSERT_EQ(applied[k].counter, expected[k].counter);
        overridden += applied[k].amount != applied[k].limit->amount;
        ++matches;
      }
    }
  }
  // The generator makes what the test is about.
  EXPECT_GT(matches, 10'000);
  EXPECT_GT(overridden, 500);
}

TEST(PolicyDifferentialTest, FindsTiesAsComparingAllPairsDoes) {
  const uint64_t first = FirstSeed();
  int ties = 0;
  constexpr int kRounds = 4000;
  for (uint64_t seed = first; seed < first + kRounds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Generator generator(seed);
    PolicyDocument document;
    document.limits = {generator.OneIn(4) ? generator.AnySoundLimit(0) : generator.AnyLimit(0)};
    if (generator.OneIn(2) && document.limits[0].overrides.size() > 3)
      document.limits[0].overrides.resize(3);
    const bool tie = NaiveHasTie(document.limits[0]);
    ties += tie;
    ASSERT_EQ(Policy::Build(document).ok(), !tie);
  }
  EXPECT_GT(ties, kRounds / 20);
  EXPECT_LT(ties, kRounds * 19 / 20);
}

TEST(PolicyDifferentialTest, RefusesModelsAsTheNaiveMatcherDoes) {
  const uint64_t first = FirstSeed();
  int refused = 0;
  for (uint64_t seed = first; seed < first + 400; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Generator generator(seed);
    PolicyDocument document;
    const int rules = 1 + generator.Below(6);
    for (int i = 0; i < rules; ++i) {
      ModelRule rule{absl::StrCat("r", i), {}, {}, {}, ""};
      for (const char* name : {"team", "user"}) {
        if (generator.OneIn(2))
          rule.when.push_back(When(name, {generator.Value(), generator.Value()}));
      }
      if (generator.OneIn(2)) rule.allow = {Glob(generator.Value()), Glob("?1")};
      if (rule.allow.empty() || generator.OneIn(2)) rule.deny = {Glob(generator.Value())};
      document.model_rules.push_back(std::move(rule));
    }
    const auto policy = Policy::Build(document);
    ASSERT_TRUE(policy.ok()) << policy.status();
    for (int i = 0; i < 50; ++i) {
      const Subject subject = generator.AnySubject();
      const std::string model = generator.Value();
      const auto matches = [&](const Glob& glob) { return glob.Matches(model); };
      std::string expected;
      for (const ModelRule& rule : document.model_rules) {
        if (!expected.empty() || !MatchesAll(rule.when, subject, model)) continue;
        const bool denied = std::any_of(rule.deny.begin(), rule.deny.end(), matches);
        const bool allowed =
            rule.allow.empty() || std::any_of(rule.allow.begin(), rule.allow.end(), matches);
        if (denied || !allowed) expected = rule.id;
      }
      const ModelRule* rule = (*policy)->RefusingRule(subject, model);
      ASSERT_EQ(rule == nullptr ? "" : rule->id, expected);
      refused += rule != nullptr;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace quotaplane
