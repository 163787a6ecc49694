#include "libs/policy/policy_edit.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/base/did_you_mean.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/policy/policy_check.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {
namespace {

// Of limits that an error names.
constexpr size_t kMostIds = 20;

const std::string* ValueOf(const ScopeValues& scope, const Dimension& dimension) {
  const auto found = std::find_if(scope.begin(), scope.end(),
                                  [&](const auto& pair) { return pair.first == dimension; });
  return found == scope.end() ? nullptr : &found->second;
}

bool Has(const std::vector<Dimension>& per, const Dimension& dimension) {
  return std::find(per.begin(), per.end(), dimension) != per.end();
}

bool Takes(const Condition& condition, std::string_view value) {
  return std::any_of(condition.any_of.begin(), condition.any_of.end(),
                     [&](const Glob& glob) { return glob.Matches(value); });
}

// Whether the limit applies to requests with this value of the dimension and no other.
bool Pins(const Limit& limit, const Dimension& dimension, std::string_view value) {
  return std::any_of(limit.when.begin(), limit.when.end(), [&](const Condition& condition) {
    return condition.dimension == dimension &&
           std::all_of(condition.any_of.begin(), condition.any_of.end(),
                       [&](const Glob& glob) { return glob.literal() && glob.pattern() == value; });
  });
}

bool CountsExactly(const Limit& limit, const ScopeValues& scope, std::string_view org) {
  if (!limit.tier.empty()) return false;
  for (const Dimension& dimension : limit.per) {
    if (ValueOf(scope, dimension) == nullptr) return false;
  }
  for (const Condition& condition : limit.when) {
    if (condition.dimension.kind == DimensionKind::kOrg) {
      if (!Takes(condition, org)) return false;
      continue;
    }
    const std::string* value = ValueOf(scope, condition.dimension);
    if (value == nullptr || !Takes(condition, *value)) return false;
  }
  return std::all_of(scope.begin(), scope.end(), [&](const auto& pair) {
    return Has(limit.per, pair.first) || Pins(limit, pair.first, pair.second);
  });
}

bool SameWindow(const WindowSpec& a, const WindowSpec& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == WindowKind::kCalendar) return a.unit == b.unit;
  return a.kind != WindowKind::kSliding || a.length_us == b.length_us;
}

bool NamesOrg(const Override& entry) {
  return std::any_of(entry.match.begin(), entry.match.end(),
                     [](const auto& pair) { return pair.first.kind == DimensionKind::kOrg; });
}

Override* FindOverride(Limit* limit, const ScopeValues& match) {
  const auto found = std::find_if(limit->overrides.begin(), limit->overrides.end(),
                                  [&](const Override& entry) { return entry.match == match; });
  return found == limit->overrides.end() ? nullptr : &*found;
}

// The limit counts `scope`, or scopes within it. What decides for all of them gets the amount: an
// override of just that, one that names the org as well (which outranks the other), or the limit
// itself. A new override names the org where others do: so it ties with none of another org.
void SetIn(Limit* limit, const ScopeValues& scope, const std::string& org, int64_t amount) {
  ScopeValues match;
  for (const auto& pair : scope) {
    if (Has(limit->per, pair.first)) match.push_back(pair);
  }
  ScopeValues with_org = match;
  with_org.insert(with_org.begin(), {Dimension{DimensionKind::kOrg, ""}, org});
  Override* found = FindOverride(limit, with_org);
  if (found == nullptr && !match.empty()) found = FindOverride(limit, match);
  if (found != nullptr) {
    found->amount = amount;
    return;
  }
  const bool only_scope =
      std::all_of(limit->per.begin(), limit->per.end(), [&](const Dimension& d) {
        const std::string* value = ValueOf(scope, d);
        return value != nullptr && Pins(*limit, d, *value);
      });
  if (match.empty() || (only_scope && limit->overrides.empty())) {
    limit->amount = amount;
    return;
  }
  const bool others_name_org =
      std::any_of(limit->overrides.begin(), limit->overrides.end(), NamesOrg);
  Override entry;
  entry.match = others_name_org ? std::move(with_org) : std::move(match);
  entry.amount = amount;
  entry.source = absl::StrCat("limits[", limit->id, "].overrides[", MatchName(entry.match), "]");
  limit->overrides.push_back(std::move(entry));
}

absl::StatusOr<Limit*> FindLimit(const std::string& id, PolicyDocument* document) {
  for (Limit& limit : document->limits) {
    if (limit.id == id) return &limit;
  }
  std::vector<std::string_view> known;
  for (const Limit& limit : document->limits) known.push_back(limit.id);
  return absl::NotFoundError(
      absl::StrCat("the policy has no limit ", QuoteForMessage(id), DidYouMean(id, known)));
}

// "team-search-month-usd", cut and numbered as ids need it.
std::string NewId(const Limit& limit, const ScopeValues& scope, const PolicyDocument& document) {
  const auto taken = [&](const std::string& id) {
    const auto same = [&](const auto& entry) { return entry.id == id; };
    return std::any_of(document.limits.begin(), document.limits.end(), same) ||
           std::any_of(document.model_rules.begin(), document.model_rules.end(), same);
  };
  std::string who;
  for (const auto& [dimension, value] : scope) {
    const std::string name =
        dimension.kind == DimensionKind::kLabel ? dimension.label : dimension.ToString();
    for (const char c : absl::AsciiStrToLower(absl::StrCat(name, "-", value, "-"))) {
      const bool fit = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_';
      if (fit) {
        who.push_back(c);
      } else if (!who.empty() && who.back() != '-') {
        who.push_back('-');
      }
    }
  }
  if (who.empty()) who = "org-";
  std::string what = limit.unit.ToString();
  if (limit.unit.kind != UnitKind::kConcurrency) {
    what = absl::StrCat(WindowText(limit.window), "-", what);
  }
  // What it counts is worth more than whom, where both do not fit.
  for (int number = 1;; ++number) {
    const std::string end = number == 1 ? "" : absl::StrCat("-", number);
    const size_t room = kMaxPolicyIdBytes - end.size();
    const std::string kept = what.substr(0, room);
    std::string lead = who.substr(0, room - kept.size());
    if (!lead.empty()) lead.back() = '-';
    if (lead == "-") lead.clear();
    std::string id = absl::StrCat(lead, kept, end);
    if (!taken(id)) return id;
  }
}

class Setter {
 public:
  Setter(const SetAmount& set, const PolicyEdit& edit, PolicyDocument* document)
      : set_(set), org_(edit.org), field_(edit.field), document_(*document) {}

  absl::Status Apply(AppliedEdit* applied) {
    if (set_.amount < 0 || set_.amount > kMaxAmount) {
      Refuse("amount", absl::StrCat("must be from 0 to ", kMaxAmount, ", not ", set_.amount));
    }
    for (const auto& [dimension, value] : set_.scope) {
      if (dimension.kind == DimensionKind::kOrg) {
        RefuseScope(dimension, "is part of every scope; leave it out");
      }
    }
    CheckWindow();
    return set_.limit_id.empty() ? Find(applied) : SetNamed(applied);
  }

 private:
  void Refuse(std::string_view part, std::string what) {
    violations_.push_back({absl::StrCat(field_, ".", AbslView(part)), std::move(what)});
  }
  void RefuseScope(const Dimension& dimension, std::string what) {
    Refuse(absl::StrCat("scope[\"", dimension.ToString(), "\"]"), std::move(what));
  }
  absl::Status Refused() const {
    return violations_.empty() ? absl::OkStatus() : FieldError(violations_);
  }

  void CheckWindow() {
    const bool calendar = set_.window.has_value() && set_.window->kind == WindowKind::kCalendar;
    if (set_.time_zone.has_value() && set_.window.has_value() && !calendar) {
      Refuse("time_zone", "is for calendar windows (day to year) only; leave it empty");
    }
    if (!set_.unit.has_value() || set_.unit->kind != UnitKind::kConcurrency) return;
    if (set_.window.has_value() && set_.window->kind != WindowKind::kLifetime) {
      Refuse("window", "concurrency counts what is under way, so it has no window; leave it empty");
    }
  }

  absl::Status SetNamed(AppliedEdit* applied) {
    QP_ASSIGN_OR_RETURN(Limit * limit, FindLimit(set_.limit_id, &document_));
    if (set_.unit.has_value() && *set_.unit != limit->unit) {
      Refuse("unit", absl::StrCat("limit ", limit->id, " counts ", limit->unit.ToString(),
                                  "; write that, or leave it empty"));
    }
    if (set_.window.has_value() && !SameWindow(*set_.window, limit->window)) {
      Refuse("window", absl::StrCat("limit ", limit->id, " counts over ", limit->window.ToString(),
                                    "; write that, or leave it empty"));
    }
    if (set_.time_zone.has_value() && !InZone(*limit)) {
      Refuse("time_zone", absl::StrCat("limit ", limit->id, " counts over ",
                                       limit->window.ToString(), "; leave it empty"));
    }
    for (const auto& [dimension, value] : set_.scope) CheckScopeIn(*limit, dimension, value);
    QP_RETURN_IF_ERROR(Refused());
    SetIn(limit, set_.scope, org_, set_.amount);
    *applied = {limit->id, false};
    return absl::OkStatus();
  }

  void CheckScopeIn(const Limit& limit, const Dimension& dimension, const std::string& value) {
    if (!Has(limit.per, dimension) && !Pins(limit, dimension, value)) {
      return RefuseScope(dimension, absl::StrCat("is not in the `per` of limit ", limit.id,
                                                 ", which is ", TextOf(limit.per)));
    }
    for (const Condition& condition : limit.when) {
      if (condition.dimension != dimension || Takes(condition, value)) continue;
      RefuseScope(dimension,
                  absl::StrCat("limit ", limit.id, " does not apply to ", QuoteForMessage(value),
                               ": its `when` takes ", TextOf(condition.any_of)));
    }
  }

  bool InZone(const Limit& limit) const {
    return limit.window.kind == WindowKind::kCalendar &&
           limit.window.zone.name() == set_.time_zone->name();
  }

  absl::Status Find(AppliedEdit* applied) {
    if (!set_.unit.has_value()) Refuse("unit", "is needed where no limit is named");
    const bool concurrency = set_.unit.has_value() && set_.unit->kind == UnitKind::kConcurrency;
    if (!set_.window.has_value() && !concurrency) {
      Refuse("window", "is needed where no limit is named");
    }
    QP_RETURN_IF_ERROR(Refused());
    const WindowSpec window = set_.window.value_or(WindowSpec());
    std::vector<Limit*> found;
    for (Limit& limit : document_.limits) {
      if (limit.unit != *set_.unit || !SameWindow(limit.window, window)) continue;
      if (set_.time_zone.has_value() && !InZone(limit)) continue;
      if (CountsExactly(limit, set_.scope, org_)) found.push_back(&limit);
    }
    if (found.empty()) return MakeLimit(window, applied);
    if (found.size() > 1) {
      if (found.size() > kMostIds) found.resize(kMostIds);
      const auto id = [](std::string* out, const Limit* limit) { out->append(limit->id); };
      Refuse("limit_id", absl::StrCat("is needed: more than one limit counts that: ",
                                      absl::StrJoin(found, ", ", id)));
      return Refused();
    }
    SetIn(found[0], set_.scope, org_, set_.amount);
    *applied = {found[0]->id, false};
    return absl::OkStatus();
  }

  absl::Status MakeLimit(const WindowSpec& window, AppliedEdit* applied) {
    Limit limit;
    for (const auto& [dimension, value] : set_.scope) {
      Glob glob(value);
      if (!glob.literal()) {
        RefuseScope(
            dimension,
            "has * or ?, which the `when` of a new limit would take for a glob; put a limit "
            "with this dimension in its `per`, and set the amount there");
      }
      limit.per.push_back(dimension);
      limit.when.push_back({dimension, {std::move(glob)}});
    }
    if (!set_.on_outage.has_value()) {
      Refuse("on_outage", absl::StrCat("is needed: no limit counts ", set_.unit->ToString(),
                                       " of just that scope over that window, so a new one has to "
                                       "be made; say allow or deny"));
    }
    QP_RETURN_IF_ERROR(Refused());
    limit.unit = *set_.unit;
    limit.window = window;
    limit.window.zone = set_.time_zone.value_or(absl::UTCTimeZone());
    limit.window.starts_on = 1;
    limit.amount = set_.amount;
    limit.on_outage = *set_.on_outage;
    limit.id = NewId(limit, set_.scope, document_);
    limit.source = absl::StrCat("limits[", limit.id, "]");
    *applied = {limit.id, true};
    document_.limits.push_back(std::move(limit));
    return absl::OkStatus();
  }

  const SetAmount& set_;
  const std::string& org_;
  const std::string& field_;
  PolicyDocument& document_;
  std::vector<FieldViolation> violations_;
};

absl::Status Apply(const SetAmount& set, const PolicyEdit& edit, PolicyDocument* document,
                   AppliedEdit* applied) {
  return Setter(set, edit, document).Apply(applied);
}

absl::Status Apply(const RemoveOverride& remove, const PolicyEdit&, PolicyDocument* document,
                   AppliedEdit* applied) {
  QP_ASSIGN_OR_RETURN(Limit * limit, FindLimit(remove.limit_id, document));
  const Override* found = FindOverride(limit, remove.match);
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("limit ", limit->id, " has no override ", MatchName(remove.match)));
  }
  limit->overrides.erase(limit->overrides.begin() + (found - limit->overrides.data()));
  *applied = {limit->id, false};
  return absl::OkStatus();
}

absl::Status Apply(const PutLimit& put, const PolicyEdit&, PolicyDocument* document,
                   AppliedEdit* applied) {
  const auto found = std::find_if(document->limits.begin(), document->limits.end(),
                                  [&](const Limit& limit) { return limit.id == put.limit.id; });
  *applied = {put.limit.id, found == document->limits.end()};
  if (applied->new_limit) {
    document->limits.push_back(put.limit);
  } else {
    *found = put.limit;
  }
  return absl::OkStatus();
}

absl::Status Apply(const RemoveLimit& remove, const PolicyEdit&, PolicyDocument* document,
                   AppliedEdit* applied) {
  QP_ASSIGN_OR_RETURN(const Limit* limit, FindLimit(remove.limit_id, document));
  document->limits.erase(document->limits.begin() + (limit - document->limits.data()));
  *applied = {remove.limit_id, false};
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyEdit(const PolicyEdit& edit, PolicyDocument* document, AppliedEdit* applied) {
  return std::visit([&](const auto& each) { return Apply(each, edit, document, applied); },
                    edit.edit);
}

}  // namespace quotaplane
