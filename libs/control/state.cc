#include "libs/control/state.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_reader.h"
#include "libs/config/yaml_reader.h"
#include "libs/control/change_rows.h"
#include "libs/control/policy_rows.h"
#include "libs/control/state_parts.h"
#include "libs/control/store_rules.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Kind = StateChange::Kind;

constexpr sql::TransactionOptions kSnapshot = {sql::Isolation::kRepeatableRead, /*read_only=*/true};
constexpr size_t kMaxViolations = 50;
// Of the audit row's list of changes.
constexpr size_t kMaxAuditBytes = size_t{1} << 20;

// Null: the org has no policy of its own.
absl::StatusOr<std::shared_ptr<const Policy>> ReadPolicy(sql::Session& session,
                                                         const std::string& org) {
  QP_ASSIGN_OR_RETURN(const std::optional<PolicyRow> row, ReadActivePolicyRow(session, org));
  if (!row.has_value()) return std::shared_ptr<const Policy>();
  QP_ASSIGN_OR_RETURN(const std::string yaml, ReadPolicyYaml(session, org, row->version.version));
  return ParsePolicy(yaml, absl::StrCat("policy/", row->version.version));
}

Kind KindOf(PolicyChange::Kind kind) {
  switch (kind) {
    case PolicyChange::Kind::kAdded:
      return Kind::kAdded;
    case PolicyChange::Kind::kRemoved:
      return Kind::kRemoved;
    case PolicyChange::Kind::kChanged:
      break;
  }
  return Kind::kChanged;
}

void AddPolicyPart(PolicyPart part, StateWork* work) {
  switch (part.outcome) {
    case PolicyPart::Outcome::kUnchanged:
      return;
    case PolicyPart::Outcome::kWaits:
      work->Add({Kind::kLeft, "policy",
                 absl::StrCat("version ", part.version.version, " waits for approvals"), ""});
      break;
    case PolicyPart::Outcome::kDraft:
    case PolicyPart::Outcome::kActive:
      for (PolicyChange& each : part.changes) {
        work->Add({KindOf(each.kind), absl::StrCat("policy.", each.path), std::move(each.before),
                   std::move(each.after), each.counts_anew});
      }
      work->plan.unlisted += part.unlisted;
      break;
  }
  if (part.item.has_value()) work->items.push_back(*std::move(part.item));
  work->plan.version = std::move(part.version);
}

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kAdded:
      return "added";
    case Kind::kRemoved:
      return "removed";
    case Kind::kChanged:
      return "changed";
    case Kind::kLeft:
      break;
  }
  return "left";
}

// {"changes": [{"kind": …, "path": …, "before": …, "after": …}, …], "unlisted_changes": 0}
std::string AuditState(const StatePlan& plan) {
  nlohmann::json list = nlohmann::json::array();
  int64_t unlisted = plan.unlisted;
  size_t bytes = 0;
  for (const StateChange& change : plan.changes) {
    bytes += change.path.size() + change.before.size() + change.after.size();
    if (bytes > kMaxAuditBytes) {
      ++unlisted;
      continue;
    }
    list.push_back({{"kind", KindName(change.kind)},
                    {"path", change.path},
                    {"before", change.before},
                    {"after", change.after}});
  }
  nlohmann::json json = {{"changes", std::move(list)}};
  if (unlisted > 0) json["unlisted_changes"] = unlisted;
  if (plan.version.has_value()) json["policy_version"] = plan.version->version;
  return json.dump();
}

}  // namespace

void StateWork::Add(StateChange change) {
  if (plan.changes.size() < kMaxStateChanges) {
    plan.changes.push_back(std::move(change));
  } else {
    ++plan.unlisted;
  }
}

absl::StatusOr<std::string> OrgState::Export(sql::Database& database, const std::string& org,
                                             int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> snapshot, database.Begin(kSnapshot));
  StateDocument document;
  document.org = org;
  QP_ASSIGN_OR_RETURN(document.policy, ReadPolicy(*snapshot, org));
  QP_ASSIGN_OR_RETURN(document.exceptions, ReadStateExceptions(*snapshot, org, now_us));
  QP_ASSIGN_OR_RETURN(document.keys, ReadStateKeys(*snapshot, org, now_us));
  std::string yaml = WriteState(document);
  if (yaml.size() > kMaxYamlBytes) {
    return TooMany(absl::StrCat("the state has ", yaml.size(), " bytes as a document; at most ",
                                kMaxYamlBytes, " can be read back"));
  }
  return yaml;
}

absl::StatusOr<StatePlan> OrgState::Plan(sql::Database& database, const ChangeRequest& request,
                                         const StateDocument& document) const {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Transaction> transaction, database.Begin());
  QP_ASSIGN_OR_RETURN(const int64_t number, LockForChange(*transaction));
  QP_ASSIGN_OR_RETURN(Changed<StatePlan> done, Apply({*transaction, request, number}, document));
  if (done.now.version.has_value()) done.now.version->etag.clear();
  return std::move(done.now);
}

absl::StatusOr<Changed<StatePlan>> OrgState::Apply(const OpenChange& change,
                                                   const StateDocument& document) const {
  if (!document.org.empty() && document.org != change.request.org) {
    return FieldError(
        {{"yaml", absl::StrCat("org: the document is of ", QuoteForMessage(document.org),
                               ", the call of ", QuoteForMessage(change.request.org))}});
  }
  StateWork work;
  if (document.policy != nullptr) {
    QP_ASSIGN_OR_RETURN(PolicyPart part, policies_->PutPart(change, document.policy->document()));
    AddPolicyPart(std::move(part), &work);
  }
  if (document.exceptions.has_value()) {
    QP_RETURN_IF_ERROR(ApplyExceptions(change, *codec_, *document.exceptions, &work));
  }
  if (document.keys.has_value()) {
    QP_RETURN_IF_ERROR(ApplyKeys(change, *codec_, *document.keys, &work));
  }
  if (work.wrong.size() > kMaxViolations) work.wrong.resize(kMaxViolations);
  if (!work.wrong.empty()) return FieldError(work.wrong);
  Changed<StatePlan> changed;
  changed.record.target = "state";
  changed.record.after = AuditState(work.plan);
  changed.record.items = std::move(work.items);
  changed.now = std::move(work.plan);
  return changed;
}

}  // namespace quotaplane
