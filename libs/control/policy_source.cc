#include "libs/control/policy_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_reader.h"
#include "libs/config/policy_writer.h"
#include "libs/control/policy_rules.h"

namespace quotaplane {
namespace {

// A row and its document have to be of one moment: an etag stands for what was read with it.
constexpr sql::TransactionOptions kSnapshot = {sql::Isolation::kRepeatableRead, /*read_only=*/true};

}  // namespace

PolicySource::PolicySource(sql::Database* database, DefaultPolicy default_policy)
    : database_(database), default_policy_(std::move(default_policy)) {}

absl::StatusOr<std::unique_ptr<sql::Transaction>> PolicySource::Snapshot() {
  return database_->Begin(kSnapshot);
}

void PolicySource::Keep(const PolicyRow& row, std::shared_ptr<const Policy> policy,
                        size_t yaml_bytes) {
  cache_.Put({row.version.org, row.document_number, row.version.fingerprint}, std::move(policy),
             yaml_bytes);
}

absl::StatusOr<PolicyInForce> PolicySource::ReadInForce(sql::Session& session,
                                                        std::string_view org) {
  PolicyInForce in_force;
  QP_ASSIGN_OR_RETURN(in_force.row, ReadActivePolicyRow(session, org));
  in_force.approvals_asked = in_force.row.has_value()
                                 ? static_cast<int>(in_force.row->approvals_asked)
                                 : default_policy_()->document().approvals;
  return in_force;
}

absl::StatusOr<std::shared_ptr<const Policy>> PolicySource::LoadRow(sql::Session& session,
                                                                    const PolicyRow& row) {
  const PolicyVersion& version = row.version;
  const PolicyDocumentName name = {version.org, row.document_number, version.fingerprint};
  if (std::shared_ptr<const Policy> cached = cache_.Find(name)) return cached;
  QP_ASSIGN_OR_RETURN(const std::string yaml,
                      ReadPolicyYaml(session, version.org, version.version));
  absl::StatusOr<std::shared_ptr<const Policy>> policy =
      ParsePolicy(yaml, absl::StrCat("policy/", version.version));
  if (!policy.ok()) {
    return absl::DataLossError(
        absl::StrCat("policy version ", version.version,
                     " of the database is no policy: ", std::string(policy.status().message())));
  }
  cache_.Put(name, *policy, yaml.size());
  return *std::move(policy);
}

absl::StatusOr<std::shared_ptr<const Policy>> PolicySource::LoadInForce(
    sql::Session& session, const PolicyInForce& in_force) {
  if (in_force.row.has_value()) return LoadRow(session, *in_force.row);
  const std::shared_ptr<const Policy> policy = default_policy_();
  if (policy->document().retention == RetentionAges{}) return policy;
  // What is of the deployment stays with it.
  PolicyDocument document = policy->document();
  document.retention = {};
  return Policy::Build(std::move(document));
}

void PolicySource::Warm(std::string_view org, int64_t version) {
  const auto warm = [&]() -> absl::Status {
    QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, Snapshot());
    QP_ASSIGN_OR_RETURN(const std::optional<PolicyRow> row,
                        version == 0 ? ReadActivePolicyRow(*snapshot, org)
                                     : ReadPolicyRow(*snapshot, org, version));
    if (!row.has_value()) return absl::OkStatus();
    return LoadRow(*snapshot, *row).status();
  };
  warm().IgnoreError();
}

absl::StatusOr<PolicyVersion> PolicySource::Get(std::string_view org, int64_t version) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, Snapshot());
  QP_ASSIGN_OR_RETURN(const PolicyInForce in_force, ReadInForce(*snapshot, org));
  if (version == 0 && !in_force.row.has_value()) {
    QP_ASSIGN_OR_RETURN(const auto policy, LoadInForce(*snapshot, in_force));
    PolicyVersion found;
    found.org = org;
    found.state = PolicyState::kActive;
    found.fingerprint = policy->fingerprint();
    found.approvals_needed = in_force.approvals_asked;
    found.yaml = WritePolicy(policy->document());
    return found;
  }
  std::optional<PolicyRow> row = in_force.row;
  if (version != 0 && version != in_force.version()) {
    QP_ASSIGN_OR_RETURN(row, ReadPolicyRow(*snapshot, org, version));
  }
  if (!row.has_value()) return NoSuchVersion(version);
  PolicyVersion found = std::move(row->version);
  found.approvals_needed = in_force.approvals_asked;
  QP_ASSIGN_OR_RETURN(found.yaml, ReadPolicyYaml(*snapshot, org, found.version));
  return found;
}

absl::StatusOr<std::vector<PolicyVersion>> PolicySource::List(std::string_view org,
                                                              int64_t before_version, size_t most) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, Snapshot());
  QP_ASSIGN_OR_RETURN(const PolicyInForce in_force, ReadInForce(*snapshot, org));
  QP_ASSIGN_OR_RETURN(
      std::vector<PolicyRow> rows,
      ListPolicyRows(*snapshot, org, before_version == 0 ? INT64_MAX : before_version, most));
  std::vector<PolicyVersion> versions;
  versions.reserve(rows.size());
  for (PolicyRow& row : rows) {
    row.version.approvals_needed = in_force.approvals_asked;
    versions.push_back(std::move(row.version));
  }
  return versions;
}

absl::StatusOr<LoadedPolicy> PolicySource::Load(std::string_view org, int64_t version) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, Snapshot());
  QP_ASSIGN_OR_RETURN(std::optional<PolicyRow> row, version == 0
                                                        ? ReadActivePolicyRow(*snapshot, org)
                                                        : ReadPolicyRow(*snapshot, org, version));
  if (!row.has_value() && version == 0) {
    QP_ASSIGN_OR_RETURN(auto policy, LoadInForce(*snapshot, {}));
    return LoadedPolicy{0, std::move(policy)};
  }
  if (!row.has_value()) return NoSuchVersion(version);
  QP_ASSIGN_OR_RETURN(auto policy, LoadRow(*snapshot, *row));
  return LoadedPolicy{row->version.version, std::move(policy)};
}

}  // namespace quotaplane
