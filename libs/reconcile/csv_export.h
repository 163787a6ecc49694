// Any CSV with a header, by a mapping of its columns.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/reconcile/provider_report.h"

namespace quotaplane::reconcile {

// What a column is -> its title in the header. What there is:
//   day                a UTC day or time (amounts.h); required
//   model, tier        texts; without model the file is about all models together
//   cost, cost_cents   money in USD, or in US cents
//   input_with_cached  input tokens that include those of cache_read, cache_write_5m and
//                      cache_write_1h of the same line; they are taken out
//   any other name     a meter of the ledger: input, cache_read, output, …
using CsvMapping = std::map<std::string, std::string>;

// From "day=Usage date", one each. INVALID_ARGUMENT: not of that form, or one thing twice.
absl::StatusOr<CsvMapping> ParseMapping(const std::vector<std::string>& pairs);

// An empty mapping takes every column of the header for what its title says. Empty cells are 0, or
// no cost. INVALID_ARGUMENT: "line 3: column \"Cost\" is …".
absl::StatusOr<ProviderReport> ReadCsv(std::string_view text, const CsvMapping& mapping);

}  // namespace quotaplane::reconcile
