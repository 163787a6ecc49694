#include "tools/loadgen/workload.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

namespace quotaplane::loadgen {
namespace {

using client::Random;

struct ModelShare {
  const char* model;
  double weight;
};

// One kind of work. Tokens are log-normal: the usual shape of prompts and answers.
struct Kind {
  const char* agent;  // label; null: a person at a keyboard
  std::span<const ModelShare> models;
  double input_median, input_sigma;
  double output_median, output_sigma;
  double cached_share;      // of the prompt
  const char* extra_meter;  // null: none
  bool batch;
};

constexpr ModelShare kChatModels[] = {
    {"claude-sonnet-4-5", 5}, {"claude-haiku-4-5", 3}, {"gpt-5-mini", 2}};
constexpr ModelShare kAgentModels[] = {{"claude-opus-4-5", 4}, {"claude-sonnet-4-5", 6}};
constexpr ModelShare kRetrievalModels[] = {{"claude-haiku-4-5", 6}, {"gpt-5-mini", 4}};
constexpr ModelShare kBatchModels[] = {{"claude-haiku-4-5", 7}, {"claude-sonnet-4-5", 3}};

constexpr Kind kKinds[] = {
    {nullptr, kChatModels, 1400, 0.9, 380, 0.8, 0.0, nullptr, false},
    {"coder", kAgentModels, 18'000, 0.8, 900, 0.9, 0.8, "mcp_tool_calls", false},
    {"finder", kRetrievalModels, 6'000, 0.7, 250, 0.6, 0.3, "web_search_requests", false},
    {"nightly", kBatchModels, 4'000, 1.0, 500, 0.8, 0.0, nullptr, true},
};

// How a team's work divides over the kinds, in the same order.
struct TeamMix {
  std::string_view team;
  double weights[4];
};

constexpr TeamMix kMixes[] = {
    {"search", {2, 2, 6, 0}},       {"assistant", {7, 2, 1, 0}}, {"platform", {2, 8, 0, 0}},
    {"data-science", {2, 2, 0, 6}}, {"support", {7, 1, 2, 0}},   {"growth", {5, 1, 3, 1}},
};

const Kind& PickKind(const std::string& team, Random& random) {
  for (const TeamMix& mix : kMixes) {
    if (mix.team == team) return kKinds[random.Pick(mix.weights)];
  }
  return kKinds[0];
}

const char* PickModel(std::span<const ModelShare> models, Random& random) {
  std::vector<double> weights;
  for (const ModelShare& share : models) weights.push_back(share.weight);
  return models[random.Pick(weights)].model;
}

int64_t Tokens(double median, double sigma, Random& random) {
  return std::clamp<int64_t>(std::llround(random.LogNormal(median, sigma)), 1, 150'000);
}

v1::Usage ActualUsage(const Kind& kind, Random& random) {
  v1::Usage usage;
  auto& meters = *usage.mutable_meters();
  const int64_t prompt = Tokens(kind.input_median, kind.input_sigma, random);
  const auto cached = static_cast<int64_t>(static_cast<double>(prompt) * kind.cached_share);
  meters["input"] = prompt - cached;
  if (cached > 0) {
    // Now and then the cache is cold and has to be written.
    meters[random.Chance(0.1) ? "cache_write_5m" : "cache_read"] = cached;
  }
  meters["output"] = Tokens(kind.output_median, kind.output_sigma, random);
  if (kind.extra_meter != nullptr) {
    meters[kind.extra_meter] = static_cast<int64_t>(1 + random.Below(4));
  }
  return usage;
}

// What a gateway knows beforehand: the prompt, and max_tokens, a round number that is usually large
// enough.
v1::Usage EstimateOf(const v1::Usage& actual, double slack) {
  v1::Usage estimate = actual;
  const auto wanted = static_cast<double>(actual.meters().at("output")) * slack;
  (*estimate.mutable_meters())["output"] = (static_cast<int64_t>(wanted) / 256 + 1) * 256;
  return estimate;
}

Ending PickEnding(Random& random) {
  constexpr double kWeights[] = {94, 3, 3};
  constexpr Ending kEndings[] = {Ending::kCommit, Ending::kCommitTwice, Ending::kRelease};
  return kEndings[random.Pick(kWeights)];
}

}  // namespace

Workload::Workload(std::string org, uint64_t seed)
    : org_(std::move(org)), seed_(seed), company_(seed) {}

PlannedRequest Workload::At(int64_t index) const {
  Random random(seed_, static_cast<uint64_t>(index));
  const client::Person& person = company_.Pick(random);
  const Kind& kind = PickKind(person.team, random);

  PlannedRequest request;
  request.subject.set_org(org_);
  request.subject.set_team(person.team);
  request.subject.set_project(person.project);
  request.subject.set_user(person.user);
  request.subject.set_api_key(person.api_key);
  request.subject.set_model(PickModel(kind.models, random));
  if (kind.agent != nullptr) (*request.subject.mutable_labels())["agent"] = kind.agent;
  if (kind.batch) request.service_tier = v1::SERVICE_TIER_BATCH;

  const v1::Usage actual = ActualUsage(kind, random);
  request.estimate = EstimateOf(actual, 1.0 + 2.0 * random.Unit());
  if (random.Chance(0.04)) {
    // max_tokens was too low; the stream asks for more, or runs over its hold.
    request.estimate = EstimateOf(actual, 0.4);
    if (random.Chance(0.5)) request.larger_estimate = EstimateOf(actual, 1.2);
  }
  if (random.Chance(0.04)) {
    // The first provider took the prompt and failed; the fallback read it again.
    v1::Attempt& failed = request.attempts.emplace_back();
    *failed.mutable_usage() = actual;
    (*failed.mutable_usage()->mutable_meters())["output"] = 0;
    failed.set_service_tier(request.service_tier);
    request.attempts.emplace_back().set_model("claude-haiku-4-5");
  } else {
    request.attempts.emplace_back();
  }
  *request.attempts.back().mutable_usage() = actual;
  request.attempts.back().set_service_tier(request.service_tier);
  request.ending = PickEnding(random);
  return request;
}

}  // namespace quotaplane::loadgen
