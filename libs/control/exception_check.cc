#include "libs/control/exception_check.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/quote.h"
#include "libs/control/store_rules.h"

namespace quotaplane {
namespace {

const Limit* FindLimit(const Policy& policy, std::string_view id) {
  const std::vector<Limit>& limits = policy.document().limits;
  const auto limit =
      std::find_if(limits.begin(), limits.end(), [&](const Limit& each) { return each.id == id; });
  return limit == limits.end() ? nullptr : &*limit;
}

std::string RaiseField(const std::string& prefix, size_t index, std::string_view field) {
  return absl::StrCat(prefix, "raises[", index, "].", std::string(field));
}

void CheckRaises(const ExceptionSpec& spec, const std::string& prefix,
                 std::vector<FieldViolation>* wrong) {
  if (spec.raises.empty() || spec.raises.size() > kMaxLimitRaises) {
    wrong->push_back({prefix + "raises", absl::StrCat("must be 1 to ", kMaxLimitRaises, ", not ",
                                                      spec.raises.size())});
    return;
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < spec.raises.size(); ++i) {
    const LimitRaise& raise = spec.raises[i];
    RequireValue(RaiseField(prefix, i, "limit_id"), raise.limit_id, wrong);
    if (!seen.insert(raise.limit_id).second) {
      wrong->push_back({RaiseField(prefix, i, "limit_id"),
                        absl::StrCat("names ", QuoteForMessage(raise.limit_id), " once more")});
    }
    if (raise.amount < 1 || raise.amount > kMaxAmount) {
      wrong->push_back({RaiseField(prefix, i, "amount"),
                        absl::StrCat("must be from 1 to ", kMaxAmount, ", not ", raise.amount)});
    }
  }
}

void CheckTimes(const ExceptionSpec& spec, int64_t now_us, const std::string& prefix,
                std::vector<FieldViolation>* wrong) {
  const std::string end = prefix + "end_time";
  if (spec.end_us <= now_us) {
    wrong->push_back({end, absl::StrCat("must be after now, ", FormatUtc(now_us))});
  } else if (spec.end_us - now_us > kMaxExceptionUs) {
    wrong->push_back({end, "must be at most 366 days ahead"});
  } else if (spec.start_us.has_value() && spec.end_us <= *spec.start_us) {
    wrong->push_back({end, "must be after the start"});
  }
  if (spec.start_us.has_value() && *spec.start_us < 0) {
    wrong->push_back({prefix + "start_time", "must not be before 1970"});
  }
}

}  // namespace

int64_t AmountOf(const Limit& limit, std::string_view org,
                 const std::map<std::string, std::string>& scope) {
  const Override* best = nullptr;
  for (const Override& each : limit.overrides) {
    const bool matches =
        std::all_of(each.match.begin(), each.match.end(), [&](const auto& dimension_value) {
          const auto& [dimension, value] = dimension_value;
          if (dimension.kind == DimensionKind::kOrg) return value == org;
          const auto given = scope.find(dimension.ToString());
          return given != scope.end() && given->second == value;
        });
    if (matches && (best == nullptr || each.match.size() > best->match.size())) best = &each;
  }
  return best == nullptr ? limit.amount : best->amount;
}

void CheckExceptionSpec(const ExceptionSpec& spec, int64_t now_us, const std::string& prefix,
                        std::vector<FieldViolation>* wrong) {
  for (const auto& [name, value] : spec.scope) {
    const std::string field = absl::StrCat(prefix, "scope[", QuoteForMessage(name), "]");
    const absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (!dimension.ok()) {
      wrong->push_back({field, std::string(dimension.status().message())});
    } else if (dimension->kind == DimensionKind::kOrg) {
      wrong->push_back({field, "is the org's, which is known"});
    } else {
      RequireValue(field, value, wrong);
    }
  }
  CheckRaises(spec, prefix, wrong);
  CheckTimes(spec, now_us, prefix, wrong);
  RequireReason(prefix + "reason", spec.reason, wrong);
}

absl::Status CheckAgainstPolicy(const Policy& policy, std::string_view org, int64_t now_us,
                                ExceptionSpec* spec) {
  std::vector<FieldViolation> wrong;
  CheckExceptionSpec(*spec, now_us, "", &wrong);
  std::set<std::string> needed;
  bool all_known = true;
  for (size_t i = 0; i < std::min(spec->raises.size(), kMaxLimitRaises); ++i) {
    LimitRaise& raise = spec->raises[i];
    const Limit* limit = FindLimit(policy, raise.limit_id);
    if (limit == nullptr) {
      all_known = false;
      wrong.push_back(
          {RaiseField("", i, "limit_id"),
           absl::StrCat("the policy in force has no limit ", QuoteForMessage(raise.limit_id))});
      continue;
    }
    raise.per.clear();
    for (const Dimension& dimension : limit->per) raise.per.push_back(dimension.ToString());
    std::sort(raise.per.begin(), raise.per.end());
    needed.insert(raise.per.begin(), raise.per.end());
    const int64_t now = AmountOf(*limit, org, spec->scope);
    if (raise.amount <= now) {
      wrong.push_back(
          {RaiseField("", i, "amount"),
           absl::StrCat("must be more than the ", now, " that the policy gives already")});
    }
  }
  for (const std::string& name : needed) {
    if (spec->scope.contains(name)) continue;
    wrong.push_back(
        {"scope", absl::StrCat("needs a value for ", name, ", which the limits count by")});
  }
  for (const auto& [name, value] : spec->scope) {
    if (!all_known || needed.contains(name)) continue;
    wrong.push_back({absl::StrCat("scope[", QuoteForMessage(name), "]"),
                     absl::StrCat("none of the limits counts by it; they count by ",
                                  needed.empty() ? "the org alone" : absl::StrJoin(needed, ", "))});
  }
  return wrong.empty() ? absl::OkStatus() : FieldError(wrong);
}

}  // namespace quotaplane
