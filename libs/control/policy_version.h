// A version of an org's policy, without its document. Mirrors admin.proto, whose head has the
// words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quotaplane {

enum class PolicyState { kDraft, kActive, kSuperseded, kDiscarded };

std::string_view PolicyStateName(PolicyState state);  // "draft", …
std::optional<PolicyState> ParsePolicyState(std::string_view name);

struct PolicyApproval {
  std::string approver;
  int64_t approved_at_us = 0;
  std::string comment;

  friend bool operator==(const PolicyApproval&, const PolicyApproval&) = default;
};

struct PolicyVersion {
  std::string org;
  // 1, 2, … 0: the default policy, or a document that was only validated.
  int64_t version = 0;
  PolicyState state = PolicyState::kDraft;
  // The version that was active when this one was made, or rebased; 0 if none was.
  int64_t base_version = 0;
  std::string fingerprint;
  std::string author;
  std::string reason;
  int64_t created_at_us = 0;
  std::optional<int64_t> activated_at_us;
  std::string activated_by;
  std::optional<int64_t> superseded_at_us;
  std::vector<PolicyApproval> approvals;  // the earliest first
  // What the policy in force asks for: when this was read or, in an answer, when it was given.
  int approvals_needed = 0;
  // Where it was asked for (PolicyVersions::Get, and a validated document): canonical.
  std::string yaml;
  std::string etag;  // opaque; empty for version 0

  friend bool operator==(const PolicyVersion&, const PolicyVersion&) = default;
};

}  // namespace quotaplane
