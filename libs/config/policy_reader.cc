#include "libs/config/policy_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/config/alert_rule_reader.h"
#include "libs/config/policy_limit_reader.h"
#include "libs/config/policy_node.h"
#include "libs/config/retention_reader.h"
#include "libs/config/yaml_reader.h"

namespace quotaplane {
namespace {

PolicyDefaults ReadDefaults(const YamlNode& node) {
  PolicyDefaults defaults;
  if (!node.ExpectMap()) return defaults;
  node.ExpectKeys({"on_outage", "time_zone", "alert_at"});
  if (const auto on_outage = node.Find("on_outage"); on_outage.has_value()) {
    defaults.on_outage = ReadOnOutage(*on_outage);
  }
  if (const auto zone = node.Find("time_zone"); zone.has_value()) {
    defaults.time_zone = ReadTimeZone(*zone).value_or(defaults.time_zone);
  }
  if (const auto alert_at = node.Find("alert_at"); alert_at.has_value()) {
    defaults.alert_at = ReadAlertAt(*alert_at);
  }
  return defaults;
}

// Reads every entry of a list with `read`. An entry that has problems is left out, so that the
// checks of the whole document do not trip over it.
template <typename T, typename Read>
void ReadEntries(YamlDocument& file, const YamlNode& root, std::string_view key, size_t bound,
                 Read read, std::vector<T>* entries) {
  const std::optional<YamlNode> node = root.Find(key);
  if (!node.has_value() || !node->ExpectList()) return;
  if (node->size() > bound) {
    return node->Report(
        absl::StrCat("has ", node->size(), " entries; at most ", bound, " are allowed"));
  }
  entries->reserve(node->size());
  for (const YamlNode item : *node) {
    const size_t before = file.problem_count();
    T entry = read(item);
    if (file.problem_count() == before) entries->push_back(std::move(entry));
  }
}

PolicyDocument ReadDocument(YamlDocument& file, const YamlNode& root) {
  PolicyDocument document;
  if (root.kind() == YamlKind::kNull) {
    root.Report("the document is empty; a policy has at least `limits: []`");
    return document;
  }
  if (!root.ExpectMap()) return document;
  root.ExpectKeys({"defaults", "approvals", "unpriced_models", "tiers", "models", "limits",
                   "retention", "cost_centers", "alerts"});
  PolicyDefaults defaults;
  if (const auto node = root.Find("defaults"); node.has_value()) defaults = ReadDefaults(*node);
  if (const auto node = root.Find("approvals"); node.has_value()) {
    document.approvals = static_cast<int>(node->Int64(0, kMaxApprovals).value_or(0));
  }
  if (const auto node = root.Find("unpriced_models"); node.has_value()) {
    if (auto read = ReadChoiceOrModel(*node, {"deny", "flag"}, "price_as"); read.has_value()) {
      document.unpriced_models = static_cast<UnpricedModels>(read->choice);
      document.price_as = std::move(read->model);
    }
  }
  ReadEntries(file, root, "tiers", kMaxTierRules, ReadTierRule, &document.tiers);
  ReadEntries(file, root, "models", kMaxModelRules, ReadModelRule, &document.model_rules);
  if (const auto node = root.Find("retention"); node.has_value()) {
    document.retention = ReadRetention(*node);
  }
  ReadEntries(file, root, "cost_centers", kMaxCostCenterRules, ReadCostCenter,
              &document.cost_centers);
  root.Require("limits", "write `limits: []` if there are none");
  const auto read_limit = [&](const YamlNode& node) {
    return ReadLimit(node, defaults, file.name());
  };
  const size_t before = file.problem_count();
  ReadEntries(file, root, "limits", kMaxLimits, read_limit, &document.limits);
  const bool all_limits = file.problem_count() == before;
  if (!root.Find("alerts").has_value()) return document;
  ReadEntries(file, root, "alerts", kMaxAlertRules, ReadAlertRule, &document.alerts.emplace());
  // A limit may be missing for a mistake of its own: that a rule names it is none.
  if (!all_limits) document.alerts.reset();
  return document;
}

}  // namespace

std::shared_ptr<const Policy> ReadPolicy(YamlDocument& file, const YamlNode& root) {
  const size_t before = file.problem_count();
  absl::StatusOr<std::shared_ptr<const Policy>> policy = Policy::Build(ReadDocument(file, root));
  if (policy.ok()) return file.problem_count() == before ? *std::move(policy) : nullptr;
  // What could be read is checked as a whole even so, for one list of all there is to repair.
  for (const absl::string_view line : absl::StrSplit(policy.status().message(), '\n')) {
    file.ReportLine(std::string(line));
  }
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const Policy>> ParsePolicy(std::string_view text,
                                                          std::string_view name) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> file, YamlDocument::Parse(text, name));
  std::shared_ptr<const Policy> policy = ReadPolicy(*file, file->root());
  QP_RETURN_IF_ERROR(file->status());
  return policy;
}

absl::StatusOr<std::shared_ptr<const Policy>> LoadPolicyFile(const std::string& path) {
  QP_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(path));
  return ParsePolicy(text, path);
}

}  // namespace quotaplane
