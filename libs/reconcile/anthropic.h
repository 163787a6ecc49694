// Exports of Anthropic's Admin API: the answers of /v1/organizations/usage_report/messages and of
// /v1/organizations/cost_report, one page per file.
//
// Usage: data[] are buckets of time {starting_at, ending_at, results[]}, and a result has
// uncached_input_tokens, cache_read_input_tokens, cache_creation {ephemeral_5m_input_tokens,
// ephemeral_1h_input_tokens}, output_tokens; input EXCLUDES what was read from, or written to, the
// cache, as in the ledger. Cost: a result has `amount`, a decimal in the lowest unit of `currency`
// (US cents: "123.45" is 1.2345 USD), and, where it was grouped by description, model, token_type
// and cost_type. https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/reconcile/provider_report.h"

namespace quotaplane::reconcile {

// INVALID_ARGUMENT names the place in the file, and what was expected there.
absl::StatusOr<ProviderReport> ReadAnthropic(std::string_view json);

}  // namespace quotaplane::reconcile
