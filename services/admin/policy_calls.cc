#include "services/admin/policy_calls.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "services/admin/policy_convert.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = int64_t{24} * 3'600 * 1'000'000;

// The answer of a write is the version.
absl::Status Answer(const absl::StatusOr<PolicyVersion>& version, v1::PolicyVersion* response) {
  if (!version.ok()) return version.status();
  ToProto(*version, response);
  return absl::OkStatus();
}

// Exceptions of the org that hold.
absl::StatusOr<std::vector<Exception>> ExceptionsInForce(AdminCall& call, const std::string& org) {
  constexpr size_t kPortion = 1'000;
  std::vector<Exception> all;
  std::string after;
  while (true) {
    QP_ASSIGN_OR_RETURN(
        std::vector<Exception> some,
        call.parts.exceptions->List(*call.parts.database, {org, {ExceptionState::kActive}}, after,
                                    kPortion, call.store_now_us));
    if (some.empty()) return all;
    after = some.back().id;
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
}

absl::StatusOr<std::vector<Curb>> CurbsInForce(AdminCall& call, const std::string& org) {
  return call.parts.curbs->List(*call.parts.database, org, call.store_now_us);
}

}  // namespace

absl::Status CreateDraft(AdminCall& call, const v1::CreateDraftRequest& request,
                         v1::PolicyVersion* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy base, call.parts.policies->Load(request.org(), 0));
  QP_ASSIGN_OR_RETURN(const PolicyInput input, InputOf(request, base.policy->document()));
  if (request.validate_only()) {
    return Answer(call.parts.policies->Validate(request.org(), input), response);
  }
  call.audited = true;
  return Answer(call.parts.policies->CreateDraft(ChangeOf(call, request), input,
                                                 {.base_version = request.base_version()}),
                response);
}

absl::Status UpdateDraft(AdminCall& call, const v1::UpdateDraftRequest& request,
                         v1::PolicyVersion* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy base,
                      call.parts.policies->Load(request.org(), request.version()));
  QP_ASSIGN_OR_RETURN(const PolicyInput input, InputOf(request, base.policy->document()));
  call.audited = true;
  return Answer(
      call.parts.policies->UpdateDraft(
          ChangeOf(call, request), request.version(), request.etag(), input,
          {.base_version = request.base_version(), .drop_approvals = request.drop_approvals()}),
      response);
}

absl::Status DiscardDraft(AdminCall& call, const v1::DiscardDraftRequest& request,
                          v1::PolicyVersion* response) {
  call.audited = true;
  return Answer(
      call.parts.policies->Discard(ChangeOf(call, request), request.version(), request.etag()),
      response);
}

absl::Status GetPolicy(AdminCall& call, const v1::GetPolicyRequest& request,
                       v1::PolicyVersion* response) {
  return Answer(call.parts.policies->Get(request.org(), request.version()), response);
}

absl::Status ListPolicyVersions(AdminCall& call, const v1::ListPolicyVersionsRequest& request,
                                v1::ListPolicyVersionsResponse* response) {
  const Page page = PageOf(request);
  int64_t before = 0;
  if (!page.after.empty() && !absl::SimpleAtoi(page.after, &before)) before = 0;
  QP_ASSIGN_OR_RETURN(const std::vector<PolicyVersion> found,
                      call.parts.policies->List(request.org(), before, page.size + 1));
  response->set_next_page_token(FillPage(
      found, page,
      [&](const PolicyVersion& version) {
        v1::PolicyVersion* const added = response->add_versions();
        ToProto(version, added);
        return added;
      },
      [](const PolicyVersion& version) { return absl::StrCat(version.version); }));
  return absl::OkStatus();
}

absl::Status DiffPolicy(AdminCall& call, const v1::DiffPolicyRequest& request,
                        v1::DiffPolicyResponse* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy from,
                      call.parts.policies->Load(request.org(), request.from_version()));
  QP_ASSIGN_OR_RETURN(const LoadedPolicy to,
                      call.parts.policies->Load(request.org(), request.to_version()));
  response->set_unlisted(
      ListChanges(from.policy->document(), to.policy->document(), response->mutable_changes()));
  return absl::OkStatus();
}

absl::Status PlanOfPolicy(AdminCall& call, const v1::PlanPolicyRequest& request,
                          v1::PlanPolicyResponse* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy before, call.parts.policies->Load(request.org(), 0));
  QP_ASSIGN_OR_RETURN(const LoadedPolicy after,
                      call.parts.policies->Load(request.org(), request.version()));
  PlanArgs args;
  args.org = request.org();
  args.before = before.policy.get();
  args.after = after.policy.get();
  args.now_us = call.store_now_us;
  QP_ASSIGN_OR_RETURN(const PolicyPlan plan,
                      PlanPolicy(*call.parts.database, args, [] { return true; }));
  response->set_unlisted_changes(ListChanges(before.policy->document(), after.policy->document(),
                                             response->mutable_changes()));
  ToProto(plan, response);
  return absl::OkStatus();
}

absl::Status BacktestPolicy(AdminCall& call, const v1::BacktestPolicyRequest& request,
                            const SendChunk& send) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy loaded,
                      call.parts.policies->Load(request.org(), request.version()));
  BacktestArgs args;
  args.org = request.org();
  args.policy = loaded.policy.get();
  args.to_us = call.store_now_us;
  args.from_us = args.to_us - request.days() * kDayUs;
  absl::Status sent;
  QP_ASSIGN_OR_RETURN(
      const BacktestResult result,
      RunBacktest(*call.parts.database, args, [&](const BacktestProgress& progress) {
        auto chunk = std::make_unique<v1::BacktestPolicyResponse>();
        chunk->set_progress(progress.progress);
        chunk->set_entries(progress.entries);
        sent = send(std::move(chunk));
        return sent.ok();
      }));
  auto last = std::make_unique<v1::BacktestPolicyResponse>();
  last->set_progress(1);
  last->set_entries(result.entries);
  ToProto(result, last->mutable_result());
  return send(std::move(last));
}

absl::Status ApprovePolicy(AdminCall& call, const v1::ApprovePolicyRequest& request,
                           v1::PolicyVersion* response) {
  call.audited = true;
  return Answer(
      call.parts.policies->Approve(ChangeOf(call, request), request.version(), request.etag()),
      response);
}

absl::Status ActivatePolicy(AdminCall& call, const v1::ActivatePolicyRequest& request,
                            v1::PolicyVersion* response) {
  call.audited = true;
  return Answer(
      call.parts.policies->Activate(ChangeOf(call, request), request.version(), request.etag()),
      response);
}

absl::Status RollbackPolicy(AdminCall& call, const v1::RollbackPolicyRequest& request,
                            v1::PolicyVersion* response) {
  call.audited = true;
  return Answer(
      call.parts.policies->Rollback(ChangeOf(call, request), request.to_version(), request.etag()),
      response);
}

absl::Status SetLimit(AdminCall& call, const v1::SetLimitRequest& request,
                      v1::SetLimitResponse* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy base, call.parts.policies->Load(request.org(), 0));
  QP_ASSIGN_OR_RETURN(const PolicyInput input, InputOf(request, base.policy->document()));
  call.audited = true;
  QP_ASSIGN_OR_RETURN(const PutPolicyOutcome put,
                      call.parts.policies->Put(ChangeOf(call, request), input, request.etag()));
  ToProto(put.version, response->mutable_version());
  response->set_limit_id(put.limit_id);
  if (put.version.version <= base.version) return absl::OkStatus();
  // What it changed of the version that it was made from. That is mostly the one loaded above, and
  // always where it was the default policy, which no number stands for any more.
  LoadedPolicy before = base;
  if (put.version.base_version != base.version && put.version.base_version != 0) {
    QP_ASSIGN_OR_RETURN(before, call.parts.policies->Load(request.org(), put.version.base_version));
  }
  QP_ASSIGN_OR_RETURN(const LoadedPolicy after,
                      call.parts.policies->Load(request.org(), put.version.version));
  ListChanges(before.policy->document(), after.policy->document(), response->mutable_changes());
  return absl::OkStatus();
}

absl::Status GetLimit(AdminCall& call, const v1::GetLimitRequest& request,
                      v1::EffectiveLimit* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy loaded, call.parts.policies->Load(request.org(), 0));
  QP_ASSIGN_OR_RETURN(const std::vector<Exception> exceptions,
                      ExceptionsInForce(call, request.org()));
  QP_ASSIGN_OR_RETURN(std::vector<Curb> curbs, CurbsInForce(call, request.org()));
  QP_ASSIGN_OR_RETURN(const EffectiveLimit limit,
                      EffectiveLimitOf(*loaded.policy, request.limit_id(),
                                       SubjectOf(request.org(), ValuesOf(request.scope())),
                                       exceptions, Curbs(std::move(curbs)), call.store_now_us));
  ToProto(limit, response);
  return absl::OkStatus();
}

absl::Status ListEffectiveLimits(AdminCall& call, const v1::ListEffectiveLimitsRequest& request,
                                 v1::ListEffectiveLimitsResponse* response) {
  QP_ASSIGN_OR_RETURN(const LoadedPolicy loaded, call.parts.policies->Load(request.org(), 0));
  QP_ASSIGN_OR_RETURN(const std::vector<Exception> exceptions,
                      ExceptionsInForce(call, request.org()));
  QP_ASSIGN_OR_RETURN(std::vector<Curb> curbs, CurbsInForce(call, request.org()));
  const Subject subject = SubjectOf(request.org(), ValuesOf(request.subject()));
  for (const EffectiveLimit& limit : EffectiveLimits(*loaded.policy, subject, exceptions,
                                                     Curbs(std::move(curbs)), call.store_now_us)) {
    ToProto(limit, response->add_limits());
  }
  response->set_policy_version(loaded.version);
  return absl::OkStatus();
}

}  // namespace quotaplane
