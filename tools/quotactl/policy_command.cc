#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/config/policy_reader.h"
#include "libs/policy/policy_text.h"
#include "tools/quotactl/alert_rules_render.h"
#include "tools/quotactl/commands.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::Table;
using terminal::Tone;

std::string PerWords(const Limit& limit) {
  if (limit.per.empty()) return "org";
  return absl::StrJoin(limit.per, ", ", [](std::string* out, const Dimension& dimension) {
    out->append(dimension.ToString());
  });
}

std::string WhenWords(const std::vector<Condition>& when) {
  return absl::StrJoin(when, ", ", [](std::string* out, const Condition& condition) {
    const std::string globs =
        absl::StrJoin(condition.any_of, "|",
                      [](std::string* text, const Glob& glob) { text->append(glob.pattern()); });
    absl::StrAppend(out, condition.dimension.ToString(), "=", globs);
  });
}

std::string OnExceedWords(const Limit& limit) {
  switch (limit.on_exceed) {
    case OnExceed::kDeny:
      return "deny";
    case OnExceed::kSoft:
      return "soft";
    case OnExceed::kShadow:
      return "shadow";
    case OnExceed::kDowngrade:
      return absl::StrCat("downgrade: ", limit.downgrade_model);
  }
  return "";
}

std::string AlertAtWords(const Limit& limit) {
  const std::string text = SharesText(AlertAt(limit));  // "[50%, 80%]"
  return text == "[]" ? "-" : text.substr(1, text.size() - 2);
}

// The ids of the limits, or model rules, that are for this tier alone.
template <typename Rule>
std::vector<std::string> OfTier(const std::vector<Rule>& rules, const std::string& tier) {
  std::vector<std::string> ids;
  for (const Rule& rule : rules) {
    if (rule.tier == tier) ids.push_back(rule.id);
  }
  return ids;
}

// Who is in which risk tier, in the order in which that is decided, and what is for that tier.
std::string TierTable(const PolicyDocument& document, const terminal::Style& style) {
  if (document.tiers.empty()) return "";
  Table table({{"RISK TIER"}, {"WHO"}, {"LIMITS"}, {"MODEL RULES"}});
  for (const TierRule& rule : document.tiers) {
    table.AddRow({Cell(rule.tier, Tone::kBold),
                  rule.when.empty() ? "everybody else" : WhenWords(rule.when),
                  absl::StrJoin(OfTier(document.limits, rule.tier), ", "),
                  absl::StrJoin(OfTier(document.model_rules, rule.tier), ", ")});
  }
  return absl::StrCat("\n", table.Render(style));
}

nlohmann::ordered_json TiersAsJson(const PolicyDocument& document) {
  auto tiers = nlohmann::ordered_json::array();
  for (const TierRule& rule : document.tiers) {
    auto when = nlohmann::ordered_json::object();
    for (const Condition& condition : rule.when) {
      for (const Glob& glob : condition.any_of) {
        when[condition.dimension.ToString()].push_back(std::string(glob.pattern()));
      }
    }
    tiers.push_back({{"tier", rule.tier},
                     {"when", when},
                     {"limits", OfTier(document.limits, rule.tier)},
                     {"model_rules", OfTier(document.model_rules, rule.tier)}});
  }
  return tiers;
}

std::string ApprovalWords(int approvals) {
  if (approvals == 0) return "";
  return absl::StrCat("The next version needs ", approvals,
                      approvals == 1 ? " approval, by another than its author.\n"
                                     : " approvals, by others than its author.\n");
}

size_t Overrides(const PolicyDocument& document) {
  size_t overrides = 0;
  for (const Limit& limit : document.limits) overrides += limit.overrides.size();
  return overrides;
}

std::string Summary(const Policy& policy, const terminal::Style& style) {
  Table table({{"LIMIT"},
               {"PER"},
               {"WHEN"},
               {"UNIT"},
               {"AMOUNT", Align::kRight},
               {"WINDOW"},
               {"ON EXCEED"},
               {"OVERRIDES", Align::kRight},
               {"ALERT AT"}});
  const PolicyDocument& document = policy.document();
  for (const Limit& limit : document.limits) {
    const std::string unit = limit.unit.ToString();
    table.AddRow({Cell(limit.id, Tone::kBold), PerWords(limit), WhenWords(limit.when), unit,
                  terminal::FormatAmount(unit, limit.amount), limit.window.ToString(),
                  OnExceedWords(limit), FormatCount(static_cast<int64_t>(limit.overrides.size())),
                  AlertAtWords(limit)});
  }
  return absl::StrCat(table.Render(style), TierTable(document, style),
                      AlertRulesAsText(document, style), "\n", style.Paint(Tone::kGood, "valid"),
                      ": ", document.limits.size(), " limits, ", Overrides(document),
                      " overrides, ", document.model_rules.size(), " model rules, ",
                      document.cost_centers.size(), " cost center rules; fingerprint ",
                      policy.fingerprint(), "\n", ApprovalWords(document.approvals));
}

int Validate(const Globals& globals, const std::string& path) {
  const auto policy = LoadPolicyFile(path);
  nlohmann::ordered_json json;
  json["valid"] = policy.ok();
  if (policy.ok()) {
    const PolicyDocument& document = (*policy)->document();
    json["limits"] = document.limits.size();
    json["overrides"] = Overrides(document);
    json["model_rules"] = document.model_rules.size();
    json["cost_center_rules"] = document.cost_centers.size();
    json["tiers"] = TiersAsJson(document);
    json["approvals"] = document.approvals;
    json["alert_rules"] = AlertRulesAsJson(document);
    json["fingerprint"] = (*policy)->fingerprint();
  } else {
    const std::string message(policy.status().message());
    json["errors"] = std::vector<std::string>(absl::StrSplit(message, '\n', absl::SkipEmpty()));
    std::fprintf(stderr, "%s\n", message.c_str());
  }
  if (globals.json) {
    std::printf("%s\n", json.dump(2).c_str());
  } else if (policy.ok()) {
    std::fputs(Summary(**policy, terminal::Style::For(STDOUT_FILENO)).c_str(), stdout);
  }
  return policy.ok() ? client::kDone : client::kFailed;
}

}  // namespace

void AddPolicy(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* policy =
      app.add_subcommand("policy", "Policies: files, and the server's versions of them");
  policy->require_subcommand(1);
  CLI::App* command = policy->add_subcommand(
      "validate",
      "Check a policy file: its limits, risk tiers and alerts, or every error with its line");
  const auto path = std::make_shared<std::string>();
  command->add_option("FILE", *path, "The policy, in YAML")->required();
  command->footer(R"(Needs no server. Exit code: 0 valid, 1 not valid or not readable, 2 wrong use.

Examples:
  quotactl policy validate policy.yaml

  # In a pipeline: refuse a change that would not load
  quotactl policy validate policy.yaml --json > verdict.json)");
  command->callback([=, &globals] { *work = [=, &globals] { return Validate(globals, *path); }; });
  AddPolicyVersions(*policy, globals, work);
  AddPolicyTrials(*policy, globals, work);
}

}  // namespace quotaplane::quotactl
