#include "libs/config/policy_edit_reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_limit_reader.h"
#include "libs/config/policy_values.h"
#include "libs/config/yaml_reader.h"

namespace quotaplane {
namespace {

// Stands for the file in the problems of a limit's YAML.
constexpr char kLimitName[] = "limit";

// Reads the parts of one edit, and collects what is wrong with them.
class Parts {
 public:
  explicit Parts(std::string_view field) : field_(field) {}

  void Refuse(std::string_view part, std::string what) {
    violations_.push_back({absl::StrCat(field_, ".", AbslView(part)), std::move(what)});
  }
  absl::Status status() const {
    return violations_.empty() ? absl::OkStatus() : FieldError(violations_);
  }

  // What `parsed` has; the error is one of `part`.
  template <typename T>
  std::optional<T> Take(std::string_view part, absl::StatusOr<T> parsed) {
    if (parsed.ok()) return *std::move(parsed);
    Refuse(part, absl::StrCat(parsed.status().message()));
    return std::nullopt;
  }

  ScopeValues Scope(std::string_view part, const std::map<std::string, std::string>& values) {
    ScopeValues scope;
    for (const auto& [name, value] : values) {
      const std::string quoted = QuoteForMessage(name);
      const std::string place = absl::StrCat(AbslView(part), "[", quoted, "]");
      std::optional<Dimension> dimension = Take(place, ParseDimension(name));
      if (const absl::Status status = CheckValue(value); !status.ok()) {
        Refuse(place, absl::StrCat(status.message()));
      }
      if (dimension.has_value()) scope.emplace_back(*std::move(dimension), value);
    }
    std::sort(scope.begin(), scope.end());
    return scope;
  }

 private:
  std::string field_;
  std::vector<FieldViolation> violations_;
};

const Limit* FindLimit(const std::string& id, const PolicyDocument& document) {
  const auto found = std::find_if(document.limits.begin(), document.limits.end(),
                                  [&](const Limit& limit) { return limit.id == id; });
  return found == document.limits.end() ? nullptr : &*found;
}

using Edit = decltype(PolicyEdit::edit);

absl::StatusOr<Edit> Read(const SetAmountText& text, std::string_view field,
                          const PolicyDocument& document) {
  Parts parts(field);
  SetAmount set;
  set.limit_id = text.limit_id;
  set.scope = parts.Scope("scope", text.scope);
  if (!text.unit.empty()) set.unit = parts.Take("unit", ParseUnit(text.unit));
  if (!text.time_zone.empty()) {
    set.time_zone = parts.Take("time_zone", ParseTimeZone(text.time_zone));
  }
  if (!text.window.empty()) {
    set.window = parts.Take("window", ParseWindow(text.window, absl::UTCTimeZone(), 1));
  }
  if (text.on_outage == "allow" || text.on_outage == "deny") {
    set.on_outage = text.on_outage == "allow" ? OnOutage::kAllow : OnOutage::kDeny;
  } else if (!text.on_outage.empty()) {
    parts.Refuse("on_outage",
                 absl::StrCat("must be allow or deny, not ", QuoteForMessage(text.on_outage)));
  }
  // A limit that is not there is ApplyEdit's to tell.
  const Limit* named = text.limit_id.empty() ? nullptr : FindLimit(text.limit_id, document);
  const std::optional<Unit> unit = named != nullptr ? named->unit : set.unit;
  if (text.amount.empty()) {
    parts.Refuse("amount", "is needed");
  } else if (unit.has_value()) {
    set.amount = parts.Take("amount", ParseAmount(text.amount, *unit)).value_or(0);
  } else if (text.unit.empty() && text.limit_id.empty()) {
    parts.Refuse("unit", "is needed where no limit is named");
  }
  QP_RETURN_IF_ERROR(parts.status());
  return set;
}

absl::StatusOr<Edit> Read(const RemoveOverrideText& text, std::string_view field,
                          const PolicyDocument&) {
  Parts parts(field);
  RemoveOverride remove{text.limit_id, parts.Scope("match", text.match)};
  QP_RETURN_IF_ERROR(parts.status());
  return remove;
}

absl::StatusOr<Limit> ParseLimit(std::string_view yaml, const PolicyDocument& document) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> file,
                      YamlDocument::Parse(yaml, kLimitName));
  PolicyDocument alone;
  alone.tiers = document.tiers;
  alone.limits = {ReadLimit(file->root(), PolicyDefaults(), kLimitName)};
  QP_RETURN_IF_ERROR(file->status());
  QP_ASSIGN_OR_RETURN(const std::shared_ptr<const Policy> policy, Policy::Build(std::move(alone)));
  return policy->document().limits[0];
}

absl::StatusOr<Edit> Read(const PutLimitText& text, std::string_view field,
                          const PolicyDocument& document) {
  absl::StatusOr<Limit> limit = ParseLimit(text.yaml, document);
  if (limit.ok()) return PutLimit{*std::move(limit)};
  std::vector<FieldViolation> violations;
  for (const absl::string_view line : absl::StrSplit(limit.status().message(), '\n')) {
    violations.push_back({std::string(field), std::string(line)});
  }
  return FieldError(violations);
}

absl::StatusOr<Edit> Read(const RemoveLimit& remove, std::string_view, const PolicyDocument&) {
  return remove;
}

std::string_view NameOf(const PolicyEditText& edit) {
  static constexpr std::string_view kNames[] = {"set_amount", "remove_override", "put_limit_yaml",
                                                "remove_limit"};
  return kNames[edit.index()];
}

}  // namespace

absl::StatusOr<PolicyEdit> ReadPolicyEdit(const PolicyEditText& text, std::string_view org,
                                          std::string_view field, const PolicyDocument& document) {
  QP_ASSIGN_OR_RETURN(
      Edit edit, std::visit([&](const auto& each) { return Read(each, field, document); }, text));
  return PolicyEdit{std::move(edit), std::string(org), std::string(field)};
}

absl::StatusOr<EditedPolicy> ApplyEdits(const std::vector<PolicyEditText>& edits,
                                        std::string_view org, std::string_view field,
                                        PolicyDocument document) {
  if (edits.empty() || edits.size() > kMaxPolicyEdits) {
    return FieldError({{std::string(field), absl::StrCat("must have from 1 to ", kMaxPolicyEdits,
                                                         " edits, not ", edits.size())}});
  }
  EditedPolicy edited{std::move(document), {}};
  for (size_t i = 0; i < edits.size(); ++i) {
    const std::string place =
        absl::StrCat(AbslView(field), "[", i, "].", AbslView(NameOf(edits[i])));
    QP_ASSIGN_OR_RETURN(const PolicyEdit edit,
                        ReadPolicyEdit(edits[i], org, place, edited.document));
    QP_RETURN_IF_ERROR(ApplyEdit(edit, &edited.document, &edited.applied.emplace_back()));
  }
  return edited;
}

}  // namespace quotaplane
