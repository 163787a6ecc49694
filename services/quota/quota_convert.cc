#include "services/quota/quota_convert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/rpc/field_checks.h"

namespace quotaplane {
namespace {

Subject SubjectOf(const v1::Subject& from, const RequestKey& key, bool model_required,
                  FieldChecks* checks) {
  checks->Text(from.org(), "subject.org", key == nullptr);
  checks->Text(from.team(), "subject.team", false);
  checks->Text(from.project(), "subject.project", false);
  checks->Text(from.user(), "subject.user", false);
  checks->Text(from.api_key(), "subject.api_key", false);
  if (IsKeyText(from.api_key())) {
    checks->Violation("subject.api_key",
                      "is a whole virtual key, which is secret: it goes to `key`");
  }
  checks->Text(from.model(), "subject.model", model_required);
  Subject subject{from.org(),   from.team(), from.project(), from.user(), from.api_key(),
                  from.model(), {}};
  ApplyKey(key, &subject, checks);
  if (from.labels_size() > kMaxLabels) {
    checks->Violation(
        "subject.labels",
        absl::StrCat("has ", from.labels_size(), " labels; at most ", kMaxLabels, " are allowed"));
    return subject;
  }
  for (const auto& [key, value] : from.labels()) {
    const std::string field = absl::StrCat("subject.labels[", Quoted(key), "]");
    if (!IsName(key)) {
      checks->Violation(field, "a label's key must match [a-z][a-z0-9_]{0,62}");
      continue;
    }
    checks->Text(value, field, false);
    if (!value.empty()) subject.labels.emplace_back(key, value);
  }
  std::sort(subject.labels.begin(), subject.labels.end());
  return subject;
}

Usage UsageOf(const v1::Usage& from, const std::string& field, FieldChecks* checks) {
  Usage usage;
  if (from.meters_size() > kMaxMeters) {
    checks->Violation(
        field + ".meters",
        absl::StrCat("has ", from.meters_size(), " meters; at most ", kMaxMeters, " are allowed"));
    return usage;
  }
  usage.reserve(from.meters_size());
  for (const auto& [meter, quantity] : from.meters()) {
    const auto path = [&, &meter = meter] {
      return absl::StrCat(field, ".meters[", Quoted(meter), "]");
    };
    if (!IsName(meter)) {
      checks->Violation(path(), "a meter's name must match [a-z][a-z0-9_]{0,62}");
    } else if (quantity < 0 || quantity > kMaxCounterValue) {
      checks->Violation(path(),
                        absl::StrCat("is ", quantity, "; it must be from 0 to ", kMaxCounterValue));
    } else {
      usage.emplace_back(meter, quantity);
    }
  }
  std::sort(usage.begin(), usage.end());
  return usage;
}

ServiceTier TierOf(v1::ServiceTier tier, const std::string& field, FieldChecks* checks) {
  switch (tier) {
    case v1::SERVICE_TIER_UNSPECIFIED:
    case v1::SERVICE_TIER_STANDARD:
      return ServiceTier::kStandard;
    case v1::SERVICE_TIER_BATCH:
      return ServiceTier::kBatch;
    case v1::SERVICE_TIER_PRIORITY:
      return ServiceTier::kPriority;
    case v1::SERVICE_TIER_FLEX:
      return ServiceTier::kFlex;
    default:
      break;
  }
  checks->Violation(
      field, absl::StrCat("is ", static_cast<int>(tier), ", which is not a value of ServiceTier"));
  return ServiceTier::kStandard;
}

int64_t TtlOf(const google::protobuf::Duration& ttl, FieldChecks* checks) {
  const bool sane = ttl.seconds() >= 1 && ttl.seconds() <= 86'400 && ttl.nanos() >= 0 &&
                    ttl.nanos() < 1'000'000'000;
  // A part of a microsecond counts as a whole one, so that the upper bound is exact too.
  const int64_t us = sane ? ttl.seconds() * 1'000'000 + (ttl.nanos() + 999) / 1'000 : 0;
  if (us < kMinTtlUs || us > kMaxTtlUs) {
    checks->Violation("ttl", "must be from 1 second to 24 hours");
  }
  return us;
}

std::vector<Attempt> AttemptsOf(const google::protobuf::RepeatedPtrField<v1::Attempt>& from,
                                const std::string& subject_model, FieldChecks* checks) {
  std::vector<Attempt> attempts;
  if (from.size() > kMaxAttempts) {
    checks->Violation("attempts", absl::StrCat("has ", from.size(), " entries; at most ",
                                               kMaxAttempts, " are allowed"));
    return attempts;
  }
  for (int i = 0; i < from.size(); ++i) {
    const std::string field = absl::StrCat("attempts[", i, "]");
    checks->Text(from[i].model(), field + ".model", false);
    if (from[i].model().empty() && subject_model.empty()) {
      checks->Violation(field + ".model", "is required where subject.model is absent");
    }
    attempts.push_back({from[i].model(), UsageOf(from[i].usage(), field + ".usage", checks),
                        TierOf(from[i].service_tier(), field + ".service_tier", checks)});
  }
  return attempts;
}

void SetTimestamp(int64_t us, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(us / 1'000'000);
  timestamp->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1'000));
}

void SetDuration(int64_t us, google::protobuf::Duration* duration) {
  duration->set_seconds(us / 1'000'000);
  duration->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1'000));
}

v1::Decision ToProto(Decision decision) {
  switch (decision) {
    case Decision::kAllow:
      return v1::DECISION_ALLOW;
    case Decision::kAllowSoft:
      return v1::DECISION_ALLOW_SOFT;
    case Decision::kDeny:
      return v1::DECISION_DENY;
  }
  return v1::DECISION_UNSPECIFIED;
}

v1::Cause ToProto(Cause cause) {
  switch (cause) {
    case Cause::kLimitExceeded:
      return v1::CAUSE_LIMIT_EXCEEDED;
    case Cause::kModelNotAllowed:
      return v1::CAUSE_MODEL_NOT_ALLOWED;
    case Cause::kModelUnpriced:
      return v1::CAUSE_MODEL_UNPRICED;
    case Cause::kStoreUnavailable:
      return v1::CAUSE_STORE_UNAVAILABLE;
    case Cause::kFrozen:
      return v1::CAUSE_FROZEN;
  }
  return v1::CAUSE_UNSPECIFIED;
}

v1::OnExceed ToProto(OnExceed on_exceed) {
  switch (on_exceed) {
    case OnExceed::kDeny:
      return v1::ON_EXCEED_DENY;
    case OnExceed::kSoft:
      return v1::ON_EXCEED_SOFT;
    case OnExceed::kShadow:
      return v1::ON_EXCEED_SHADOW;
    case OnExceed::kDowngrade:
      return v1::ON_EXCEED_DOWNGRADE;
  }
  return v1::ON_EXCEED_UNSPECIFIED;
}

void FillExceeded(const Exceeded& from, v1::Exceeded* to) {
  to->set_cause(ToProto(from.cause));
  to->set_limit_id(from.limit_id);
  to->set_scope(from.scope);
  to->set_on_exceed(ToProto(from.on_exceed));
  to->set_unit(from.unit);
  to->set_used(from.used);
  to->set_needed(from.needed);
  to->set_amount(from.amount);
  if (from.fits_at_us > 0) SetTimestamp(from.fits_at_us, to->mutable_fits_at());
  to->set_never_fits(from.never_fits);
  to->set_downgrade_model(from.downgrade_model);
  to->set_alert_id(from.alert_id);
  if (from.alert_until_us > 0) SetTimestamp(from.alert_until_us, to->mutable_alert_until());
  to->set_detail(from.detail);
}

// What ReserveResponse, ExtendResponse and CheckResponse have in common.
template <typename Response>
void FillVerdict(const Verdict& verdict, Response* response) {
  response->set_decision(ToProto(verdict.decision));
  for (const Exceeded& one : verdict.exceeded) FillExceeded(one, response->add_exceeded());
  if (verdict.retry_after_us > 0) {
    SetDuration(verdict.retry_after_us, response->mutable_retry_after());
  }
}

template <typename Response>
void FillAnswer(const ReserveAnswer& answer, Response* response) {
  FillVerdict(answer.verdict, response);
  response->set_estimated_cost_nano_usd(answer.estimated_cost_nano_usd);
  for (const Remaining& from : answer.tightest) {
    v1::Remaining* to = response->add_tightest();
    to->set_limit_id(from.limit_id);
    to->set_scope(from.scope);
    to->set_unit(from.unit);
    to->set_used(from.used);
    to->set_amount(from.amount);
    to->set_remaining(std::max<int64_t>(0, from.amount - from.used));
    if (from.resets_at_us > 0) SetTimestamp(from.resets_at_us, to->mutable_resets_at());
  }
  response->set_downgrade_model(answer.verdict.downgrade_model);
  response->set_unpriced(answer.unpriced);
}

// What CommitRequest and RecordRequest have in common.
template <typename Request>
absl::StatusOr<CommitArgs> CommitArgsOf(const Request& request, const RequestKeys& keys,
                                        const std::string& id, std::string_view id_field,
                                        bool record) {
  QP_ASSIGN_OR_RETURN(const RequestKey key, keys.Resolve(request.key(), KeyUse::kSettle));
  FieldChecks checks;
  checks.Text(id, id_field, true);
  CommitArgs args;
  args.id = id;
  args.record = record;
  args.subject = SubjectOf(request.subject(), key, false, &checks);
  args.attempts = AttemptsOf(request.attempts(), args.subject.model, &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

void ToProto(const BudgetForecast& from, v1::Forecast* to) {
  to->set_per_day(from.per_day);
  if (from.exhausted_at_us > 0) SetTimestamp(from.exhausted_at_us, to->mutable_exhausted_at());
  if (from.used_at_reset.has_value()) to->set_used_at_reset(*from.used_at_reset);
  SetTimestamp(from.measured_at_us, to->mutable_measured_at());
}

}  // namespace

absl::StatusOr<ReserveArgs> FromProto(const v1::ReserveRequest& request, const RequestKeys& keys) {
  QP_ASSIGN_OR_RETURN(const RequestKey key, keys.Resolve(request.key(), KeyUse::kSpend));
  FieldChecks checks;
  checks.Text(request.reservation_id(), "reservation_id", true);
  ReserveArgs args;
  args.id = request.reservation_id();
  args.subject = SubjectOf(request.subject(), key, true, &checks);
  args.refused_by = RefusedByKey(key, args.subject.model);
  args.estimate = UsageOf(request.estimate(), "estimate", &checks);
  args.tier = TierOf(request.service_tier(), "service_tier", &checks);
  if (request.has_ttl()) args.ttl_us = TtlOf(request.ttl(), &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<ExtendArgs> FromProto(const v1::ExtendRequest& request, const RequestKeys& keys) {
  QP_ASSIGN_OR_RETURN(const RequestKey key, keys.Resolve(request.key(), KeyUse::kSpend));
  FieldChecks checks;
  checks.Text(request.reservation_id(), "reservation_id", true);
  ExtendArgs args;
  args.id = request.reservation_id();
  args.subject = SubjectOf(request.subject(), key, true, &checks);
  args.refused_by = RefusedByKey(key, args.subject.model);
  args.sequence = request.sequence();
  if (args.sequence < 1 || args.sequence > kMaxCounterValue) {
    checks.Violation("sequence", absl::StrCat("is ", args.sequence, "; it must be from 1 to ",
                                              kMaxCounterValue));
  }
  args.estimate = UsageOf(request.estimate(), "estimate", &checks);
  args.tier = TierOf(request.service_tier(), "service_tier", &checks);
  if (request.has_ttl()) args.ttl_us = TtlOf(request.ttl(), &checks);
  if (!request.has_ttl() && args.estimate.empty()) {
    checks.Violation("estimate", "an Extend needs an estimate, a ttl, or both");
  }
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<CommitArgs> FromProto(const v1::CommitRequest& request, const RequestKeys& keys) {
  return CommitArgsOf(request, keys, request.reservation_id(), "reservation_id", false);
}

absl::StatusOr<CommitArgs> FromProto(const v1::RecordRequest& request, const RequestKeys& keys) {
  return CommitArgsOf(request, keys, request.record_id(), "record_id", true);
}

absl::StatusOr<ReservationKey> FromProto(const v1::ReleaseRequest& request,
                                         const RequestKeys& keys) {
  QP_ASSIGN_OR_RETURN(const RequestKey key, keys.Resolve(request.key(), KeyUse::kSettle));
  FieldChecks checks;
  checks.Text(request.reservation_id(), "reservation_id", true);
  checks.Text(request.org(), "org", key == nullptr);
  if (key != nullptr && !request.org().empty() && request.org() != key->org) {
    checks.Violation("org", kOtherThanKey);
  }
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return ReservationKey{key == nullptr ? request.org() : key->org, request.reservation_id()};
}

absl::StatusOr<ReserveArgs> FromProto(const v1::CheckRequest& request, const RequestKeys& keys) {
  QP_ASSIGN_OR_RETURN(const RequestKey key, keys.Resolve(request.key(), KeyUse::kSpend));
  FieldChecks checks;
  ReserveArgs args;
  args.subject = SubjectOf(request.subject(), key, true, &checks);
  args.refused_by = RefusedByKey(key, args.subject.model);
  args.estimate = UsageOf(request.estimate(), "estimate", &checks);
  args.tier = TierOf(request.service_tier(), "service_tier", &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<Subject> FromProto(const v1::GetUsageRequest& request, const RequestKeys& keys) {
  QP_ASSIGN_OR_RETURN(const RequestKey key, keys.Resolve(request.key(), KeyUse::kSpend));
  FieldChecks checks;
  Subject subject = SubjectOf(request.subject(), key, false, &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return subject;
}

void ToProto(const ReserveAnswer& answer, v1::ReserveResponse* response) {
  FillAnswer(answer, response);
  if (answer.expires_at_us > 0) SetTimestamp(answer.expires_at_us, response->mutable_expires_at());
  response->set_outage(answer.outage);
}

void ToProto(const ReserveAnswer& answer, v1::CheckResponse* response) {
  FillAnswer(answer, response);
}

void ToProto(const ExtendAnswer& answer, v1::ExtendResponse* response) {
  FillVerdict(answer.verdict, response);
  response->set_estimated_cost_nano_usd(answer.estimated_cost_nano_usd);
  if (answer.expires_at_us > 0) SetTimestamp(answer.expires_at_us, response->mutable_expires_at());
}

void ToProto(const CommitAnswer& answer, v1::CommitResponse* response) {
  response->set_cost_nano_usd(answer.cost_nano_usd);
  response->set_held_nano_usd(answer.held_nano_usd);
  response->set_overrun_nano_usd(answer.overrun_nano_usd);
  response->set_overrun_tokens(answer.overrun_tokens);
  response->set_late(answer.late);
  response->set_unreserved(answer.unreserved);
  response->set_spooled(answer.spooled);
  response->set_replayed(answer.replayed);
  response->set_unpriced(answer.unpriced);
}

void ToProto(const CommitAnswer& answer, v1::RecordResponse* response) {
  response->set_cost_nano_usd(answer.cost_nano_usd);
  response->set_spooled(answer.spooled);
  response->set_replayed(answer.replayed);
  response->set_unpriced(answer.unpriced);
}

void ToProto(const ReleaseAnswer& answer, v1::ReleaseResponse* response) {
  response->set_outcome(answer.expired ? v1::ReleaseResponse::OUTCOME_EXPIRED
                                       : v1::ReleaseResponse::OUTCOME_RELEASED);
  response->set_replayed(answer.replayed);
}

void ToProto(const std::vector<LimitUsage>& usage, v1::GetUsageResponse* response) {
  for (const LimitUsage& from : usage) {
    v1::LimitUsage* to = response->add_limits();
    to->set_limit_id(from.limit_id);
    to->set_scope(from.scope);
    to->set_unit(from.unit);
    to->set_window(from.window);
    to->set_on_exceed(ToProto(from.on_exceed));
    to->set_amount(from.amount);
    to->set_used(from.used);
    to->set_held(from.held);
    to->set_remaining(std::max<int64_t>(0, from.amount - from.used));
    if (from.resets_at_us > 0) SetTimestamp(from.resets_at_us, to->mutable_resets_at());
    to->set_exception_id(from.exception_id);
    if (from.exception_ends_at_us > 0) {
      SetTimestamp(from.exception_ends_at_us, to->mutable_exception_ends_at());
    }
    to->set_alert_id(from.alert_id);
    if (from.alert_until_us > 0) SetTimestamp(from.alert_until_us, to->mutable_alert_until());
    if (from.forecast.has_value()) ToProto(*from.forecast, to->mutable_forecast());
  }
}

}  // namespace quotaplane
