// Policy versions, caps and what would become of them, as text for people. Pure: `now` is passed
// in.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/policies.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// "active", "draft", …
std::string StateWord(v1::PolicyState state);
// "1 of 2" where approvals are needed; "1", or "-" for none, where they are not.
std::string ApprovalWords(const v1::PolicyVersion& version);

std::string VersionsAsText(const v1::ListPolicyVersionsResponse& response,
                           const terminal::Style& style);
// One version, without its document.
std::string VersionAsText(const v1::PolicyVersion& version, absl::Time now,
                          const terminal::Style& style);

using Changes = google::protobuf::RepeatedPtrField<v1::PolicyChange>;
// "+ path  after", "- path  before", "~ path  before -> after".
std::string ChangesAsText(const Changes& changes, int64_t unlisted, const terminal::Style& style);
std::string PlanAsText(const v1::PlanPolicyResponse& plan, absl::Time now,
                       const terminal::Style& style);
std::string BacktestAsText(const v1::BacktestResult& result, const terminal::Style& style);

using Limits = google::protobuf::RepeatedPtrField<v1::EffectiveLimit>;
std::string LimitsAsText(const Limits& limits, absl::Time now, const terminal::Style& style);

// Of a list that does not end here; empty where it does.
std::string MoreWords(const std::string& next_page_token);

// In UTC: "2026-11-26 08:00:00"; "-" for no time.
std::string TimeWords(bool present, const google::protobuf::Timestamp& time);

}  // namespace quotaplane::quotactl
