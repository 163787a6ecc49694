// The policy on the hot path, and how long a large one takes to load. The promises: a match under 2
// µs with 6 limits that apply and 100,000 overrides; 100,000 overrides loaded in under 2 s.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "libs/config/policy_reader.h"
#include "libs/config/policy_writer.h"
#include "libs/policy/policy.h"
#include "libs/policy/policy_diff.h"
#include "libs/policy/policy_set.h"

namespace quotaplane {
namespace {

constexpr int kOverrides = 100'000;

std::string Name(std::string_view prefix, int i) { return std::string(prefix) + std::to_string(i); }

// Six limits that all apply to `AnySubject`, each over another scope, which is the costly case; the
// last has the overrides.
std::string SixLimits(int overrides) {
  std::string text =
      "defaults: {on_outage: deny, time_zone: Europe/Berlin}\n"
      "limits:\n"
      "  - {id: org-month, per: [], unit: usd, amount: 100000, window: month}\n"
      "  - {id: team-month, per: [team], unit: usd, amount: 5000, window: month}\n"
      "  - {id: user-day, per: [user], when: {model: \"claude-*\"}, unit: usd, amount: 50, window: "
      "day}\n"
      "  - {id: key-minute, per: [api_key], unit: requests, amount: 600, window: 60s}\n"
      "  - {id: user-tokens, per: [user, model], unit: total_tokens, amount: 1000000, window: 1h}\n"
      "  - id: user-month\n"
      "    per: [team, user]\n"
      "    unit: usd\n"
      "    amount: 500\n"
      "    window: month\n"
      "    overrides:\n"
      "      - {team: team-3, amount: 700}\n";
  for (int i = 1; i < overrides; ++i) {
    text += "      - {team: " + Name("team-", i % 100) + ", user: " + Name("user-", i) +
            "@example.com, amount: " + std::to_string(500 + i % 1000) + "}\n";
  }
  return text;
}

Subject AnySubject(int i) {
  Subject subject;
  subject.org = "acme";
  subject.team = Name("team-", i % 100);
  subject.project = "assistant";
  subject.user = Name("user-", i) + "@example.com";
  subject.api_key = Name("key-", i);
  subject.model = "claude-sonnet-4-5";
  subject.labels = {{"agent", "ci"}, {"session", Name("s-", i)}};
  return subject;
}

std::shared_ptr<const Policy> MustParse(const std::string& text) {
  absl::StatusOr<std::shared_ptr<const Policy>> policy = ParsePolicy(text, "bench.yaml");
  if (!policy.ok()) {
    std::cerr << policy.status() << "\n";
    std::exit(1);
  }
  return *std::move(policy);
}

void RunMatches(benchmark::State& state, const Policy& policy, size_t expected) {
  std::vector<Subject> subjects;
  for (int i = 1; i < 4096; ++i) subjects.push_back(AnySubject(i * 20));
  std::vector<AppliedLimit> applied;
  size_t next = 0;
  for (auto _ : state) {
    applied.clear();
    const Subject& subject = subjects[next++ % subjects.size()];
    policy.Match(subject, subject.model, &applied);
    benchmark::DoNotOptimize(applied.data());
  }
  if (applied.size() != expected) state.SkipWithError("not the expected number of limits");
}

void LoadOverrides(benchmark::State& state) {
  const std::string text = SixLimits(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(MustParse(text));
  state.counters["bytes"] = static_cast<double>(text.size());
}
BENCHMARK(LoadOverrides)->Arg(1'000)->Arg(kOverrides)->Unit(benchmark::kMillisecond);

// Without the file: the checks and indexes alone.
void BuildOverrides(benchmark::State& state) {
  const std::shared_ptr<const Policy> policy = MustParse(SixLimits(kOverrides));
  for (auto _ : state) benchmark::DoNotOptimize(Policy::Build(policy->document()));
}
BENCHMARK(BuildOverrides)->Unit(benchmark::kMillisecond);

void WriteOverrides(benchmark::State& state) {
  const std::shared_ptr<const Policy> policy = MustParse(SixLimits(kOverrides));
  for (auto _ : state) benchmark::DoNotOptimize(WritePolicy(policy->document()));
}
BENCHMARK(WriteOverrides)->Unit(benchmark::kMillisecond);

// One amount of all is another.
void DiffOverrides(benchmark::State& state) {
  const std::shared_ptr<const Policy> policy = MustParse(SixLimits(kOverrides));
  PolicyDocument to = policy->document();
  to.limits.back().overrides.back().amount += 1;
  int64_t unlisted = 0;
  size_t changes = 0;
  for (auto _ : state) changes = DiffPolicies(policy->document(), to, 10, &unlisted).size();
  if (changes != 1) state.SkipWithError("not the expected number of changes");
}
BENCHMARK(DiffOverrides)->Unit(benchmark::kMillisecond);

void MatchSixLimits(benchmark::State& state) {
  const std::shared_ptr<const Policy> policy =
      MustParse(SixLimits(static_cast<int>(state.range(0))));
  RunMatches(state, *policy, 6);
}
BENCHMARK(MatchSixLimits)->Arg(1)->Arg(kOverrides);

// Six limits over two scopes, as policies mostly are: the scopes are hashed once each.
void MatchSixLimitsTwoScopes(benchmark::State& state) {
  std::string text = "defaults: {on_outage: deny}\nlimits:\n";
  for (const std::string per : {"team", "user"}) {
    for (const std::string window : {"60s", "day", "month"}) {
      text += "  - {id: " + per + "-" + window + ", per: [" + per +
              "], unit: usd, amount: 5, window: " + window + "}\n";
    }
  }
  RunMatches(state, *MustParse(text), 6);
}
BENCHMARK(MatchSixLimitsTwoScopes);

// Thousands of limits, one per team, of which one applies.
void MatchOneOfManyTeams(benchmark::State& state) {
  std::string text = "defaults: {on_outage: deny}\nlimits:\n";
  for (int i = 0; i < state.range(0); ++i) {
    text += "  - {id: " + Name("limit-", i) + ", per: [], when: {team: " + Name("team-", i) +
            "}, unit: usd, amount: 5, window: day}\n";
  }
  RunMatches(state, *MustParse(text), 1);
}
BENCHMARK(MatchOneOfManyTeams)->Arg(100)->Arg(10'000);

// Six limits, found through a set in which a number of orgs have policies of their own, with the
// exceptions that the org has: what they cost on top of MatchSixLimits.
void MatchInASet(benchmark::State& state) {
  const std::shared_ptr<const Policy> policy = MustParse(SixLimits(1));
  auto set = std::make_shared<const PolicySet>(policy);
  for (int i = 0; i < state.range(0); ++i) set = set->WithPolicy(Name("org-", i), 1, policy);
  std::vector<Raise> raises(state.range(1));
  for (size_t i = 0; i < raises.size(); ++i) {
    raises[i] = {Name("e", static_cast<int>(i)),
                 "key-minute",
                 {{*ParseDimension("api_key"), Name("key-", static_cast<int>(i))}},
                 1'000,
                 0,
                 2};
  }
  set = set->WithRaises("acme", std::move(raises));
  std::vector<Subject> subjects;
  for (int i = 1; i < 4096; ++i) subjects.push_back(AnySubject(i * 2));
  std::vector<AppliedLimit> applied;
  size_t next = 0;
  for (auto _ : state) {
    applied.clear();
    const Subject& subject = subjects[next++ % subjects.size()];
    const OrgPolicy& own = set->For(subject.org);
    own.policy->Match(subject, subject.model, &applied);
    if (own.raises->empty()) continue;
    for (const AppliedLimit& one : applied) benchmark::DoNotOptimize(own.raises->Find(one, 1));
  }
  if (applied.size() != 6) state.SkipWithError("not the expected number of limits");
}
BENCHMARK(MatchInASet)->Args({0, 0})->Args({1'000, 0})->Args({1'000, 10'000});

// What curbs cost a call with six limits on top of MatchSixLimits: range(0) of them, of users,
// teams, sessions and a user's model, freezes and throttles; some are the subject's. The promise:
// under 1 µs.
void CurbsOfACall(benchmark::State& state) {
  const std::shared_ptr<const Policy> policy = MustParse(SixLimits(1));
  std::vector<Curb> list(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < list.size(); ++i) {
    const int number = static_cast<int>(i);
    const std::string user = Name("user-", number) + "@example.com";
    Curb& curb = list[i];
    curb.alert = number + 1;
    curb.freeze = i % 2 == 0;
    curb.share_permille = curb.freeze ? 0 : 200;
    curb.until_us = 2;
    switch (i / 2 % 4) {
      case 0:
        curb.scope = {{*ParseDimension("user"), user}};
        break;
      case 1:
        curb.scope = {{*ParseDimension("team"), Name("other-", number)}};
        break;
      case 2:
        curb.scope = {{*ParseDimension("labels.session"), Name("s-", number)}};
        break;
      default:
        curb.scope = {{*ParseDimension("user"), user}, {*ParseDimension("model"), "gpt-5"}};
    }
  }
  const auto set = PolicySet(policy).WithCurbs("acme", std::move(list));
  std::vector<Subject> subjects;
  for (int i = 1; i < 4096; ++i) subjects.push_back(AnySubject(i * 2 + 1));
  std::vector<AppliedLimit> applied;
  policy->Match(subjects[0], subjects[0].model, &applied);
  size_t next = 0;
  for (auto _ : state) {
    const Subject& subject = subjects[next++ % subjects.size()];
    const OrgPolicy& own = set->For(subject.org);
    if (own.curbs->empty()) continue;
    benchmark::DoNotOptimize(own.curbs->Freeze(subject, subject.model, 1));
    for (const AppliedLimit& one : applied) {
      benchmark::DoNotOptimize(own.curbs->Throttle(*one.limit, subject, subject.model, 1));
    }
  }
  if (applied.size() != 6) state.SkipWithError("not the expected number of limits");
}
BENCHMARK(CurbsOfACall)->Arg(0)->Arg(8)->Arg(10'000);

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
