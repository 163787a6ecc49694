#include "libs/control/policy_rows.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

#define QP_POLICY_COLUMNS                                                                  \
  "SELECT org, version, state, base_version, fingerprint, author, reason, created_at_us, " \
  "activated_at_us, activated_by, superseded_at_us, change_number, document_number, "      \
  "approvals FROM policy_versions WHERE org = $1 AND "

absl::Status ReadRow(const sql::Row& from, PolicyRow* row) {
  PolicyVersion& v = row->version;
  std::string state;
  std::optional<std::string> activated_by;
  QP_RETURN_IF_ERROR(from.Read(v.org, v.version, state, v.base_version, v.fingerprint, v.author,
                               v.reason, v.created_at_us, v.activated_at_us, activated_by,
                               v.superseded_at_us, row->change_number, row->document_number,
                               row->approvals_asked));
  const std::optional<PolicyState> parsed = ParsePolicyState(state);
  if (!parsed.has_value()) {
    return absl::DataLossError(absl::StrCat("policy/", v.version, " has no state"));
  }
  v.state = *parsed;
  v.activated_by = activated_by.value_or("");
  v.etag = EtagOf(row->change_number);
  return absl::OkStatus();
}

// Of all `rows`, which are of one org, with the newest version first.
absl::Status ReadApprovals(sql::Session& session, std::vector<PolicyRow>* rows) {
  if (rows->empty()) return absl::OkStatus();
  std::map<int64_t, PolicyVersion*> by_version;
  for (PolicyRow& row : *rows) by_version[row.version.version] = &row.version;
  QP_ASSIGN_OR_RETURN(
      const sql::Rows found,
      session.Query({"approvals",
                     "SELECT version, approver, approved_at_us, comment FROM policy_approvals "
                     "WHERE org = $1 AND version >= $2 AND version <= $3 ORDER BY version, "
                     "approved_at_us, approver"},
                    {rows->front().version.org, rows->back().version.version,
                     rows->front().version.version}));
  for (size_t i = 0; i < found.size(); ++i) {
    int64_t version = 0;
    PolicyApproval approval;
    QP_RETURN_IF_ERROR(
        found[i].Read(version, approval.approver, approval.approved_at_us, approval.comment));
    const auto of = by_version.find(version);
    if (of != by_version.end()) of->second->approvals.push_back(std::move(approval));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PolicyRow>> ReadRows(sql::Session& session,
                                                const sql::Statement& statement,
                                                absl::Span<const sql::Value> parameters) {
  QP_ASSIGN_OR_RETURN(const sql::Rows found, session.Query(statement, parameters));
  std::vector<PolicyRow> rows(found.size());
  for (size_t i = 0; i < found.size(); ++i) QP_RETURN_IF_ERROR(ReadRow(found[i], &rows[i]));
  QP_RETURN_IF_ERROR(ReadApprovals(session, &rows));
  return rows;
}

absl::StatusOr<std::optional<PolicyRow>> ReadOne(sql::Session& session,
                                                 const sql::Statement& statement,
                                                 absl::Span<const sql::Value> parameters) {
  QP_ASSIGN_OR_RETURN(std::vector<PolicyRow> rows, ReadRows(session, statement, parameters));
  if (rows.empty()) return std::optional<PolicyRow>();
  return std::optional<PolicyRow>(std::move(rows.front()));
}

absl::StatusOr<int64_t> ReadNumber(sql::Session& session, const sql::Statement& statement,
                                   absl::Span<const sql::Value> parameters) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query(statement, parameters));
  int64_t number = 0;
  QP_RETURN_IF_ERROR(rows[0].Read(number));
  return number;
}

}  // namespace

std::string EtagOf(int64_t change_number) { return absl::StrCat(change_number); }

absl::StatusOr<std::optional<PolicyRow>> ReadPolicyRow(sql::Session& session, std::string_view org,
                                                       int64_t version) {
  return ReadOne(session, {"policy version", QP_POLICY_COLUMNS "version = $2"}, {org, version});
}

absl::StatusOr<std::optional<PolicyRow>> ReadActivePolicyRow(sql::Session& session,
                                                             std::string_view org) {
  return ReadOne(session, {"active policy", QP_POLICY_COLUMNS "state = 'active'"}, {org});
}

absl::StatusOr<std::optional<PolicyRow>> ReadFormerPolicyRow(sql::Session& session,
                                                             std::string_view org) {
  // Its last change was to be superseded, which is when the present one became active.
  return ReadOne(session,
                 {"former policy",
                  QP_POLICY_COLUMNS "state = 'superseded' ORDER BY change_number DESC LIMIT 1"},
                 {org});
}

absl::StatusOr<std::optional<PolicyRow>> FindDraft(sql::Session& session, std::string_view org,
                                                   int64_t base, std::string_view fingerprint) {
  return ReadOne(session,
                 {"draft by fingerprint",
                  QP_POLICY_COLUMNS "state = 'draft' AND base_version = $2 AND fingerprint = $3 "
                                    "ORDER BY version DESC LIMIT 1"},
                 {org, base, fingerprint});
}

absl::StatusOr<std::vector<PolicyRow>> ListPolicyRows(sql::Session& session, std::string_view org,
                                                      int64_t before_version, size_t most) {
  return ReadRows(
      session, {"policy versions", QP_POLICY_COLUMNS "version < $2 ORDER BY version DESC LIMIT $3"},
      {org, before_version, static_cast<int64_t>(most)});
}

absl::StatusOr<int64_t> CountDrafts(sql::Session& session, std::string_view org) {
  return ReadNumber(
      session,
      {"drafts", "SELECT COUNT(*) FROM policy_versions WHERE org = $1 AND state = 'draft'"}, {org});
}

absl::StatusOr<int64_t> NextPolicyVersion(sql::Session& session, std::string_view org) {
  return ReadNumber(
      session,
      {"next version", "SELECT COALESCE(MAX(version), 0) + 1 FROM policy_versions WHERE org = $1"},
      {org});
}

absl::StatusOr<std::string> ReadPolicyYaml(sql::Session& session, std::string_view org,
                                           int64_t version) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"policy document",
                     "SELECT document FROM policy_documents WHERE org = $1 AND version = $2"},
                    {org, version}));
  if (rows.empty()) return absl::NotFoundError("there is no such version");
  std::string yaml;
  QP_RETURN_IF_ERROR(rows[0].Read(yaml));
  return yaml;
}

absl::Status InsertPolicyRow(sql::Transaction& transaction, const PolicyRow& row,
                             std::string_view yaml) {
  const PolicyVersion& v = row.version;
  std::optional<std::string> activated_by;
  if (v.activated_at_us.has_value()) activated_by = v.activated_by;
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"new policy version",
                    "INSERT INTO policy_versions (org, version, state, base_version, fingerprint, "
                    "author, reason, created_at_us, activated_at_us, activated_by, change_number, "
                    "document_number, approvals) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
                    "$11, $12, $13)"},
                   {v.org, v.version, PolicyStateName(v.state), v.base_version, v.fingerprint,
                    v.author, v.reason, v.created_at_us, v.activated_at_us, activated_by,
                    row.change_number, row.document_number, row.approvals_asked})
          .status());
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"new policy document",
                    "INSERT INTO policy_documents (org, version, document) VALUES ($1, $2, $3)"},
                   {v.org, v.version, yaml})
          .status());
  return AddPolicyAuthor(transaction, v, v.author);
}

absl::Status UpdatePolicyRow(sql::Transaction& transaction, const PolicyRow& row) {
  const PolicyVersion& v = row.version;
  std::optional<std::string> activated_by;
  if (v.activated_at_us.has_value()) activated_by = v.activated_by;
  return transaction
      .Execute({"update policy version",
                "UPDATE policy_versions SET state = $3, base_version = $4, fingerprint = $5, "
                "reason = $6, activated_at_us = $7, activated_by = $8, superseded_at_us = $9, "
                "change_number = $10, document_number = $11, approvals = $12 WHERE org = $1 AND "
                "version = $2"},
               {v.org, v.version, PolicyStateName(v.state), v.base_version, v.fingerprint, v.reason,
                v.activated_at_us, activated_by, v.superseded_at_us, row.change_number,
                row.document_number, row.approvals_asked})
      .status();
}

absl::Status UpdatePolicyYaml(sql::Transaction& transaction, const PolicyVersion& version,
                              std::string_view yaml) {
  return transaction
      .Execute({"update policy document",
                "UPDATE policy_documents SET document = $3 WHERE org = $1 AND version = $2"},
               {version.org, version.version, yaml})
      .status();
}

absl::Status AddPolicyAuthor(sql::Transaction& transaction, const PolicyVersion& version,
                             std::string_view author) {
  return transaction
      .Execute({"policy author",
                "INSERT INTO policy_authors (org, version, author) VALUES ($1, $2, $3) ON CONFLICT "
                "DO NOTHING"},
               {version.org, version.version, author})
      .status();
}

absl::StatusOr<bool> IsPolicyAuthor(sql::Session& session, const PolicyVersion& version,
                                    std::string_view actor) {
  QP_ASSIGN_OR_RETURN(const int64_t rows,
                      ReadNumber(session,
                                 {"policy author",
                                  "SELECT COUNT(*) FROM policy_authors WHERE org = $1 AND version "
                                  "= $2 AND author = $3"},
                                 {version.org, version.version, actor}));
  return rows > 0;
}

absl::Status InsertApproval(sql::Transaction& transaction, const PolicyVersion& version,
                            const PolicyApproval& approval) {
  return transaction
      .Execute({"approval",
                "INSERT INTO policy_approvals (org, version, approver, approved_at_us, comment) "
                "VALUES ($1, $2, $3, $4, $5)"},
               {version.org, version.version, approval.approver, approval.approved_at_us,
                approval.comment})
      .status();
}

absl::Status DropApprovals(sql::Transaction& transaction, const PolicyVersion& version) {
  return transaction
      .Execute({"drop approvals", "DELETE FROM policy_approvals WHERE org = $1 AND version = $2"},
               {version.org, version.version})
      .status();
}

}  // namespace quotaplane
