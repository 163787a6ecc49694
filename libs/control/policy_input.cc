#include "libs/control/policy_input.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_reader.h"
#include "libs/config/policy_writer.h"
#include "libs/config/yaml_reader.h"
#include "libs/sql/check.h"

namespace quotaplane {
namespace {

constexpr char kYaml[] = "yaml";

// A line of the message is a problem.
absl::Status OfField(std::string_view field, const absl::Status& problems) {
  if (!absl::IsInvalidArgument(problems) || !FieldViolationsOf(problems).empty()) return problems;
  std::vector<FieldViolation> violations;
  for (const auto& line : absl::StrSplit(problems.message(), '\n', absl::SkipEmpty())) {
    violations.push_back({std::string(field), std::string(line)});
  }
  return violations.empty() ? problems : FieldError(violations);
}

absl::StatusOr<PreparedPolicy> Finish(std::shared_ptr<const Policy> policy,
                                      std::string_view field) {
  PreparedPolicy prepared;
  if (policy->document().retention != RetentionAges{}) {
    return FieldError(
        {{std::string(field),
          "retention is of the deployment, which has one ledger: leave it out, it stays with "
          "the file that servers are started with"}});
  }
  prepared.yaml = WritePolicy(policy->document());
  // Otherwise it could be stored, and not be read again.
  if (prepared.yaml.size() > kMaxYamlBytes) {
    return FieldError({{std::string(field),
                        absl::StrCat("the document has ", prepared.yaml.size(),
                                     " bytes in its canonical form; at most ", kMaxYamlBytes)}});
  }
  prepared.policy = std::move(policy);
  return prepared;
}

}  // namespace

absl::StatusOr<PreparedPolicy> PrepareYaml(std::string_view yaml) {
  if (!sql::IsText(yaml)) {
    return FieldError({{kYaml, "must be UTF-8 without NUL characters"}});
  }
  absl::StatusOr<std::shared_ptr<const Policy>> policy = ParsePolicy(yaml, "policy");
  if (!policy.ok()) return OfField(kYaml, policy.status());
  return Finish(*std::move(policy), kYaml);
}

absl::StatusOr<PreparedPolicy> PrepareDocument(PolicyDocument document, std::string_view field) {
  absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(std::move(document));
  if (!policy.ok()) return OfField(field, policy.status());
  return Finish(*std::move(policy), field);
}

absl::StatusOr<PreparedPolicy> PrepareEdits(const PolicyDocument& base,
                                            const std::vector<PolicyEdit>& edits) {
  PolicyDocument document = base;
  std::string limit_id;
  for (size_t i = 0; i < edits.size(); ++i) {
    AppliedEdit applied;
    const absl::Status status = ApplyEdit(edits[i], &document, &applied);
    if (!status.ok()) return OfField(absl::StrCat("edits[", i, "]"), status);
    if (!applied.limit_id.empty()) limit_id = applied.limit_id;
  }
  QP_ASSIGN_OR_RETURN(PreparedPolicy prepared, PrepareDocument(std::move(document), "edits"));
  prepared.limit_id = std::move(limit_id);
  return prepared;
}

}  // namespace quotaplane
