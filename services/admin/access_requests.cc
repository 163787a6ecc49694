#include <set>

#include "absl/strings/str_cat.h"
#include "libs/control/exceptions.h"
#include "libs/control/key_store.h"
#include "services/admin/requests.h"
#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

// Counters are exact up to here (docs/policy.md).
constexpr int64_t kMaxRaise = (int64_t{1} << 53) - 1;

void CheckRaises(const google::protobuf::RepeatedPtrField<v1::LimitRaise>& raises,
                 FieldChecks* checks) {
  const auto count = static_cast<size_t>(raises.size());
  if (count == 0 || count > kMaxLimitRaises) {
    return checks->Violation(
        "raises", absl::StrCat("has ", count, " raises; there must be 1 to ", kMaxLimitRaises));
  }
  std::set<std::string> seen;
  for (int i = 0; i < raises.size(); ++i) {
    const std::string field = absl::StrCat("raises[", i, "]");
    checks->Text(raises[i].limit_id(), field + ".limit_id", true);
    if (!seen.insert(raises[i].limit_id()).second) {
      checks->Violation(field + ".limit_id", "is there twice");
    }
    CheckRange(raises[i].amount(), 1, kMaxRaise, field + ".amount", checks);
  }
}

// The time, where there is one; 0 where not.
int64_t OptionalTime(bool present, const google::protobuf::Timestamp& time,
                     const std::string& field, FieldChecks* checks) {
  return present ? TimeOf(true, time, field, checks) : 0;
}

void CheckModels(const google::protobuf::RepeatedPtrField<std::string>& models,
                 FieldChecks* checks) {
  if (static_cast<size_t>(models.size()) > kMaxKeyModels) {
    return checks->Violation("key.models", absl::StrCat("has ", models.size(), " globs; at most ",
                                                        kMaxKeyModels, " are allowed"));
  }
  for (int i = 0; i < models.size(); ++i) {
    checks->Text(models[i], absl::StrCat("key.models[", i, "]"), true);
  }
}

void CheckKeyFields(const v1::Key& key, FieldChecks* checks) {
  checks->Text(key.display_name(), "key.display_name", false);
  checks->Text(key.team(), "key.team", false);
  checks->Text(key.project(), "key.project", false);
  checks->Text(key.user(), "key.user", false);
  CheckModels(key.models(), checks);
  OptionalTime(key.has_expire_time(), key.expire_time(), "key.expire_time", checks);
}

void CheckMask(const google::protobuf::FieldMask& mask, FieldChecks* checks) {
  static const std::set<std::string> kKnown = {"display_name", "team",   "project",
                                               "user",         "models", "expire_time"};
  if (mask.paths().empty()) checks->Violation("update_mask", "is required");
  std::set<std::string> seen;
  for (int i = 0; i < mask.paths_size(); ++i) {
    const std::string field = absl::StrCat("update_mask.paths[", i, "]");
    if (kKnown.count(mask.paths(i)) == 0) {
      checks->Violation(field, absl::StrCat(Quoted(mask.paths(i)),
                                            " cannot be updated; there are display_name, team, "
                                            "project, user, models and expire_time"));
      return;  // a list of a million strangers says no more than the first
    }
    if (!seen.insert(mask.paths(i)).second) {
      return checks->Violation(field, "is there twice");
    }
  }
}

}  // namespace

absl::Status Check(const v1::RequestExceptionRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  CheckScope(ValuesOf(request.scope()), "scope", &checks);
  CheckRaises(request.raises(), &checks);
  const int64_t start =
      OptionalTime(request.has_start_time(), request.start_time(), "start_time", &checks);
  const int64_t end = TimeOf(request.has_end_time(), request.end_time(), "end_time", &checks);
  if (start != 0 && end != 0 && end <= start) {
    checks.Violation("end_time", "must be after start_time");
  }
  CheckReason(request.reason(), "reason", true, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::DecideExceptionRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  checks.Text(request.exception_id(), "exception_id", true);
  checks.Text(request.etag(), "etag", true);
  CheckReason(request.comment(), "comment", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetExceptionRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.exception_id(), "exception_id", true);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListExceptionsRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  constexpr int kMostStates = 16;
  if (request.states_size() > kMostStates) {
    checks.Violation("states", absl::StrCat("has ", request.states_size(), " states; at most ",
                                            kMostStates, " are allowed"));
  } else {
    for (int i = 0; i < request.states_size(); ++i) {
      const int state = request.states(i);
      if (v1::ExceptionState_IsValid(state) && state != v1::EXCEPTION_STATE_UNSPECIFIED) continue;
      checks.Violation(absl::StrCat("states[", i, "]"), "is no state of an exception");
    }
  }
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::CreateKeyRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  CheckKeyFields(request.key(), &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::GetKeyRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.key_id(), "key_id", true);
  return checks.ToStatus();
}

absl::Status Check(const v1::ListKeysRequest& request) {
  FieldChecks checks;
  checks.Text(request.org(), "org", true);
  checks.Text(request.user(), "user", false);
  checks.Text(request.team(), "team", false);
  checks.Text(request.project(), "project", false);
  PageOf(request, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::UpdateKeyRequest& request) {
  FieldChecks checks;
  checks.Text(request.key().org(), "key.org", true);
  checks.Text(request.key().key_id(), "key.key_id", true);
  checks.Text(request.key().etag(), "key.etag", true);
  checks.Text(request.request_id(), "request_id", true);
  CheckMask(request.update_mask(), &checks);
  CheckKeyFields(request.key(), &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::RotateKeyRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  checks.Text(request.key_id(), "key_id", true);
  checks.Text(request.etag(), "etag", true);
  CheckRange(request.grace_seconds(), 0, kMaxGraceSeconds, "grace_seconds", &checks);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

absl::Status Check(const v1::RevokeKeyRequest& request) {
  FieldChecks checks;
  CheckWrite(request, &checks);
  checks.Text(request.key_id(), "key_id", true);
  checks.Text(request.etag(), "etag", false);
  CheckReason(request.reason(), "reason", false, &checks);
  return checks.ToStatus();
}

}  // namespace quotaplane
