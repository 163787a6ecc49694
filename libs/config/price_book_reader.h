// A price book in YAML <-> PriceBook. docs/prices.md describes the format.
//
//   version: "2026-11-01"
//   models:
//     - model: claude-sonnet-4-5
//       aliases: [claude-sonnet-4-5-20250929]
//       from: 2025-09-29
//       usd_per_million: {input: 3, cache_read: 0.30, cache_write_5m: 3.75, cache_write_1h: 6,
//       output: 15} usd_per_unit: {web_search_requests: 0.01}            # custom meters batch:
//       {usd_per_million: {input: 1.5, output: 7.5}}  # also priority, flex long_context:
//         - above_prompt_tokens: 200000
//           usd_per_million: {input: 6, cache_read: 0.60, output: 22.5}
//           batch: {usd_per_million: {input: 3, output: 11.25}}
//
// The five token meters, and custom meters whose name ends in `_tokens`, are priced per million;
// every other custom meter per unit. Each in the other place is an error, so that a slip of a
// million, or of a name, is found when the book is read. Decimals are exact: what does not fit
// nano-USD per million units is an error. Errors and bounds as in policy_reader.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

// `name` stands for the file in messages.
absl::StatusOr<std::shared_ptr<const PriceBook>> ParsePriceBook(std::string_view text,
                                                                std::string_view name);
// NOT_FOUND or PERMISSION_DENIED name the path.
absl::StatusOr<std::shared_ptr<const PriceBook>> LoadPriceBookFile(const std::string& path);
// The book that `serve` uses where none is given: public list prices, written by hand
// (libs/config/default_prices.yaml, embedded at build time).
std::shared_ptr<const PriceBook> DefaultPriceBook();
// The document of a book, such that ParsePriceBook of it gives the same book (but for `source`).
std::string WritePriceBook(const PriceBook& book);

}  // namespace quotaplane
