// What `quotactl report reconcile` is given, read and checked: the provider's files, and the flags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reconcile/provider_report.h"
#include "libs/reconcile/reconcile.h"
#include "quotaplane/v1/reports.pb.h"

namespace quotaplane::quotactl {

// All files together. `provider` is anthropic, openai or csv; `map` is for csv. INVALID_ARGUMENT
// "FILE: what is wrong, and where", also where a page is missing; NOT_FOUND: cannot be read.
absl::StatusOr<reconcile::ProviderReport> ReadProviderFiles(const std::vector<std::string>& files,
                                                            const std::string& provider,
                                                            const std::vector<std::string>& map);

// "0.01" (USD of a day and model) or "0.5%". INVALID_ARGUMENT names the flag.
absl::StatusOr<reconcile::Tolerance> ParseTolerance(const std::string& text);

// Globs of the models that a provider serves under its own name.
std::vector<std::string> ModelsOf(const std::string& provider);

// Days of a range of time. INVALID_ARGUMENT: not from midnight to midnight.
absl::StatusOr<std::pair<absl::CivilDay, absl::CivilDay>> WholeDays(absl::Time from, absl::Time to);

// Sums by model and meter, and by day.
std::vector<reconcile::LedgerRow> LedgerRows(const v1::QueryUsageResponse& report);

}  // namespace quotaplane::quotactl
