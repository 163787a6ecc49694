#include "services/admin/policy_convert.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_edit_reader.h"
#include "libs/policy/policy_diff.h"
#include "libs/policy/policy_edit.h"
#include "libs/policy/subject_value.h"
#include "services/audited/request_parts.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

v1::PolicyState StateOf(PolicyState state) {
  switch (state) {
    case PolicyState::kDraft:
      return v1::POLICY_STATE_DRAFT;
    case PolicyState::kActive:
      return v1::POLICY_STATE_ACTIVE;
    case PolicyState::kSuperseded:
      return v1::POLICY_STATE_SUPERSEDED;
    case PolicyState::kDiscarded:
      return v1::POLICY_STATE_DISCARDED;
  }
  return v1::POLICY_STATE_UNSPECIFIED;
}

v1::PolicyChange::Kind KindOf(PolicyChange::Kind kind) {
  switch (kind) {
    case PolicyChange::Kind::kAdded:
      return v1::PolicyChange::KIND_ADDED;
    case PolicyChange::Kind::kRemoved:
      return v1::PolicyChange::KIND_REMOVED;
    case PolicyChange::Kind::kChanged:
      return v1::PolicyChange::KIND_CHANGED;
  }
  return v1::PolicyChange::KIND_UNSPECIFIED;
}

const char* OnExceedName(OnExceed on_exceed) {
  switch (on_exceed) {
    case OnExceed::kDeny:
      return "deny";
    case OnExceed::kSoft:
      return "soft";
    case OnExceed::kShadow:
      return "shadow";
    case OnExceed::kDowngrade:
      return "downgrade";
  }
  return "";
}

void ToProto(const PlannedScope& from, v1::PlannedScope* to) {
  to->set_limit_id(from.limit_id);
  to->set_scope(from.scope);
  to->set_unit(from.unit);
  to->set_window(from.window);
  to->set_amount_before(from.amount_before);
  to->set_had_limit(from.had_limit);
  to->set_amount_after(from.amount_after);
  to->set_used(from.used);
  to->set_over_at_once(from.over_at_once);
}

void ToProto(const BacktestLimit& from, v1::BacktestLimit* to) {
  to->set_limit_id(from.limit_id);
  to->set_unit(from.unit);
  to->set_refused(from.refused);
  to->set_refused_cost_nano_usd(from.refused_cost_nano_usd);
  to->set_exceeded(from.exceeded);
  if (from.first_us != 0) SetTime(from.first_us, to->mutable_first_time());
  for (const BacktestScope& scope : from.scopes) {
    v1::BacktestScope* const added = to->add_scopes();
    added->set_scope(scope.scope);
    added->set_refused(scope.refused);
    added->set_refused_cost_nano_usd(scope.refused_cost_nano_usd);
    if (scope.first_us != 0) SetTime(scope.first_us, added->mutable_first_time());
  }
  to->set_scopes_refused(from.scopes_refused);
}

SetAmountText TextOf(const v1::SetAmount& set) {
  return {set.limit_id(), ValuesOf(set.scope()), set.unit(),     set.window(),
          set.amount(),   set.on_outage(),       set.time_zone()};
}

// The edit in texts, and the field it stands in.
std::pair<PolicyEditText, std::string> TextOf(const v1::PolicyEdit& edit,
                                              const std::string& field) {
  switch (edit.edit_case()) {
    case v1::PolicyEdit::kRemoveOverride:
      return {RemoveOverrideText{edit.remove_override().limit_id(),
                                 ValuesOf(edit.remove_override().match())},
              field + ".remove_override"};
    case v1::PolicyEdit::kPutLimitYaml:
      return {PutLimitText{edit.put_limit_yaml()}, field + ".put_limit_yaml"};
    case v1::PolicyEdit::kRemoveLimit:
      return {RemoveLimit{edit.remove_limit()}, field + ".remove_limit"};
    default:
      return {TextOf(edit.set_amount()), field + ".set_amount"};
  }
}

// Each is read against what the ones before it leave.
absl::StatusOr<PolicyInput> ReadEdits(
    const std::vector<std::pair<PolicyEditText, std::string>>& texts, const std::string& org,
    PolicyDocument document) {
  std::vector<PolicyEdit> edits;
  for (const auto& [text, field] : texts) {
    QP_ASSIGN_OR_RETURN(PolicyEdit edit, ReadPolicyEdit(text, org, field, document));
    AppliedEdit applied;
    QP_RETURN_IF_ERROR(ApplyEdit(edit, &document, &applied));
    edits.push_back(std::move(edit));
  }
  return PolicyInput(std::move(edits));
}

template <typename Request>
absl::StatusOr<PolicyInput> InputOfDraft(const Request& request, const PolicyDocument& base) {
  if (request.document_case() == Request::kYaml) return PolicyInput(request.yaml());
  std::vector<std::pair<PolicyEditText, std::string>> texts;
  for (int i = 0; i < request.edits().edits_size(); ++i) {
    texts.push_back(TextOf(request.edits().edits(i), absl::StrCat("edits.edits[", i, "]")));
  }
  return ReadEdits(texts, request.org(), base);
}

}  // namespace

absl::StatusOr<PolicyInput> InputOf(const v1::CreateDraftRequest& request,
                                    const PolicyDocument& base) {
  return InputOfDraft(request, base);
}

absl::StatusOr<PolicyInput> InputOf(const v1::UpdateDraftRequest& request,
                                    const PolicyDocument& base) {
  return InputOfDraft(request, base);
}

absl::StatusOr<PolicyInput> InputOf(const v1::SetLimitRequest& request,
                                    const PolicyDocument& base) {
  return ReadEdits({{TextOf(request.set()), "set"}}, request.org(), base);
}

int64_t ListChanges(const PolicyDocument& from, const PolicyDocument& to,
                    google::protobuf::RepeatedPtrField<v1::PolicyChange>* changes) {
  int64_t unlisted = 0;
  const std::vector<PolicyChange> all = DiffPolicies(from, to, kMaxListedChanges, &unlisted);
  size_t bytes = 0;
  for (const PolicyChange& change : all) {
    if (bytes > kMaxListedChangeBytes) {
      ++unlisted;
      continue;
    }
    v1::PolicyChange* const added = changes->Add();
    added->set_kind(KindOf(change.kind));
    added->set_path(change.path);
    added->set_before(change.before);
    added->set_after(change.after);
    added->set_counts_anew(change.counts_anew);
    bytes += added->ByteSizeLong();
  }
  return unlisted;
}

void ToProto(const PolicyVersion& version, v1::PolicyVersion* proto) {
  proto->set_org(version.org);
  proto->set_version(version.version);
  proto->set_state(StateOf(version.state));
  proto->set_base_version(version.base_version);
  proto->set_fingerprint(version.fingerprint);
  proto->set_author(version.author);
  proto->set_reason(version.reason);
  if (version.created_at_us != 0) SetTime(version.created_at_us, proto->mutable_create_time());
  if (version.activated_at_us.has_value()) {
    SetTime(*version.activated_at_us, proto->mutable_activate_time());
  }
  proto->set_activated_by(version.activated_by);
  for (const PolicyApproval& approval : version.approvals) {
    v1::Approval* const added = proto->add_approvals();
    added->set_approver(approval.approver);
    SetTime(approval.approved_at_us, added->mutable_approve_time());
    added->set_comment(approval.comment);
  }
  proto->set_approvals_needed(version.approvals_needed);
  proto->set_yaml(version.yaml);
  proto->set_etag(version.etag);
}

Subject SubjectOf(const std::string& org, const NamedValues& values) {
  Subject subject;
  subject.org = org;
  for (const auto& [name, value] : values) {
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (!dimension.ok()) continue;
    if (dimension->kind == DimensionKind::kOrg) continue;
    SetValue(*dimension, value, &subject);  // labels in order, as the names are
  }
  return subject;
}

void ToProto(const EffectiveLimit& limit, v1::EffectiveLimit* proto) {
  proto->set_limit_id(limit.limit->id);
  proto->set_scope(limit.scope);
  proto->set_unit(limit.limit->unit.ToString());
  proto->set_window(limit.limit->window.ToString());
  proto->set_on_exceed(OnExceedName(limit.limit->on_exceed));
  proto->set_amount(limit.amount);
  proto->set_source(limit.source);
  proto->set_policy_amount(limit.policy_amount);
  if (limit.until_us != 0) SetTime(limit.until_us, proto->mutable_until_time());
}

void ToProto(const PolicyPlan& plan, v1::PlanPolicyResponse* response) {
  for (const PlannedScope& scope : plan.scopes) ToProto(scope, response->add_scopes());
  response->set_unlisted_scopes(plan.unlisted_scopes);
  response->set_over_at_once(plan.over_at_once);
  SetTime(plan.as_of_us, response->mutable_as_of_time());
  for (const std::string& limit : plan.limits_undercounted) {
    response->add_limits_undercounted(limit);
  }
}

void ToProto(const BacktestResult& result, v1::BacktestResult* proto) {
  SetTime(result.from_us, proto->mutable_from_time());
  SetTime(result.to_us, proto->mutable_to_time());
  SetTime(result.counted_from_us, proto->mutable_counted_from_time());
  proto->set_charges(result.charges);
  proto->set_cost_nano_usd(result.cost_nano_usd);
  proto->set_refused(result.refused);
  proto->set_refused_cost_nano_usd(result.refused_cost_nano_usd);
  proto->set_users_refused(result.users_refused);
  for (const BacktestLimit& limit : result.limits) ToProto(limit, proto->add_limits());
  for (const BacktestLimit& rule : result.model_rules) ToProto(rule, proto->add_model_rules());
  for (const std::string& limit : result.limits_not_replayed) {
    proto->add_limits_not_replayed(limit);
  }
  for (const std::string& limit : result.limits_undercounted) {
    proto->add_limits_undercounted(limit);
  }
  proto->set_scopes_incomplete(result.scopes_incomplete);
}

}  // namespace quotaplane
