#include "libs/control/effective_limits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"

namespace quotaplane {
namespace {

bool Matches(const Override& one, const Subject& subject) {
  return std::all_of(one.match.begin(), one.match.end(), [&](const auto& wanted) {
    return wanted.first.ValueIn(subject, subject.model) == wanted.second;
  });
}

// The one that names the most dimensions; there are no two of equal rank (policy.h).
const Override* OverrideFor(const Limit& limit, const Subject& subject) {
  const Override* best = nullptr;
  for (const Override& one : limit.overrides) {
    if (best != nullptr && one.match.size() <= best->match.size()) continue;
    if (Matches(one, subject)) best = &one;
  }
  return best;
}

std::string MatchWords(const Override& one) {
  return absl::StrCat("{",
                      absl::StrJoin(one.match, ", ",
                                    [](std::string* out, const auto& match) {
                                      absl::StrAppend(out, match.first.ToString(), "=",
                                                      match.second);
                                    }),
                      "}");
}

// An exception's scope has the dimensions of all its limits: of this one, only those of its `per`.
bool IsOfScope(const Exception& exception, const Limit& limit, const Subject& subject) {
  return std::all_of(limit.per.begin(), limit.per.end(), [&](const Dimension& dimension) {
    const auto found = exception.spec.scope.find(dimension.ToString());
    return found != exception.spec.scope.end() &&
           found->second == dimension.ValueIn(subject, subject.model);
  });
}

bool Holds(const Exception& exception, int64_t now_us) {
  const std::optional<int64_t> from = exception.FromUs();
  return exception.state == ExceptionState::kActive ||
         (exception.state == ExceptionState::kScheduled && from.has_value() && *from <= now_us &&
          now_us < exception.spec.end_us);
}

void Raise(const Exception& exception, EffectiveLimit* limit) {
  for (const LimitRaise& raise : exception.spec.raises) {
    if (raise.limit_id != limit->limit->id || raise.amount <= limit->policy_amount) continue;
    const bool better = raise.amount > limit->amount ||
                        (raise.amount == limit->amount && exception.spec.end_us > limit->until_us);
    if (!better) continue;
    limit->amount = raise.amount;
    limit->until_us = exception.spec.end_us;
    limit->source = absl::StrCat("exception ", exception.id);
  }
}

void Lower(const Curb& throttle, EffectiveLimit* limit) {
  limit->amount = ThrottledAmount(limit->amount, throttle);
  absl::StrAppend(&limit->source, ", ", CurbDeedWords(throttle));
  // The amount is another one once either has ended.
  limit->until_us =
      limit->until_us == 0 ? throttle.until_us : std::min(limit->until_us, throttle.until_us);
}

EffectiveLimit Standing(const Limit& limit, const Subject& subject,
                        const std::vector<Exception>& exceptions, const Curbs& curbs,
                        int64_t now_us) {
  EffectiveLimit standing;
  standing.limit = &limit;
  standing.scope = ScopeString(limit, subject, subject.model);
  const Override* const own = OverrideFor(limit, subject);
  standing.policy_amount = own == nullptr ? limit.amount : own->amount;
  standing.amount = standing.policy_amount;
  standing.source = own == nullptr ? "limit" : absl::StrCat("override ", MatchWords(*own));
  for (const Exception& exception : exceptions) {
    if (Holds(exception, now_us) && IsOfScope(exception, limit, subject)) {
      Raise(exception, &standing);
    }
  }
  const Curb* const throttle = curbs.Throttle(limit, subject, subject.model, now_us);
  if (throttle != nullptr) Lower(*throttle, &standing);
  return standing;
}

// What `subject` names beside the org.
size_t CountNamed(const Subject& subject) {
  size_t named = subject.labels.size();
  for (const std::string* value :
       {&subject.team, &subject.project, &subject.user, &subject.api_key, &subject.model}) {
    if (!value->empty()) ++named;
  }
  return named;
}

}  // namespace

std::vector<EffectiveLimit> EffectiveLimits(const Policy& policy, const Subject& subject,
                                            const std::vector<Exception>& exceptions,
                                            const Curbs& curbs, int64_t now_us) {
  std::vector<AppliedLimit> applied;
  policy.Match(subject, subject.model, &applied);
  std::vector<EffectiveLimit> limits;
  limits.reserve(applied.size());
  for (const AppliedLimit& one : applied) {
    limits.push_back(Standing(*one.limit, subject, exceptions, curbs, now_us));
  }
  return limits;
}

absl::StatusOr<EffectiveLimit> EffectiveLimitOf(const Policy& policy, std::string_view limit_id,
                                                const Subject& subject,
                                                const std::vector<Exception>& exceptions,
                                                const Curbs& curbs, int64_t now_us) {
  const std::vector<Limit>& limits = policy.document().limits;
  const auto found = std::find_if(limits.begin(), limits.end(),
                                  [&](const Limit& limit) { return limit.id == limit_id; });
  if (found == limits.end()) {
    return absl::NotFoundError(absl::StrCat("the policy has no limit ", QuoteForMessage(limit_id)));
  }
  const bool whole = std::all_of(found->per.begin(), found->per.end(), [&](const Dimension& one) {
    return !one.ValueIn(subject, subject.model).empty();
  });
  if (!whole || CountNamed(subject) != found->per.size()) {
    const std::string per =
        absl::StrJoin(found->per, ", ",
                      [](std::string* out, const Dimension& one) { out->append(one.ToString()); });
    return FieldError({{"scope", absl::StrCat("must have ", per.empty() ? "nothing" : per,
                                              ": what the limit counts over")}});
  }
  return Standing(*found, subject, exceptions, curbs, now_us);
}

}  // namespace quotaplane
