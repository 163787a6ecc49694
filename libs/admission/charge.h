// What a Commit or Record charges: attempts -> ledger lines -> amounts by counter.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/admission.h"
#include "libs/admission/demand.h"

namespace quotaplane {

// Prices every attempt by itself. A FieldError on attempts[i].usage, or on attempts for their sum,
// if it costs too much to count.
absl::StatusOr<ChargeRecord> BuildCharge(const Snapshot& snapshot, const CommitArgs& args,
                                         int64_t at_us);

// What the record adds to which counters, by the org's policy of today. Each attempt is charged
// where its model's subject matches; all of them together are one request to each counter they
// touch. `model` is the subject's: it stands for the request where there was no attempt with usage.
std::vector<CounterUse> ChargesOf(const Policy& policy, const ChargeRecord& record,
                                  std::string_view model);

// The same, each use with the thresholds of its limits, by the exceptions that hold at `now_us`.
std::vector<CounterUse> ChargesOf(const OrgPolicy& policy, const ChargeRecord& record,
                                  std::string_view model, int64_t now_us);
// For these arguments, which limits have the threshold on the counter: the bytes of
// DescribeThreshold.
std::string DescribeCharge(const OrgPolicy& policy, const ChargeRecord& record,
                           std::string_view model, int64_t now_us, const Digest& counter,
                           int64_t threshold);

// What a correction adds to which counters: its lines say what they add, and may be negative.
// Requests are not counted again. Uses that add nothing are left out.
std::vector<CounterUse> CorrectionsOf(const Policy& policy, const ChargeRecord& correction);

// All five token meters of all lines, saturating.
int64_t ChargedTokens(const ChargeRecord& record);
bool HasUnpriced(const ChargeRecord& record);

}  // namespace quotaplane
