// The answers of admission, as outcomes that scenarios compare with.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/admission.h"
#include "tests/scenarios/outcome.h"

namespace quotaplane::scenarios {

// Of Reserve and Check.
Outcome OutcomeOf(const ReserveAnswer& answer);
Outcome OutcomeOf(const ExtendAnswer& answer);
Outcome OutcomeOf(const CommitAnswer& answer);
Outcome OutcomeOf(const ReleaseAnswer& answer);
Outcome OutcomeOf(const std::vector<LimitUsage>& usage);
// The entries of a ledger: how many, and what they cost together.
Outcome OutcomeOf(const std::vector<ChargeRecord>& ledger);
Outcome OutcomeOf(const absl::Status& error);

template <typename T>
Outcome OutcomeOf(const absl::StatusOr<T>& answer) {
  return answer.ok() ? OutcomeOf(*answer) : OutcomeOf(answer.status());
}

}  // namespace quotaplane::scenarios
