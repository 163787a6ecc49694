// WritePriceBook: the inverse of the reader.
#include <array>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "libs/base/absl_view.h"
#include "libs/config/price_book_reader.h"
#include "libs/money/decimal.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

// Names have no control characters, so nothing else needs an escape.
std::string Quoted(const std::string& name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

// A custom meter may be called what YAML takes for null or a boolean.
std::string Key(const std::string& meter) {
  for (const char* word : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (meter == word) return absl::StrCat("\"", meter, "\"");
  }
  return meter;
}

// "usd_per_million: {…}" and "usd_per_unit: {…}", whichever there is.
std::vector<std::string> PriceLines(const MeterPrices& prices) {
  std::vector<std::string> per_million, per_unit;
  const auto add = [](const std::string& meter, int64_t price, int places,
                      std::vector<std::string>& list) {
    list.push_back(absl::StrCat(Key(meter), ": ", FormatDecimal(price, places, 0)));
  };
  for (std::string_view meter :
       {kMeterInput, kMeterCacheRead, kMeterCacheWrite5m, kMeterCacheWrite1h, kMeterOutput}) {
    auto found = prices.find(meter);
    if (found != prices.end()) add(found->first, found->second, 9, per_million);
  }
  for (const auto& [meter, price] : prices) {
    if (IsTokenMeter(meter)) continue;
    const bool tokens = absl::EndsWith(meter, "_tokens");
    add(meter, price, tokens ? 9 : 15, tokens ? per_million : per_unit);
  }
  std::vector<std::string> lines;
  if (!per_million.empty()) {
    lines.push_back(absl::StrCat("usd_per_million: {", absl::StrJoin(per_million, ", "), "}"));
  }
  if (!per_unit.empty()) {
    lines.push_back(absl::StrCat("usd_per_unit: {", absl::StrJoin(per_unit, ", "), "}"));
  }
  return lines;
}

std::vector<std::string> TierLines(const std::map<ServiceTier, MeterPrices>& by_tier) {
  std::vector<std::string> lines;
  for (const auto& [tier, prices] : by_tier) {
    std::vector<std::string> own = PriceLines(prices);
    switch (tier) {
      case ServiceTier::kStandard:
        lines.insert(lines.end(), own.begin(), own.end());
        break;
      case ServiceTier::kBatch:
        lines.push_back(absl::StrCat("batch: {", absl::StrJoin(own, ", "), "}"));
        break;
      case ServiceTier::kPriority:
        lines.push_back(absl::StrCat("priority: {", absl::StrJoin(own, ", "), "}"));
        break;
      case ServiceTier::kFlex:
        lines.push_back(absl::StrCat("flex: {", absl::StrJoin(own, ", "), "}"));
        break;
    }
  }
  return lines;
}

}  // namespace

std::string WritePriceBook(const PriceBook& book) {
  std::string out = absl::StrCat("version: ", Quoted(book.version()), "\n");
  absl::StrAppend(&out, book.entries().empty() ? "models: []\n" : "models:\n");
  for (const PriceEntry& entry : book.entries()) {
    absl::StrAppend(&out, "  - model: ", Quoted(entry.model), "\n");
    if (!entry.aliases.empty()) {
      std::vector<std::string> quoted;
      for (const std::string& alias : entry.aliases) quoted.push_back(Quoted(alias));
      absl::StrAppend(&out, "    aliases: [", absl::StrJoin(quoted, ", "), "]\n");
    }
    const absl::CivilDay from = absl::CivilDay() + entry.from_us / kDayUs;
    absl::StrAppend(&out, "    from: ", absl::FormatCivilTime(from), "\n");
    for (const std::string& line : TierLines(entry.by_tier)) {
      absl::StrAppend(&out, "    ", line, "\n");
    }
    if (!entry.long_context.empty()) absl::StrAppend(&out, "    long_context:\n");
    for (const LongContextPrices& each : entry.long_context) {
      absl::StrAppend(&out, "      - above_prompt_tokens: ", each.above_prompt_tokens, "\n");
      for (const std::string& line : TierLines(each.by_tier)) {
        absl::StrAppend(&out, "        ", line, "\n");
      }
    }
  }
  return out;
}

}  // namespace quotaplane
