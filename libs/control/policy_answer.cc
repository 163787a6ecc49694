#include "libs/control/policy_answer.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "libs/control/audit_json.h"
#include "libs/policy/policy_diff.h"

namespace quotaplane {
namespace {

using Json = nlohmann::ordered_json;

// Of the changes that a row can list at all, and of each one's texts.
constexpr size_t kMostChanges = 100;
constexpr size_t kMostTextBytes = 500;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json OfVersion(const PolicyVersion& version) {
  Json json = Json::object();
  json["version"] = version.version;
  json["state"] = PolicyStateName(version.state);
  json["base_version"] = version.base_version;
  json["fingerprint"] = version.fingerprint;
  json["author"] = version.author;
  Json& approvals = json["approvals"] = Json::array();
  for (const PolicyApproval& approval : version.approvals) approvals.push_back(approval.approver);
  return json;
}

const char* NameOf(PolicyChange::Kind kind) {
  switch (kind) {
    case PolicyChange::Kind::kAdded:
      return "added";
    case PolicyChange::Kind::kRemoved:
      return "removed";
    case PolicyChange::Kind::kChanged:
      return "changed";
  }
  return "";
}

Json OfChange(const PolicyChange& change) {
  Json json = Json::object();
  json["kind"] = NameOf(change.kind);
  json["path"] = PrintableText(change.path, kMostTextBytes);
  if (!change.before.empty()) json["before"] = PrintableText(change.before, kMostTextBytes);
  if (!change.after.empty()) json["after"] = PrintableText(change.after, kMostTextBytes);
  return json;
}

// Null where it is not there: of a time that has not come.
Json OfTime(const std::optional<int64_t>& at_us) {
  return at_us.has_value() ? Json(*at_us) : Json();
}

absl::Status Read(const Json& json, PolicyAnswer* answer) {
  PolicyVersion& v = answer->version;
  const auto text = [](const Json& from, const char* key, std::string* to) {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_string()) return false;
    *to = found->get<std::string>();
    return true;
  };
  const auto number = [](const Json& from, const char* key, auto* to) {
    const auto found = from.find(key);
    if (found == from.end() || !found->is_number_integer()) return false;
    *to = found->template get<int64_t>();
    return true;
  };
  const auto time = [&](const char* key, std::optional<int64_t>* to) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) return found != json.end();
    return number(json, key, &to->emplace());
  };
  std::string state;
  int64_t needed = 0;
  bool good =
      json.is_object() && text(json, "org", &v.org) && number(json, "version", &v.version) &&
      text(json, "state", &state) && number(json, "base_version", &v.base_version) &&
      text(json, "fingerprint", &v.fingerprint) && text(json, "author", &v.author) &&
      text(json, "reason", &v.reason) && number(json, "created_at_us", &v.created_at_us) &&
      time("activated_at_us", &v.activated_at_us) && text(json, "activated_by", &v.activated_by) &&
      time("superseded_at_us", &v.superseded_at_us) && number(json, "approvals_needed", &needed) &&
      text(json, "etag", &v.etag) && text(json, "limit_id", &answer->limit_id) &&
      json.contains("approvals") && json["approvals"].is_array() &&
      ParsePolicyState(state).has_value();
  if (good) {
    v.state = *ParsePolicyState(state);
    v.approvals_needed = static_cast<int>(needed);
    for (const Json& each : json["approvals"]) {
      PolicyApproval approval;
      good = good && text(each, "approver", &approval.approver) &&
             number(each, "approved_at_us", &approval.approved_at_us) &&
             text(each, "comment", &approval.comment);
      v.approvals.push_back(std::move(approval));
    }
  }
  return good ? absl::OkStatus() : absl::DataLossError("a stored answer cannot be read");
}

}  // namespace

std::string EncodePolicyAnswer(const PolicyAnswer& answer) {
  const PolicyVersion& v = answer.version;
  Json json = Json::object();
  json["org"] = v.org;
  json["version"] = v.version;
  json["state"] = PolicyStateName(v.state);
  json["base_version"] = v.base_version;
  json["fingerprint"] = v.fingerprint;
  json["author"] = v.author;
  json["reason"] = v.reason;
  json["created_at_us"] = v.created_at_us;
  json["activated_at_us"] = OfTime(v.activated_at_us);
  json["activated_by"] = v.activated_by;
  json["superseded_at_us"] = OfTime(v.superseded_at_us);
  json["approvals_needed"] = v.approvals_needed;
  json["etag"] = v.etag;
  json["limit_id"] = answer.limit_id;
  Json& approvals = json["approvals"] = Json::array();
  for (const PolicyApproval& approval : v.approvals) {
    approvals.push_back({{"approver", approval.approver},
                         {"approved_at_us", approval.approved_at_us},
                         {"comment", approval.comment}});
  }
  return Dump(json);
}

absl::StatusOr<PolicyAnswer> DecodePolicyAnswer(std::string_view text) {
  PolicyAnswer answer;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (absl::Status read = Read(json, &answer); !read.ok()) return read;
  return answer;
}

std::string AuditPolicy(const PolicyVersion& version) { return Dump(OfVersion(version)); }

std::string AuditPolicyChange(const PolicyVersion& version, const PolicyDocument& former,
                              const PolicyDocument& document, int64_t copy_of) {
  Json json = OfVersion(version);
  if (copy_of != 0) json["copy_of"] = copy_of;
  int64_t unlisted = 0;
  const std::vector<PolicyChange> changes = DiffPolicies(former, document, kMostChanges, &unlisted);
  constexpr size_t kRest = 100;  // the keys around the list, and the number
  size_t bytes = Dump(json).size() + kRest;
  Json listed = Json::array();
  for (const PolicyChange& change : changes) {
    Json entry = OfChange(change);
    bytes += Dump(entry).size() + 1;
    if (bytes > kMaxAuditPolicyBytes) break;
    listed.push_back(std::move(entry));
  }
  unlisted += static_cast<int64_t>(changes.size() - listed.size());
  json["changes"] = std::move(listed);
  if (unlisted > 0) json["unlisted_changes"] = unlisted;
  return Dump(json);
}

}  // namespace quotaplane
