// Exports of OpenAI's Admin API: the answers of /v1/organization/usage/completions and of
// /v1/organization/costs, one page per file.
//
// Usage: data[] are buckets of time {start_time, end_time, results[]}, and a result has
// input_tokens, which INCLUDE input_cached_tokens (and input_cache_write_tokens, where there are
// any): they are taken out here, since the ledger counts each token once. Cost: a result has amount
// {value, currency} in USD and, where it was grouped, line_item: "gpt-4o-2024-08-06, cached input".
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/reconcile/provider_report.h"

namespace quotaplane::reconcile {

// INVALID_ARGUMENT names the place in the file, and what was expected there.
absl::StatusOr<ProviderReport> ReadOpenAi(std::string_view json);

}  // namespace quotaplane::reconcile
