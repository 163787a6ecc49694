#include "libs/config/price_book_reader.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/base/absl_view.h"
#include "libs/base/did_you_mean.h"
#include "libs/base/status_macros.h"
#include "libs/config/yaml_reader.h"
#include "libs/money/decimal.h"

namespace quotaplane {

// Generated from default_prices.yaml.
extern const std::string_view kDefaultPricesYaml;

namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
constexpr int kPerMillionPlaces = 9;  // USD per million units -> nano-USD per million units
constexpr int kPerUnitPlaces = 15;    // USD per unit          -> nano-USD per million units

constexpr std::array<std::pair<std::string_view, ServiceTier>, 3> kNamedTiers = {{
    {"batch", ServiceTier::kBatch},
    {"priority", ServiceTier::kPriority},
    {"flex", ServiceTier::kFlex},
}};

bool IsPricedPerMillion(std::string_view meter) {
  return IsTokenMeter(meter) || absl::EndsWith(AbslView(meter), "_tokens");
}

void ReadPrice(const YamlNode& node, int places, MeterPrices& prices) {
  std::optional<std::string_view> text = node.Decimal();
  if (!text) return;
  absl::StatusOr<ScaledDecimal> price = ParseDecimal(*text, places);
  if (!price.ok()) {
    return node.Report(absl::StrCat("is out of range; the largest price is ",
                                    FormatDecimal(std::numeric_limits<int64_t>::max(), places, 0)));
  }
  if (!price->exact) {
    return node.Report(absl::StrCat("has more than ", places,
                                    " decimals; prices are exact to a nano-USD per million units"));
  }
  if (price->value < 0) return node.Report("must not be negative; a free meter has the price 0");
  prices.insert_or_assign(std::string(node.key()), price->value);
}

void ReadPerMillion(const YamlNode& node, MeterPrices& prices) {
  if (!node.ExpectMap()) return;
  for (const YamlNode each : node) {
    if (std::string problem = MeterNameProblem(each.key()); !problem.empty()) {
      each.Report(problem);
    } else if (!IsPricedPerMillion(each.key())) {
      each.Report(absl::StrCat(
          "is neither a token meter (input, cache_read, cache_write_5m, cache_write_1h, output) "
          "nor a "
          "custom one whose name ends in _tokens; other meters are priced in usd_per_unit",
          DidYouMean(each.key(), {kMeterInput, kMeterCacheRead, kMeterCacheWrite5m,
                                  kMeterCacheWrite1h, kMeterOutput})));
    } else {
      ReadPrice(each, kPerMillionPlaces, prices);
    }
  }
}

void ReadPerUnit(const YamlNode& node, MeterPrices& prices) {
  if (!node.ExpectMap()) return;
  for (const YamlNode each : node) {
    if (std::string problem = MeterNameProblem(each.key()); !problem.empty()) {
      each.Report(problem);
    } else if (IsPricedPerMillion(each.key())) {
      each.Report("tokens are priced per million; write it under usd_per_million");
    } else {
      ReadPrice(each, kPerUnitPlaces, prices);
    }
  }
}

// The prices that stand directly in `holder`.
void ReadPrices(const YamlNode& holder, MeterPrices& prices) {
  if (std::optional<YamlNode> node = holder.Find("usd_per_million")) ReadPerMillion(*node, prices);
  if (std::optional<YamlNode> node = holder.Find("usd_per_unit")) ReadPerUnit(*node, prices);
}

// Those of all tiers: the standard ones directly in `holder`, each other one in a map of its own.
std::map<ServiceTier, MeterPrices> ReadTiers(const YamlNode& holder) {
  std::map<ServiceTier, MeterPrices> by_tier;
  if (holder.Find("usd_per_million") || holder.Find("usd_per_unit")) {
    ReadPrices(holder, by_tier[ServiceTier::kStandard]);
  }
  for (const auto& [name, tier] : kNamedTiers) {
    std::optional<YamlNode> node = holder.Find(name);
    if (!node || !node->ExpectMap()) continue;
    node->ExpectKeys({"usd_per_million", "usd_per_unit"});
    ReadPrices(*node, by_tier[tier]);
  }
  return by_tier;
}

std::optional<int64_t> ReadDay(const YamlNode& node) {
  std::optional<std::string_view> text = node.String();
  if (!text) return std::nullopt;
  const auto number = [&](size_t at, size_t size) {
    int value = 0;
    for (char c : text->substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  bool shaped = text->size() == 10;
  for (size_t i = 0; shaped && i < text->size(); ++i) {
    const char c = (*text)[i];
    shaped = i == 4 || i == 7 ? c == '-' : absl::ascii_isdigit(static_cast<unsigned char>(c));
  }
  if (shaped) {
    const absl::CivilDay day(number(0, 4), number(5, 2), number(8, 2));
    const absl::CivilDay epoch;
    // CivilDay turns February 30 into March 2.
    if (absl::FormatCivilTime(day) == AbslView(*text) && day >= epoch)
      return (day - epoch) * kDayUs;
  }
  node.Report(absl::StrCat("must be a day such as 2026-11-01, 1970-01-01 or later, not ",
                           QuoteForMessage(*text)));
  return std::nullopt;
}

std::optional<std::string> ReadName(const YamlNode& node) {
  std::optional<std::string_view> text = node.String();
  if (!text) return std::nullopt;
  if (!IsPriceBookName(*text)) {
    node.Report("must have 1 to 128 bytes and no control characters");
    return std::nullopt;
  }
  return std::string(*text);
}

void ReadLongContext(const YamlNode& list, PriceEntry& entry) {
  if (!list.ExpectList()) return;
  for (const YamlNode node : list) {
    if (!node.ExpectMap()) continue;
    node.ExpectKeys(
        {"above_prompt_tokens", "usd_per_million", "usd_per_unit", "batch", "priority", "flex"});
    LongContextPrices prices;
    std::optional<YamlNode> above =
        node.Require("above_prompt_tokens", "say from which prompt on, such as 200000");
    if (above) prices.above_prompt_tokens = above->Int64(1, kMaxUnits).value_or(0);
    prices.by_tier = ReadTiers(node);
    entry.long_context.push_back(std::move(prices));
  }
}

PriceEntry ReadEntry(const YamlNode& node) {
  PriceEntry entry;
  entry.source = node.source();
  node.ExpectKeys({"model", "aliases", "from", "usd_per_million", "usd_per_unit", "batch",
                   "priority", "flex", "long_context"});
  if (std::optional<YamlNode> model = node.Require("model", "say which model is priced")) {
    entry.model = ReadName(*model).value_or("");
  }
  std::optional<YamlNode> aliases = node.Find("aliases");
  if (aliases && aliases->ExpectList()) {
    for (const YamlNode alias : *aliases) {
      if (std::optional<std::string> name = ReadName(alias)) entry.aliases.push_back(*name);
    }
  }
  if (std::optional<YamlNode> from =
          node.Require("from", "say from which day on the prices hold, such as 2026-11-01")) {
    entry.from_us = ReadDay(*from).value_or(0);
  }
  entry.by_tier = ReadTiers(node);
  if (std::optional<YamlNode> list = node.Find("long_context")) ReadLongContext(*list, entry);
  return entry;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PriceBook>> ParsePriceBook(std::string_view text,
                                                                std::string_view name) {
  QP_ASSIGN_OR_RETURN(std::unique_ptr<YamlDocument> document, YamlDocument::Parse(text, name));
  std::string version;
  std::vector<PriceEntry> entries;
  const YamlNode root = document->root();
  if (root.ExpectMap()) {
    root.ExpectKeys({"version", "models"});
    if (std::optional<YamlNode> node =
            root.Require("version", "name this state of the book; charges refer to it")) {
      version = ReadName(*node).value_or("");
    }
    std::optional<YamlNode> models = root.Require("models", "list the models and their prices");
    if (models && models->ExpectList()) {
      entries.reserve(models->size());
      for (const YamlNode node : *models) {
        if (node.ExpectMap()) entries.push_back(ReadEntry(node));
      }
    }
  }
  QP_RETURN_IF_ERROR(document->status());
  return PriceBook::Build(std::move(version), std::move(entries));
}

absl::StatusOr<std::shared_ptr<const PriceBook>> LoadPriceBookFile(const std::string& path) {
  QP_ASSIGN_OR_RETURN(std::string text, ReadConfigFile(path));
  return ParsePriceBook(text, path);
}

std::shared_ptr<const PriceBook> DefaultPriceBook() {
  static const auto* const kBook = [] {
    auto book = ParsePriceBook(kDefaultPricesYaml, "default_prices.yaml");
    if (!book.ok()) {
      std::fprintf(stderr, "the built-in price book is broken:\n%s\n",
                   std::string(book.status().message()).c_str());
      std::abort();
    }
    return new std::shared_ptr<const PriceBook>(*std::move(book));
  }();
  return *kBook;
}

}  // namespace quotaplane
