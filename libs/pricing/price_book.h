// The price book: what a model's meters cost, from which day on. Immutable; share it between
// threads, swap it whole.
//
// How a call is priced:
// - The entry of the model with the latest `from` that is not after the instant. An alias stands
// for its model on every
//   day, whichever of the model's entries names it: a new price does not need to repeat the
//   aliases.
// - Each meter's price is the first one found in this order:
//     1. long context, the highest threshold that the prompt is larger than: the call's tier, then
//     standard;
//     2. the same for the next lower threshold passed, and so on;
//     3. the entry's ordinary prices: the call's tier, then standard.
//   The prompt is input + cache_read + cache_write_5m + cache_write_1h, and what it decides holds
//   for the whole call, output included. A batch call with a long prompt, where the book has
//   long-context prices for standard only, so pays those: never less than it should.
// - A token meter found nowhere is not free: cache_read and cache_write_5m take the price of input,
// cache_write_1h that
//   of cache_write_5m. An `output` or `input` without a price is 0 (embedding models have no output
//   price), and so is a custom meter the entry does not name.
// - Each line (meter) rounds up to the next nano-USD.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

namespace quotaplane {

enum class ServiceTier { kStandard, kBatch, kPriority, kFlex };

// The token meters.
inline constexpr std::string_view kMeterInput = "input";
inline constexpr std::string_view kMeterCacheRead = "cache_read";
inline constexpr std::string_view kMeterCacheWrite5m = "cache_write_5m";
inline constexpr std::string_view kMeterCacheWrite1h = "cache_write_1h";
inline constexpr std::string_view kMeterOutput = "output";

bool IsTokenMeter(std::string_view meter);
// What is wrong with a meter's name in a price book; empty if nothing is. It must match
// [a-z][a-z0-9_]{0,62} and not be a unit of limits that is easily taken for a meter: `input_tokens`
// would never be charged, since the meter is `input`.
std::string MeterNameProblem(std::string_view meter);
// Names of models, aliases and versions: 1 to 128 bytes without control characters.
bool IsPriceBookName(std::string_view name);

// Past this no counter is exact (2^53 - 1: Redis scripts count in doubles).
inline constexpr int64_t kMaxUnits = (int64_t{1} << 53) - 1;
inline constexpr int64_t kMaxCostNanoUsd = (int64_t{1} << 53) - 1;

// Meter -> units, sorted by meter, unique; units 0 to kMaxUnits.
using Usage = std::vector<std::pair<std::string, int64_t>>;
// Meter -> nano-USD per million units, >= 0.
using MeterPrices = std::map<std::string, int64_t, std::less<>>;

struct LongContextPrices {
  int64_t above_prompt_tokens = 0;  // > 0
  std::map<ServiceTier, MeterPrices> by_tier;

  friend bool operator==(const LongContextPrices&, const LongContextPrices&) = default;
};

struct PriceEntry {
  std::string model;
  std::vector<std::string> aliases;
  int64_t from_us = 0;                          // Unix microseconds, midnight UTC of the `from` day
  std::map<ServiceTier, MeterPrices> by_tier;   // kStandard always present and not empty
  std::vector<LongContextPrices> long_context;  // ascending thresholds
  std::string source;                           // "prices.yaml:12"; where messages point to
};

struct PricedLine {
  std::string meter;
  int64_t quantity = 0;
  int64_t unit_price = 0;  // nano-USD per million units
  int64_t cost_nano_usd = 0;
};

struct PricedUsage {
  std::vector<PricedLine> lines;
  int64_t cost_nano_usd = 0;
};

class PriceBook {
 public:
  // INVALID_ARGUMENT, one problem a line, at most 50: names that are empty, over 128 bytes or not
  // printable; two entries of one model and day; an alias of two models, or that is itself a model;
  // no standard prices; negative prices; thresholds that do not ascend; a `from` that is not
  // midnight UTC on or after 1970-01-01.
  static absl::StatusOr<std::shared_ptr<const PriceBook>> Build(std::string version,
                                                                std::vector<PriceEntry> entries);

  const std::string& version() const { return version_; }
  const std::vector<PriceEntry>& entries() const { return entries_; }

  // The entry in force for `model` (a name or an alias) at `at_us`; null if the book does not know
  // the model or not yet. Valid as long as the book.
  const PriceEntry* Find(std::string_view model, int64_t at_us) const;

 private:
  PriceBook() = default;

  std::string version_;
  std::vector<PriceEntry> entries_;
  // By model: indexes into entries_, latest `from` first.
  std::vector<std::vector<uint32_t>> models_;
  // Name or alias -> index into models_.
  absl::flat_hash_map<std::string, uint32_t> by_name_;
};

// OUT_OF_RANGE, naming the meter, if units lie outside 0 to kMaxUnits or a line or the sum is above
// kMaxCostNanoUsd. Lines stand in the order of `usage`; those with quantity 0 are left out.
// Thread-safe.
absl::StatusOr<PricedUsage> PriceUsage(const PriceEntry& entry, ServiceTier tier,
                                       const Usage& usage);

// True if no meter of the entry costs anything, in any tier or at any length.
bool IsFree(const PriceEntry& entry);

}  // namespace quotaplane
