#include "libs/control/policy_versions.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/control/policy_answer.h"
#include "libs/control/policy_input.h"
#include "libs/control/policy_rows.h"
#include "libs/control/policy_rules.h"
#include "libs/control/policy_source.h"

namespace quotaplane {
namespace {

// What a change has done.
struct Done {
  PolicyRow row;
  std::string before;
  std::string after;
  std::string limit_id;
  std::optional<PreparedPolicy> written;  // a document of this row
  std::string item;                       // the body, of one that was put in force
};

// Edits that were made to what was in force before the lock for changes was taken, since those of a
// large policy take a quarter of a second, in which no other change could be made. Good as long as
// that is in force; null otherwise, and where there was something wrong.
struct EditedAhead {
  std::shared_ptr<const Policy> base;
  PreparedPolicy prepared;
};

std::string TargetOf(int64_t version) {
  return version == 0 ? "policy" : absl::StrCat("policy/", version);
}

// What a document decides of its row.
void SetDocument(const PreparedPolicy& prepared, int64_t number, PolicyRow* row) {
  row->version.fingerprint = prepared.policy->fingerprint();
  row->document_number = number;
  row->approvals_asked = prepared.policy->document().approvals;
}

void Touch(int64_t number, PolicyRow* row) {
  row->change_number = number;
  row->version.etag = EtagOf(number);
}

PolicyRow NewRow(const ChangeRequest& request, int64_t number, int64_t version,
                 const PolicyInForce& in_force, const PreparedPolicy& prepared) {
  PolicyRow row;
  row.version.org = request.org;
  row.version.version = version;
  row.version.base_version = in_force.version();
  row.version.author = request.actor;
  row.version.reason = request.reason;
  row.version.created_at_us = request.now_us;
  row.version.approvals_needed = in_force.approvals_asked;
  SetDocument(prepared, number, &row);
  Touch(number, &row);
  return row;
}

void SetActive(const ChangeRequest& request, PolicyRow* row) {
  row->version.state = PolicyState::kActive;
  row->version.activated_at_us = request.now_us;
  row->version.activated_by = request.actor;
}

// Before the new one becomes active: at most one is.
absl::Status Supersede(sql::Transaction& transaction, const ChangeRequest& request, int64_t number,
                       const PolicyInForce& in_force) {
  if (!in_force.row.has_value()) return absl::OkStatus();
  PolicyRow former = *in_force.row;
  former.version.state = PolicyState::kSuperseded;
  former.version.superseded_at_us = request.now_us;
  Touch(number, &former);
  return UpdatePolicyRow(transaction, former);
}

std::string AuditInForce(const PolicyInForce& in_force) {
  return in_force.row.has_value() ? AuditPolicy(in_force.row->version) : "";
}

}  // namespace

struct PolicyVersions::Impl {
  using Work =
      absl::FunctionRef<absl::StatusOr<Done>(sql::Transaction& transaction, int64_t number)>;

  Impl(sql::Database* database, Changes* its_changes, const ItemCodec* its_codec,
       DefaultPolicy default_policy)
      : changes(its_changes), codec(its_codec), source(database, std::move(default_policy)) {}

  Changes* const changes;
  const ItemCodec* const codec;
  PolicySource source;

  absl::StatusOr<PolicyAnswer> Make(const ChangeRequest& request, std::string_view target,
                                    Work work);
  absl::Status Refused(const ChangeRequest& request, std::string_view target,
                       const absl::Status& refusal) const {
    changes->AuditRefusal(request, target, refusal);
    return refusal;
  }

  absl::StatusOr<std::optional<PreparedPolicy>> PrepareWhole(const PolicyInput& input);
  EditedAhead EditAhead(std::string_view org, const std::optional<PreparedPolicy>& whole,
                        const PolicyInput& input);
  // `whole`, or the edits of `base`.
  static absl::StatusOr<PreparedPolicy> Prepare(const std::optional<PreparedPolicy>& whole,
                                                const PolicyInput& input,
                                                const std::shared_ptr<const Policy>& base,
                                                const EditedAhead& ahead = {});
  absl::StatusOr<Done> InsertDraft(sql::Transaction& transaction, const ChangeRequest& request,
                                   int64_t number, const PolicyInForce& in_force,
                                   const PolicyDocument& base, PreparedPolicy prepared);
  absl::StatusOr<Done> InsertActive(sql::Transaction& transaction, const ChangeRequest& request,
                                    int64_t number, const PolicyInForce& in_force,
                                    const PolicyDocument& base, PreparedPolicy prepared,
                                    int64_t copy_of) const;
};

PolicyVersions::PolicyVersions(sql::Database* database, Changes* changes, const ItemCodec* codec,
                               DefaultPolicy default_policy)
    : impl_(std::make_unique<Impl>(database, changes, codec, std::move(default_policy))) {}

PolicyVersions::~PolicyVersions() = default;

absl::StatusOr<PolicyAnswer> PolicyVersions::Impl::Make(const ChangeRequest& request,
                                                        std::string_view target, Work work) {
  Done done;
  QP_ASSIGN_OR_RETURN(
      const ChangeOutcome outcome,
      changes->Make(
          request, target,
          [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
            QP_ASSIGN_OR_RETURN(done, work(transaction, number));
            const PolicyVersion& version = done.row.version;
            ChangeRecord record;
            record.target = TargetOf(version.version);
            record.before = done.before;
            record.after = done.after;
            record.answer = EncodePolicyAnswer({version, done.limit_id});
            if (!done.item.empty()) {
              record.items.push_back({PolicyItemName(version.org), std::move(done.item)});
            }
            return record;
          }));
  if (!outcome.repeated && done.written.has_value()) {
    source.Keep(done.row, done.written->policy, done.written->yaml.size());
  }
  return DecodePolicyAnswer(outcome.answer);
}

absl::StatusOr<std::optional<PreparedPolicy>> PolicyVersions::Impl::PrepareWhole(
    const PolicyInput& input) {
  if (const auto* yaml = std::get_if<std::string>(&input)) {
    QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, PrepareYaml(*yaml));
    return std::optional<PreparedPolicy>(std::move(prepared));
  }
  const size_t edits = std::get<std::vector<PolicyEdit>>(input).size();
  if (edits == 0 || edits > kMaxEdits) {
    return FieldError({{"edits", absl::StrCat("must be 1 to ", kMaxEdits, "; there are ", edits)}});
  }
  return std::optional<PreparedPolicy>();
}

EditedAhead PolicyVersions::Impl::EditAhead(std::string_view org,
                                            const std::optional<PreparedPolicy>& whole,
                                            const PolicyInput& input) {
  const absl::StatusOr<LoadedPolicy> loaded = source.Load(org, 0);
  if (!loaded.ok() || whole.has_value()) return {};
  absl::StatusOr<PreparedPolicy> prepared = Prepare(whole, input, loaded->policy);
  if (!prepared.ok()) return {};
  prepared->policy->fingerprint();  // made now
  return {loaded->policy, *std::move(prepared)};
}

absl::StatusOr<PreparedPolicy> PolicyVersions::Impl::Prepare(
    const std::optional<PreparedPolicy>& whole, const PolicyInput& input,
    const std::shared_ptr<const Policy>& base, const EditedAhead& ahead) {
  if (whole.has_value()) return *whole;
  if (ahead.base == base) return ahead.prepared;
  return PrepareEdits(base->document(), std::get<std::vector<PolicyEdit>>(input));
}

absl::StatusOr<Done> PolicyVersions::Impl::InsertDraft(sql::Transaction& transaction,
                                                       const ChangeRequest& request, int64_t number,
                                                       const PolicyInForce& in_force,
                                                       const PolicyDocument& base,
                                                       PreparedPolicy prepared) {
  QP_RETURN_IF_ERROR(CheckRoomForDraft(transaction, request.org));
  QP_ASSIGN_OR_RETURN(const int64_t version, NextPolicyVersion(transaction, request.org));
  Done done;
  done.row = NewRow(request, number, version, in_force, prepared);
  QP_RETURN_IF_ERROR(InsertPolicyRow(transaction, done.row, prepared.yaml));
  done.after = AuditPolicyChange(done.row.version, base, prepared.policy->document());
  done.limit_id = prepared.limit_id;
  done.written = std::move(prepared);
  return done;
}

absl::StatusOr<Done> PolicyVersions::Impl::InsertActive(
    sql::Transaction& transaction, const ChangeRequest& request, int64_t number,
    const PolicyInForce& in_force, const PolicyDocument& base, PreparedPolicy prepared,
    int64_t copy_of) const {
  QP_ASSIGN_OR_RETURN(const int64_t version, NextPolicyVersion(transaction, request.org));
  QP_RETURN_IF_ERROR(Supersede(transaction, request, number, in_force));
  Done done;
  done.row = NewRow(request, number, version, in_force, prepared);
  SetActive(request, &done.row);
  done.row.version.approvals_needed = prepared.policy->document().approvals;
  QP_RETURN_IF_ERROR(InsertPolicyRow(transaction, done.row, prepared.yaml));
  done.before = AuditInForce(in_force);
  done.after = AuditPolicyChange(done.row.version, base, prepared.policy->document(), copy_of);
  done.item = codec->EncodePolicy(request.org, version, prepared.policy->document());
  done.limit_id = prepared.limit_id;
  done.written = std::move(prepared);
  return done;
}

absl::StatusOr<PolicyVersion> PolicyVersions::CreateDraft(const ChangeRequest& request,
                                                          const PolicyInput& input,
                                                          const DraftOptions& options) {
  const auto whole = impl_->PrepareWhole(input);
  if (!whole.ok()) return impl_->Refused(request, TargetOf(0), whole.status());
  const EditedAhead ahead = impl_->EditAhead(request.org, *whole, input);
  QP_ASSIGN_OR_RETURN(
      PolicyAnswer answer,
      impl_->Make(
          request, TargetOf(0),
          [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
            QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                                impl_->source.ReadInForce(transaction, request.org));
            if (options.base_version != 0) {
              QP_RETURN_IF_ERROR(CheckSeen(options.base_version, in_force));
            }
            QP_ASSIGN_OR_RETURN(const auto base, impl_->source.LoadInForce(transaction, in_force));
            QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, Impl::Prepare(*whole, input, base, ahead));
            return impl_->InsertDraft(transaction, request, number, in_force, base->document(),
                                      std::move(prepared));
          }));
  return std::move(answer.version);
}

absl::StatusOr<PolicyVersion> PolicyVersions::Validate(std::string_view org,
                                                       const PolicyInput& input) {
  QP_ASSIGN_OR_RETURN(const std::optional<PreparedPolicy> whole, impl_->PrepareWhole(input));
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, impl_->source.Snapshot());
  QP_ASSIGN_OR_RETURN(const PolicyInForce in_force, impl_->source.ReadInForce(*snapshot, org));
  QP_ASSIGN_OR_RETURN(const auto base, impl_->source.LoadInForce(*snapshot, in_force));
  QP_RETURN_IF_ERROR(CheckRoomForDraft(*snapshot, org));
  QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, Impl::Prepare(whole, input, base));
  PolicyVersion version;
  version.org = org;
  version.base_version = in_force.version();
  version.fingerprint = prepared.policy->fingerprint();
  version.approvals_needed = in_force.approvals_asked;
  version.yaml = std::move(prepared.yaml);
  return version;
}

absl::StatusOr<PolicyVersion> PolicyVersions::UpdateDraft(const ChangeRequest& request,
                                                          int64_t version, std::string_view etag,
                                                          const PolicyInput& input,
                                                          const DraftOptions& options) {
  const auto whole = impl_->PrepareWhole(input);
  if (!whole.ok()) return impl_->Refused(request, TargetOf(version), whole.status());
  impl_->source.Warm(request.org, version);
  const auto work = [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
    QP_ASSIGN_OR_RETURN(PolicyRow row, ReadDraft(transaction, request.org, version, etag,
                                                 "only a draft can be changed"));
    if (!row.version.approvals.empty() && !options.drop_approvals) {
      return WrongState(row.version,
                        "it has approvals, which are of the document as it is; a change has to "
                        "drop them");
    }
    QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                        impl_->source.ReadInForce(transaction, request.org));
    if (whole->has_value() || options.base_version != 0) {
      const int64_t seen =
          options.base_version != 0 ? options.base_version : row.version.base_version;
      QP_RETURN_IF_ERROR(CheckSeen(seen, in_force));
    }
    if (!whole->has_value()) QP_RETURN_IF_ERROR(CheckBase(row.version, in_force));
    QP_ASSIGN_OR_RETURN(const auto former, impl_->source.LoadRow(transaction, row));
    Done done;
    done.before = AuditPolicy(row.version);
    QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, Impl::Prepare(*whole, input, former));
    QP_RETURN_IF_ERROR(DropApprovals(transaction, row.version));
    row.version.approvals.clear();
    row.version.base_version = in_force.version();
    row.version.reason = request.reason;
    row.version.approvals_needed = in_force.approvals_asked;
    SetDocument(prepared, number, &row);
    Touch(number, &row);
    QP_RETURN_IF_ERROR(UpdatePolicyRow(transaction, row));
    QP_RETURN_IF_ERROR(UpdatePolicyYaml(transaction, row.version, prepared.yaml));
    QP_RETURN_IF_ERROR(AddPolicyAuthor(transaction, row.version, request.actor));
    done.after = AuditPolicyChange(row.version, former->document(), prepared.policy->document());
    done.row = std::move(row);
    done.written = std::move(prepared);
    return done;
  };
  QP_ASSIGN_OR_RETURN(PolicyAnswer answer, impl_->Make(request, TargetOf(version), work));
  return std::move(answer.version);
}

absl::StatusOr<PolicyVersion> PolicyVersions::Discard(const ChangeRequest& request, int64_t version,
                                                      std::string_view etag) {
  const auto work = [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
    Done done;
    QP_ASSIGN_OR_RETURN(done.row, ReadDraft(transaction, request.org, version, etag,
                                            "only a draft can be discarded"));
    QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                        impl_->source.ReadInForce(transaction, request.org));
    done.before = AuditPolicy(done.row.version);
    done.row.version.state = PolicyState::kDiscarded;
    done.row.version.approvals_needed = in_force.approvals_asked;
    Touch(number, &done.row);
    QP_RETURN_IF_ERROR(UpdatePolicyRow(transaction, done.row));
    done.after = AuditPolicy(done.row.version);
    return done;
  };
  QP_ASSIGN_OR_RETURN(PolicyAnswer answer, impl_->Make(request, TargetOf(version), work));
  return std::move(answer.version);
}

absl::StatusOr<PolicyVersion> PolicyVersions::Approve(const ChangeRequest& request, int64_t version,
                                                      std::string_view etag) {
  const auto work = [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
    Done done;
    QP_ASSIGN_OR_RETURN(done.row, ReadDraft(transaction, request.org, version, etag,
                                            "only a draft can be approved"));
    PolicyVersion& draft = done.row.version;
    QP_RETURN_IF_ERROR(CheckApprover(transaction, draft, request.actor));
    QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                        impl_->source.ReadInForce(transaction, request.org));
    QP_RETURN_IF_ERROR(CheckBase(draft, in_force));
    done.before = AuditPolicy(draft);
    draft.approvals.push_back({request.actor, request.now_us, request.reason});
    draft.approvals_needed = in_force.approvals_asked;
    Touch(number, &done.row);
    QP_RETURN_IF_ERROR(InsertApproval(transaction, draft, draft.approvals.back()));
    QP_RETURN_IF_ERROR(UpdatePolicyRow(transaction, done.row));
    done.after = AuditPolicy(draft);
    return done;
  };
  QP_ASSIGN_OR_RETURN(PolicyAnswer answer, impl_->Make(request, TargetOf(version), work));
  return std::move(answer.version);
}

absl::StatusOr<PolicyVersion> PolicyVersions::Activate(const ChangeRequest& request,
                                                       int64_t version, std::string_view etag) {
  impl_->source.Warm(request.org, 0);
  impl_->source.Warm(request.org, version);
  const auto work = [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
    Done done;
    QP_ASSIGN_OR_RETURN(done.row, ReadDraft(transaction, request.org, version, etag,
                                            "only a draft can be activated; a rollback makes a "
                                            "copy of one that was active"));
    QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                        impl_->source.ReadInForce(transaction, request.org));
    QP_RETURN_IF_ERROR(CheckBase(done.row.version, in_force));
    QP_RETURN_IF_ERROR(CheckApprovals(done.row.version, in_force));
    QP_ASSIGN_OR_RETURN(const auto former, impl_->source.LoadInForce(transaction, in_force));
    QP_ASSIGN_OR_RETURN(const auto policy, impl_->source.LoadRow(transaction, done.row));
    QP_RETURN_IF_ERROR(Supersede(transaction, request, number, in_force));
    SetActive(request, &done.row);
    done.row.version.approvals_needed = policy->document().approvals;
    Touch(number, &done.row);
    QP_RETURN_IF_ERROR(UpdatePolicyRow(transaction, done.row));
    done.before = AuditInForce(in_force);
    done.after = AuditPolicyChange(done.row.version, former->document(), policy->document());
    done.item = impl_->codec->EncodePolicy(request.org, version, policy->document());
    return done;
  };
  QP_ASSIGN_OR_RETURN(PolicyAnswer answer, impl_->Make(request, TargetOf(version), work));
  return std::move(answer.version);
}

absl::StatusOr<PolicyVersion> PolicyVersions::Rollback(const ChangeRequest& request,
                                                       int64_t to_version, std::string_view etag) {
  impl_->source.Warm(request.org, 0);
  if (to_version != 0) impl_->source.Warm(request.org, to_version);
  const auto work = [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
    QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                        impl_->source.ReadInForce(transaction, request.org));
    QP_RETURN_IF_ERROR(CheckEtag(in_force, etag));
    QP_ASSIGN_OR_RETURN(const std::optional<PolicyRow> row,
                        to_version == 0 ? ReadFormerPolicyRow(transaction, request.org)
                                        : ReadPolicyRow(transaction, request.org, to_version));
    if (!row.has_value()) {
      return to_version == 0 ? absl::NotFoundError("no version was active before the present one")
                             : NoSuchVersion(to_version);
    }
    if (row->version.state != PolicyState::kSuperseded) {
      return WrongState(row->version, "a rollback is to one that was active before");
    }
    QP_ASSIGN_OR_RETURN(const auto present, impl_->source.LoadInForce(transaction, in_force));
    QP_ASSIGN_OR_RETURN(const auto former, impl_->source.LoadRow(transaction, *row));
    PolicyDocument document = former->document();
    document.approvals = std::max(document.approvals, in_force.approvals_asked);
    QP_ASSIGN_OR_RETURN(PreparedPolicy prepared,
                        PrepareDocument(std::move(document), "to_version"));
    return impl_->InsertActive(transaction, request, number, in_force, present->document(),
                               std::move(prepared), row->version.version);
  };
  QP_ASSIGN_OR_RETURN(PolicyAnswer answer, impl_->Make(request, TargetOf(to_version), work));
  return std::move(answer.version);
}

absl::StatusOr<PutPolicyOutcome> PolicyVersions::Put(const ChangeRequest& request,
                                                     const PolicyInput& input,
                                                     std::string_view etag) {
  const auto whole = impl_->PrepareWhole(input);
  if (!whole.ok()) return impl_->Refused(request, TargetOf(0), whole.status());
  const EditedAhead ahead = impl_->EditAhead(request.org, *whole, input);
  const auto work = [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<Done> {
    QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                        impl_->source.ReadInForce(transaction, request.org));
    QP_RETURN_IF_ERROR(CheckEtag(in_force, etag));
    QP_ASSIGN_OR_RETURN(const auto base, impl_->source.LoadInForce(transaction, in_force));
    QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, Impl::Prepare(*whole, input, base, ahead));
    if (in_force.row.has_value() && base->fingerprint() == prepared.policy->fingerprint()) {
      Done done;
      done.row = *in_force.row;
      done.row.version.approvals_needed = in_force.approvals_asked;
      done.before = done.after = AuditInForce(in_force);
      done.limit_id = std::move(prepared.limit_id);
      return done;
    }
    if (in_force.approvals_asked > 0) {
      return impl_->InsertDraft(transaction, request, number, in_force, base->document(),
                                std::move(prepared));
    }
    return impl_->InsertActive(transaction, request, number, in_force, base->document(),
                               std::move(prepared), /*copy_of=*/0);
  };
  QP_ASSIGN_OR_RETURN(PolicyAnswer answer, impl_->Make(request, TargetOf(0), work));
  return PutPolicyOutcome{std::move(answer.version), std::move(answer.limit_id)};
}

absl::StatusOr<PolicyPart> PolicyVersions::PutPart(const OpenChange& change,
                                                   const PolicyDocument& document) {
  const std::string& org = change.request.org;
  QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, PrepareDocument(document, "yaml"));
  QP_ASSIGN_OR_RETURN(const PolicyInForce in_force,
                      impl_->source.ReadInForce(change.transaction, org));
  QP_ASSIGN_OR_RETURN(const auto base, impl_->source.LoadInForce(change.transaction, in_force));
  PolicyPart part;
  if (in_force.row.has_value() && base->fingerprint() == prepared.policy->fingerprint()) {
    return part;
  }
  part.changes =
      DiffPolicies(base->document(), prepared.policy->document(), kMaxPartChanges, &part.unlisted);
  Done done;
  if (in_force.approvals_asked > 0) {
    QP_ASSIGN_OR_RETURN(
        const std::optional<PolicyRow> draft,
        FindDraft(change.transaction, org, in_force.version(), prepared.policy->fingerprint()));
    if (draft.has_value()) {
      part.outcome = PolicyPart::Outcome::kWaits;
      part.version = draft->version;
      part.version.approvals_needed = in_force.approvals_asked;
      return part;
    }
    part.outcome = PolicyPart::Outcome::kDraft;
    QP_ASSIGN_OR_RETURN(done, impl_->InsertDraft(change.transaction, change.request, change.number,
                                                 in_force, base->document(), std::move(prepared)));
  } else {
    part.outcome = PolicyPart::Outcome::kActive;
    QP_ASSIGN_OR_RETURN(done, impl_->InsertActive(change.transaction, change.request, change.number,
                                                  in_force, base->document(), std::move(prepared),
                                                  /*copy_of=*/0));
    part.item = ChangeRecord::ItemWrite{PolicyItemName(org), std::move(done.item)};
  }
  part.version = std::move(done.row.version);
  return part;
}

absl::StatusOr<PolicyVersion> PolicyVersions::Get(std::string_view org, int64_t version) {
  return impl_->source.Get(org, version);
}

absl::StatusOr<std::vector<PolicyVersion>> PolicyVersions::List(std::string_view org,
                                                                int64_t before_version,
                                                                size_t most) {
  return impl_->source.List(org, before_version, most);
}

absl::StatusOr<LoadedPolicy> PolicyVersions::Load(std::string_view org, int64_t version) {
  return impl_->source.Load(org, version);
}

}  // namespace quotaplane
