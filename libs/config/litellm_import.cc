#include "libs/config/litellm_import.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/litellm_json.h"
#include "libs/money/decimal.h"

namespace quotaplane {
namespace {

constexpr int kPerUnitPlaces = 15;  // USD per unit -> nano-USD per million units

// Where a key's price belongs.
struct Target {
  std::string_view meter;
  int64_t above_prompt_tokens = 0;  // 0: the ordinary price
  ServiceTier tier = ServiceTier::kStandard;
  bool per_token = true;
};

struct NamedMeter {
  absl::string_view key;
  std::string_view meter;
};

// Longer keys first where one begins another.
constexpr std::array<NamedMeter, 5> kTokenPrices = {{
    {"input_cost_per_token", kMeterInput},
    {"output_cost_per_token", kMeterOutput},
    {"cache_read_input_token_cost", kMeterCacheRead},
    {"cache_creation_input_token_cost_above_1hr", kMeterCacheWrite1h},
    {"cache_creation_input_token_cost", kMeterCacheWrite5m},
}};

constexpr std::array<NamedMeter, 4> kUnitPrices = {{
    {"input_cost_per_query", "queries"},
    {"ocr_cost_per_page", "ocr_pages"},
    {"annotation_cost_per_page", "annotated_pages"},
    {"code_interpreter_cost_per_session", "code_interpreter_sessions"},
}};

constexpr absl::string_view kCacheHit = "input_cost_per_token_cache_hit";
constexpr absl::string_view kReasoning = "output_cost_per_reasoning_token";
constexpr absl::string_view kSearch = "search_context_cost_per_query";

// "_above_200k_tokens_priority" and the like, after one of kTokenPrices.
bool ReadSuffix(absl::string_view suffix, Target& target) {
  if (absl::ConsumePrefix(&suffix, "_above_")) {
    size_t digits = 0;
    while (digits < suffix.size() && absl::ascii_isdigit(suffix[digits])) ++digits;
    constexpr size_t kMaxDigits = 9;
    if (digits == 0 || digits > kMaxDigits ||
        !absl::SimpleAtoi(suffix.substr(0, digits), &target.above_prompt_tokens)) {
      return false;
    }
    suffix.remove_prefix(digits);
    if (target.above_prompt_tokens == 0 || !absl::ConsumePrefix(&suffix, "k_tokens")) return false;
    target.above_prompt_tokens *= 1000;
  }
  if (suffix == "_batches") target.tier = ServiceTier::kBatch;
  if (suffix == "_priority") target.tier = ServiceTier::kPriority;
  if (suffix == "_flex") target.tier = ServiceTier::kFlex;
  return suffix.empty() || target.tier != ServiceTier::kStandard;
}

std::optional<Target> TargetOf(const std::string& key) {
  for (const auto& [name, meter] : kUnitPrices) {
    if (key == name) return Target{meter, 0, ServiceTier::kStandard, false};
  }
  if (key == "citation_cost_per_token") return Target{"citation_tokens"};
  for (const auto& [name, meter] : kTokenPrices) {
    if (!absl::StartsWith(key, name)) continue;
    Target target{meter};
    if (ReadSuffix(absl::string_view(key).substr(name.size()), target)) return target;
  }
  return std::nullopt;
}

// Why a key that has no place in a price book is left out.
std::string WhyNoMeter(const std::string& key) {
  constexpr std::array<std::pair<absl::string_view, absl::string_view>, 11> kReasons = {{
      {"tiered_pricing", "prices by ranges of the prompt are not read"},
      {"_dbu_", "in DBU, not in USD"},
      {"audio", "audio is not metered"},
      {"image", "images are not metered"},
      {"pixel", "images are not metered"},
      {"video", "video is not metered"},
      {"_character", "characters are not metered"},
      {"_per_second", "seconds are not metered"},
      {"_per_request", "requests have no price in a price book"},
      {"_per_day", "storage is not metered"},
      {"_per_1k_", "not a price per unit"},
  }};
  for (const auto& [part, reason] : kReasons) {
    if (absl::StrContains(key, part)) return std::string(reason);
  }
  return "no meter for it";
}

std::string Escaped(const std::string& name) { return absl::Utf8SafeCHexEscape(name); }

// One model on its way into the import.
class ModelImport {
 public:
  ModelImport(const RawModel& raw, int64_t from_us, LitellmImport& result)
      : raw_(raw), result_(result) {
    entry_.model = raw.name;
    entry_.from_us = from_us;
    entry_.source = "imported price map";
  }

  void Run() {
    if (raw_.name == "sample_spec") return SkipModel("the map's own description of its format");
    if (!IsPriceBookName(raw_.name)) {
      return SkipModel("a name must have 1 to 128 bytes and no control characters");
    }
    for (const RawPrice& raw : raw_.prices) Take(raw);
    // These depend on others that may come later in the file.
    for (const RawPrice& raw : raw_.prices) {
      if (raw.key == kCacheHit) TakeSynonym(raw, kMeterCacheRead, /*stands_alone=*/true);
      if (raw.key == kReasoning) TakeSynonym(raw, kMeterOutput, /*stands_alone=*/false);
    }
    Finish();
  }

 private:
  // Taken over only if the model as a whole is.
  struct Counts {
    int exact = 0;
    int rounded = 0;
  };

  void Skip(const std::string& key, std::string reason) {
    result_.skipped.push_back({Escaped(raw_.name), Escaped(key), std::move(reason)});
  }
  void SkipModel(std::string reason) { Skip("", std::move(reason)); }
  void SkipPrice(const RawPrice& raw, std::string reason) {
    if (may_cost_.empty() && !IsZero(raw)) may_cost_ = raw.key;
    Skip(raw.key, std::move(reason));
  }

  static bool IsZero(const RawPrice& raw) {
    if (raw.kind != RawPrice::Kind::kNumber) return false;
    absl::StatusOr<ScaledDecimal> value = ParseDecimal(raw.text, 0);
    return value.ok() && value->exact && value->value == 0;
  }

  // The price at nano-USD per million units, or nullopt and why not in `reason`.
  static std::optional<ScaledDecimal> Scale(const std::string& digits, std::string& reason) {
    absl::StatusOr<ScaledDecimal> price = ParseDecimal(digits, kPerUnitPlaces);
    if (!price.ok()) {
      reason = "too large for a price";
    } else if (absl::StartsWith(digits, "-") && !(price->exact && price->value == 0)) {
      reason = "negative";
    } else {
      return *price;
    }
    return std::nullopt;
  }

  void Take(const RawPrice& raw) {
    if (raw.key == kCacheHit || raw.key == kReasoning) return;
    if (raw.key == kSearch) return TakeSearch(raw);
    std::optional<Target> target = TargetOf(raw.key);
    if (!target) return SkipPrice(raw, WhyNoMeter(raw.key));
    std::optional<ScaledDecimal> price = Number(raw);
    if (!price) return;
    std::map<ServiceTier, MeterPrices>& by_tier = target->above_prompt_tokens == 0
                                                      ? entry_.by_tier
                                                      : long_context_[target->above_prompt_tokens];
    // "_above_0200k_tokens" is "_above_200k_tokens".
    if (!by_tier[target->tier].emplace(target->meter, price->value).second) {
      return SkipPrice(raw, "another key has this price");
    }
    if (target->per_token) Count(*price);
  }

  std::optional<ScaledDecimal> Number(const RawPrice& raw) {
    if (raw.kind != RawPrice::Kind::kNumber) {
      SkipPrice(raw, raw.kind == RawPrice::Kind::kObject
                         ? "not a number but an object"
                         : absl::StrCat("not a number but ", raw.text));
      return std::nullopt;
    }
    std::string reason;
    std::optional<ScaledDecimal> price = Scale(raw.text, reason);
    if (!price) SkipPrice(raw, std::move(reason));
    return price;
  }

  void Count(const ScaledDecimal& price) { ++(price.exact ? counts_.exact : counts_.rounded); }

  // A second name of `meter`'s price: fine where both agree.
  void TakeSynonym(const RawPrice& raw, std::string_view meter, bool stands_alone) {
    std::optional<ScaledDecimal> price = Number(raw);
    if (!price) return;
    MeterPrices& standard = entry_.by_tier[ServiceTier::kStandard];
    auto found = standard.find(meter);
    if (found == standard.end() && stands_alone) {
      Count(*price);
      standard.emplace(meter, price->value);
    } else if (found == standard.end() || found->second != price->value) {
      SkipPrice(raw, absl::StrCat("differs from the price of ", AbslView(meter)));
    }
  }

  void TakeSearch(const RawPrice& raw) {
    constexpr std::array<absl::string_view, 3> kSizes = {"low", "medium", "high"};
    std::array<int64_t, 3> prices{};
    std::set<size_t> seen;
    for (const auto& member : raw.members) {
      std::string reason;
      const auto size = std::find_if(kSizes.begin(), kSizes.end(), [&](absl::string_view each) {
        return member.first == absl::StrCat("search_context_size_", each);
      });
      std::optional<ScaledDecimal> price = Scale(member.second, reason);
      if (size == kSizes.end() || !price) continue;
      prices[size - kSizes.begin()] = price->value;
      seen.insert(size - kSizes.begin());
    }
    if (raw.kind != RawPrice::Kind::kObject || !raw.all_numbers || seen.size() != kSizes.size() ||
        raw.members.size() != kSizes.size()) {
      return SkipPrice(raw,
                       "not an object of three prices: search_context_size_low, _medium, _high");
    }
    MeterPrices& standard = entry_.by_tier[ServiceTier::kStandard];
    standard["web_search_requests"] = *std::max_element(prices.begin(), prices.end());
    if (prices[0] == prices[1] && prices[1] == prices[2]) return;
    for (size_t i = 0; i < kSizes.size(); ++i) {
      standard[absl::StrCat("web_search_requests_", kSizes[i])] = prices[i];
    }
  }

  void Finish() {
    for (auto& [above, by_tier] : long_context_) {
      entry_.long_context.push_back({above, std::move(by_tier)});
    }
    auto standard = entry_.by_tier.find(ServiceTier::kStandard);
    if (standard == entry_.by_tier.end() || standard->second.empty()) {
      return SkipModel("no standard price that can be taken over");
    }
    if (!may_cost_.empty() && IsFree(entry_)) {
      return SkipModel(absl::StrCat("would be free without ", Escaped(may_cost_),
                                    ", which cannot be taken over"));
    }
    result_.exact_prices += counts_.exact;
    result_.rounded_prices += counts_.rounded;
    result_.entries.push_back(std::move(entry_));
  }

  const RawModel& raw_;
  LitellmImport& result_;
  PriceEntry entry_;
  std::map<int64_t, std::map<ServiceTier, MeterPrices>> long_context_;
  Counts counts_;
  std::string may_cost_;  // the first skipped key that is not plainly 0
};

}  // namespace

absl::StatusOr<LitellmImport> ImportLitellm(std::string_view json, int64_t from_us) {
  QP_ASSIGN_OR_RETURN(std::vector<RawModel> models, ReadPriceMap(json));
  std::sort(models.begin(), models.end(),
            [](const RawModel& a, const RawModel& b) { return a.name < b.name; });
  LitellmImport result;
  for (const RawModel& model : models) ModelImport(model, from_us, result).Run();
  // Says what is wrong with `from_us`, and that every entry is one a book can hold.
  QP_RETURN_IF_ERROR(PriceBook::Build("import", result.entries).status());
  return result;
}

}  // namespace quotaplane
