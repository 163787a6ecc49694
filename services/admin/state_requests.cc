#include "absl/strings/str_cat.h"
#include "services/admin/requests.h"
#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

void CheckActor(const std::string& actor, FieldChecks* checks) {
  if (actor.size() > kMaxActorNameBytes) {
    checks->Violation("actor", absl::StrCat("has ", actor.size(), " bytes; at most ",
                                            kMaxActorNameBytes, " are allowed"));
  } else if (HasControlCharacter(actor)) {
    checks->Violation("actor", "has a control character; none is allowed");
  }
}

}  // namespace

absl::Status Check(const v1::CreatePriceBookRequest& request) {
  FieldChecks checks;
  checks.Text(request.request_id(), "request_id", true);
  CheckDocument(request.yaml(), "yaml", &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetPriceBookRequest& request) {
  FieldChecks checks;
  CheckAtLeast(request.number(), 0, "number", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListPriceBooksRequest& request) {
  FieldChecks checks;
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ActivatePriceBookRequest& request) {
  FieldChecks checks;
  CheckAtLeast(request.number(), 1, "number", &checks);
  checks.Text(request.etag(), "etag", true);
  checks.Text(request.request_id(), "request_id", true);
  CheckReason(request.reason(), "reason", false, &checks);
  if (request.has_activate_time()) {
    TimeOf(true, request.activate_time(), "activate_time", &checks);
  }
  return checks.ToStatus();
}

absl::Status Check(const v1::ExportStateRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  return checks.ToStatus();
}

absl::Status Check(const v1::ApplyStateRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.request_id(), "request_id", !request.dry_run());
  CheckDocument(request.yaml(), "yaml", &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListAuditRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  CheckAtLeast(request.after_number(), 0, "after_number", &checks);
  CheckActor(request.actor(), &checks);
  checks.Text(request.action(), "action", false);
  checks.Text(request.target(), "target", false);
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::WatchAuditRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", false);
  CheckAtLeast(request.after_number(), 0, "after_number", &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetPropagationRequest&) { return absl::OkStatus(); }

}  // namespace quotaplane
