#include "services/alerts/limits_now.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/admission/thresholds.h"
#include "libs/alert_sources/amount_words.h"
#include "libs/alert_sources/rule_signal.h"
#include "libs/base/absl_view.h"

namespace quotaplane {

void LimitsNow::SetTime(const PolicySet& policies, int64_t now_us) {
  policies_ = &policies;
  now_us_ = now_us;
  for (auto it = known_.begin(); it != known_.end();) {
    if (it->second.asked) {
      it->second.asked = false;
      ++it;
    } else {
      it = known_.erase(it);
    }
  }
}

LimitNow LimitsNow::Of(const Signal& signal, std::string_view limit_id, std::string_view counter) {
  const OrgPolicy& policy = policies_->For(signal.org);
  Known& known = known_.try_emplace(policy.policy.get(), policy.policy).first->second;
  known.asked = true;
  const std::optional<AppliedLimit> applied =
      known.limits.Find(limit_id, SubjectOf(signal.dimensions));
  LimitNow now;
  if (!applied.has_value()) {
    // One that is there and lacks a dimension of the scope counts over others now.
    now.gone = absl::StrCat("limit ", AbslView(limit_id), " was removed or counts otherwise");
  } else if (absl::BytesToHexString(AbslView(applied->counter.view())) != AbslView(counter)) {
    now.gone = absl::StrCat("limit ", AbslView(limit_id), " counts otherwise now");
  } else {
    now.limit = applied->limit;
    now.amount = AmountAt(policy, *applied, now_us_);
  }
  return now;
}

std::string AmountNowWords(const LimitNow& now) {
  return absl::StrCat("its amount is ", AmountWords(now.amount, now.limit->unit.ToString()),
                      " now");
}

}  // namespace quotaplane
