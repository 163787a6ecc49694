#include "absl/strings/str_cat.h"
#include "libs/control/policy_versions.h"
#include "services/admin/requests.h"
#include "services/audited/request_parts.h"

namespace quotaplane {
namespace {

void CheckAmount(const v1::SetAmount& set, const std::string& field, FieldChecks* checks) {
  checks->Text(set.limit_id(), field + ".limit_id", false);
  CheckScope(ValuesOf(set.scope()), field + ".scope", checks);
  checks->Text(set.unit(), field + ".unit", set.limit_id().empty());
  checks->Text(set.window(), field + ".window", set.limit_id().empty());
  checks->Text(set.amount(), field + ".amount", true);
  if (!set.on_outage().empty() && set.on_outage() != "allow" && set.on_outage() != "deny") {
    checks->Violation(field + ".on_outage",
                      absl::StrCat(Quoted(set.on_outage()), " is neither allow nor deny"));
  }
  checks->Text(set.time_zone(), field + ".time_zone", false);
}

void CheckEdit(const v1::PolicyEdit& edit, const std::string& field, FieldChecks* checks) {
  switch (edit.edit_case()) {
    case v1::PolicyEdit::kSetAmount:
      return CheckAmount(edit.set_amount(), field + ".set_amount", checks);
    case v1::PolicyEdit::kRemoveOverride:
      checks->Text(edit.remove_override().limit_id(), field + ".remove_override.limit_id", true);
      if (edit.remove_override().match().empty()) {
        checks->Violation(field + ".remove_override.match", "is required");
      }
      for (const auto& [name, value] : edit.remove_override().match()) {
        const std::string key = absl::StrCat(field, ".remove_override.match[", Quoted(name), "]");
        checks->Text(name, key, true);
        checks->Text(value, key, true);
      }
      return;
    case v1::PolicyEdit::kPutLimitYaml:
      return CheckDocument(edit.put_limit_yaml(), field + ".put_limit_yaml", checks);
    case v1::PolicyEdit::kRemoveLimit:
      return checks->Text(edit.remove_limit(), field + ".remove_limit", true);
    case v1::PolicyEdit::EDIT_NOT_SET:
      return checks->Violation(field,
                               "is empty: it must set one of set_amount, remove_override, "
                               "put_limit_yaml, remove_limit");
  }
}

// The oneof `document` of drafts.
template <typename Request>
void CheckDocumentOf(const Request& request, FieldChecks* checks) {
  if (request.document_case() == Request::kYaml) {
    return CheckDocument(request.yaml(), "yaml", checks);
  }
  if (request.document_case() != Request::kEdits) {
    return checks->Violation("document", "is required: either yaml or edits");
  }
  const auto count = static_cast<size_t>(request.edits().edits_size());
  if (count == 0 || count > PolicyVersions::kMaxEdits) {
    return checks->Violation(
        "edits.edits",
        absl::StrCat("has ", count, " edits; there must be 1 to ", PolicyVersions::kMaxEdits));
  }
  for (int i = 0; i < request.edits().edits_size(); ++i) {
    CheckEdit(request.edits().edits(i), absl::StrCat("edits.edits[", i, "]"), checks);
  }
}

// A write to one version.
template <typename Request>
void CheckVersionWrite(const Request& request, FieldChecks* checks) {
  CheckWrite(request, checks);
  CheckAtLeast(request.version(), 1, "version", checks);
  checks->Text(request.etag(), "etag", true);
}

}  // namespace

absl::Status Check(const v1::CreateDraftRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.request_id(), "request_id", !request.validate_only());
  CheckDocumentOf(request, &checks);
  CheckAtLeast(request.base_version(), 0, "base_version", &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::UpdateDraftRequest& request) {
  FieldChecks checks;
  CheckVersionWrite(request, &checks);
  CheckDocumentOf(request, &checks);
  CheckAtLeast(request.base_version(), 0, "base_version", &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::DiscardDraftRequest& request) {
  FieldChecks checks;
  CheckVersionWrite(request, &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetPolicyRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  CheckAtLeast(request.version(), 0, "version", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListPolicyVersionsRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::DiffPolicyRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  CheckAtLeast(request.from_version(), 0, "from_version", &checks);
  CheckAtLeast(request.to_version(), 0, "to_version", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::PlanPolicyRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  CheckAtLeast(request.version(), 1, "version", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::BacktestPolicyRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  CheckAtLeast(request.version(), 0, "version", &checks);
  CheckRange(request.days(), 1, kMaxBacktestDays, "days", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ApprovePolicyRequest& request) {
  FieldChecks checks;
  CheckVersionWrite(request, &checks);
  CheckReason(request.comment(), "comment", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ActivatePolicyRequest& request) {
  FieldChecks checks;
  CheckVersionWrite(request, &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::RollbackPolicyRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  CheckAtLeast(request.to_version(), 0, "to_version", &checks);
  checks.Text(request.etag(), "etag", false);
  CheckReason(request.reason(), "reason", true, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::SetLimitRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  if (request.has_set()) {
    CheckAmount(request.set(), "set", &checks);
  } else {
    checks.Violation("set", "is required");
  }
  CheckReason(request.reason(), "reason", false, &checks);
  checks.Text(request.etag(), "etag", false);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetLimitRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.limit_id(), "limit_id", true);
  CheckScope(ValuesOf(request.scope()), "scope", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListEffectiveLimitsRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  CheckScope(ValuesOf(request.subject()), "subject", &checks);
  return checks.ToStatus();
}

}  // namespace quotaplane
