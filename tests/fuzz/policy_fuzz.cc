// Any bytes as a policy: the reader neither crashes nor hangs, refusals are INVALID_ARGUMENT whose
// lines all name the file, and what is read can be matched and means the same when it is built
// or written and read again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "libs/config/policy_reader.h"
#include "libs/config/policy_writer.h"
#include "libs/policy/alert_match.h"
#include "libs/policy/policy.h"

namespace quotaplane {
namespace {

constexpr char kName[] = "fuzz.yaml";

void Require(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "broken: " << what << "\n";
  std::abort();
}

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument, "a refusal is INVALID_ARGUMENT");
  const std::vector<absl::string_view> lines = absl::StrSplit(status.message(), '\n');
  Require(lines.size() <= kMaxProblems + 1, "at most 50 problems are listed");
  for (const absl::string_view line : lines) {
    Require(absl::StartsWith(line, kName), "every problem names the file");
  }
}

// A subject with the values that the policy itself names, so that its conditions and overrides are
// reached.
Subject SubjectOf(const PolicyDocument& document) {
  Subject subject{"acme", "search", "assistant", "alice", "key", "claude-opus-4", {}};
  for (const Limit& limit : document.limits) {
    for (const Override& entry : limit.overrides) {
      for (const auto& [dimension, value] : entry.match) {
        if (dimension.kind == DimensionKind::kUser) subject.user = value;
        if (dimension.kind == DimensionKind::kTeam) subject.team = value;
        if (dimension.kind == DimensionKind::kLabel) subject.labels = {{dimension.label, value}};
      }
    }
    for (const Condition& condition : limit.when) {
      if (condition.dimension.kind == DimensionKind::kModel)
        subject.model = condition.any_of[0].pattern();
    }
  }
  return subject;
}

void CheckWritten(const Policy& policy) {
  const std::string text = WritePolicy(policy.document());
  const auto read = ParsePolicy(text, kName);
  Require(read.ok(), "what was written can be read");
  Require((*read)->fingerprint() == policy.fingerprint(), "what was written means the same");
  Require(WritePolicy((*read)->document()) == text, "and is written the same again");
}

void CheckAlerts(const PolicyDocument& document, const Subject& subject) {
  for (const Limit& limit : document.limits) {
    const std::vector<int>& shares = AlertAt(limit);
    Require(std::is_sorted(shares.begin(), shares.end()), "shares ascend");
  }
  AlertFacts facts;
  facts.scope = subject;
  if (!document.limits.empty()) facts.limit_id = document.limits[0].id;
  facts.share_permille = kMaxAlertAt;
  facts.margin_us = kMaxForecastMarginUs;
  facts.at_stake_nano_usd = kMaxAmount;
  for (const AlertOn on :
       {AlertOn::kThreshold, AlertOn::kForecast, AlertOn::kAnomaly, AlertOn::kRunaway}) {
    facts.on = on;
    const AlertRule* rule = RuleFor(AlertRulesOf(document), facts);
    Require(rule == nullptr || rule->on == on, "a rule decides about its own kind");
    Require(rule == nullptr || !rule->action.has_value() || rule->action->for_us > 0,
            "an action ends");
  }
}

void CheckPolicy(const Policy& policy) {
  const Subject subject = SubjectOf(policy.document());
  std::vector<AppliedLimit> applied;
  policy.Match(subject, subject.model, &applied);
  Require(applied.size() <= policy.document().limits.size(), "a limit applies once");
  for (const AppliedLimit& each : applied) {
    Require(each.amount >= 0 && each.amount <= kMaxAmount, "amounts are in range");
    Require(!ScopeString(*each.limit, subject, subject.model).empty(), "a scope has a name");
  }
  policy.RefusingRule(subject, subject.model);
  Require(!policy.document().cost_centers.empty() || policy.CostCenterOf(subject).empty(),
          "a cost center comes from a rule");
  const auto again = Policy::Build(policy.document());
  Require(again.ok(), "what was built can be built again");
  Require((*again)->fingerprint() == policy.fingerprint(), "and means the same");
  Require(!policy.document().tiers.empty() || policy.TierOf(subject, subject.model).empty(),
          "a tier comes from a rule");
  CheckAlerts(policy.document(), subject);
  CheckWritten(policy);
}

}  // namespace
}  // namespace quotaplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = quotaplane::ParsePolicy(text, quotaplane::kName);
  if (policy.ok()) {
    quotaplane::CheckPolicy(**policy);
  } else {
    quotaplane::CheckRefusal(policy.status());
  }
  return 0;
}
