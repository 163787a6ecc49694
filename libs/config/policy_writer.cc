#include "libs/config/policy_writer.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/policy/alert_digest.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {
namespace {

constexpr size_t kUsualOverrideBytes = 64;

void WriteOverrides(const Limit& limit, std::string* out) {
  if (limit.overrides.empty()) return;
  std::vector<const Override*> sorted;
  sorted.reserve(limit.overrides.size());
  for (const Override& entry : limit.overrides) sorted.push_back(&entry);
  const auto before = [](const Override* a, const Override* b) { return a->match < b->match; };
  // What was written by this is in order.
  if (!std::is_sorted(sorted.begin(), sorted.end(), before)) {
    std::sort(sorted.begin(), sorted.end(), before);
  }
  out->append("    overrides:\n");
  for (const Override* entry : sorted) {
    out->append("      - {");
    for (const auto& [dimension, value] : entry->match) {
      out->append(dimension.ToString()).append(": ");
      AppendText(value, out);
      out->append(", ");
    }
    out->append("amount: ");
    AppendAmount(entry->amount, limit.unit, out);
    out->append("}\n");
  }
}

void WriteLimit(const Limit& limit, std::string* out) {
  std::string_view lead = "  - ";
  for (const auto& [key, value] : FieldsOf(limit)) {
    absl::StrAppend(out, AbslView(lead), AbslView(key), ": ", value, "\n");
    lead = "    ";
  }
  WriteOverrides(limit, out);
}

template <typename Rule>
void WriteRules(std::string_view key, const std::vector<Rule>& rules, std::string* out) {
  if (rules.empty()) return;
  absl::StrAppend(out, AbslView(key), ":\n");
  for (const Rule& rule : rules) absl::StrAppend(out, "  - ", TextOf(FieldsOf(rule)), "\n");
}

}  // namespace

std::string WritePolicy(const PolicyDocument& document) {
  std::string out;
  size_t overrides = 0;
  for (const Limit& limit : document.limits) overrides += limit.overrides.size();
  out.reserve(overrides * kUsualOverrideBytes);
  if (document.approvals != 0) absl::StrAppend(&out, "approvals: ", document.approvals, "\n");
  if (document.unpriced_models != UnpricedModels::kDeny) {
    absl::StrAppend(&out, "unpriced_models: ", UnpricedModelsText(document), "\n");
  }
  if (document.retention != RetentionAges{}) {
    absl::StrAppend(&out, "retention: ", TextOf(document.retention), "\n");
  }
  WriteRules("tiers", document.tiers, &out);
  WriteRules("models", document.model_rules, &out);
  WriteRules("cost_centers", document.cost_centers, &out);
  out.append(document.limits.empty() ? "limits: []\n" : "limits:\n");
  for (const Limit& limit : document.limits) WriteLimit(limit, &out);
  if (HasDefaultAlertRules(document)) return out;
  if (document.alerts->empty()) out.append("alerts: []\n");
  WriteRules("alerts", *document.alerts, &out);
  return out;
}

}  // namespace quotaplane
