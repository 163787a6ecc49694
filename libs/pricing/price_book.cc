#include "libs/pricing/price_book.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxMeterBytes = 63;
constexpr size_t kMaxProblems = 50;
constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
constexpr int64_t kYear10000Us = int64_t{2'932'897} * kDayUs;

using NameIndex = absl::flat_hash_map<std::string, uint32_t>;
using DatedEntries = std::vector<std::vector<uint32_t>>;

std::string Shown(std::string_view name) {
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(AbslView(name.substr(0, kMaxNameBytes))),
                      "\"");
}

class Problems {
 public:
  // `entry` is the one to blame.
  template <typename... Args>
  void Add(const PriceEntry& entry, const Args&... what) {
    AddLine(absl::StrCat(entry.source.empty() ? "price book" : entry.source, ": ",
                         Shown(entry.model), ": ", what...));
  }
  void AddLine(std::string line) {
    if (lines_.size() < kMaxProblems) lines_.push_back(std::move(line));
  }
  absl::Status ToStatus() const {
    return lines_.empty() ? absl::OkStatus()
                          : absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  std::vector<std::string> lines_;
};

void CheckPrices(const PriceEntry& entry, const std::map<ServiceTier, MeterPrices>& by_tier,
                 Problems& problems) {
  for (const auto& [tier, prices] : by_tier) {
    if (prices.empty()) problems.Add(entry, "has a tier or long context without a price");
    for (const auto& [meter, price] : prices) {
      if (std::string problem = MeterNameProblem(meter); !problem.empty()) {
        problems.Add(entry, "meter ", Shown(meter), " ", problem);
      }
      if (price < 0) problems.Add(entry, "the price of ", Shown(meter), " is negative");
    }
  }
}

void CheckEntry(const PriceEntry& entry, Problems& problems) {
  constexpr std::string_view kNameRule = " must have 1 to 128 bytes and no control characters";
  if (!IsPriceBookName(entry.model)) problems.Add(entry, "the model's name", AbslView(kNameRule));
  for (const std::string& alias : entry.aliases) {
    if (!IsPriceBookName(alias)) problems.Add(entry, "alias ", Shown(alias), AbslView(kNameRule));
  }
  if (entry.from_us < 0 || entry.from_us >= kYear10000Us || entry.from_us % kDayUs != 0) {
    problems.Add(entry, "`from` must be midnight UTC of a day from 1970-01-01 to 9999-12-31");
  }
  auto standard = entry.by_tier.find(ServiceTier::kStandard);
  if (standard == entry.by_tier.end()) {
    problems.Add(entry, "has no standard prices; a free model says so with prices of 0");
  }
  CheckPrices(entry, entry.by_tier, problems);
  int64_t previous = 0;
  for (const LongContextPrices& each : entry.long_context) {
    if (each.above_prompt_tokens <= previous) {
      problems.Add(entry, "long-context thresholds must be above 0 and ascend; ",
                   each.above_prompt_tokens, " comes after ", previous);
    }
    previous = each.above_prompt_tokens;
    if (each.by_tier.empty()) {
      problems.Add(entry, "has a long context without a price");
    }
    CheckPrices(entry, each.by_tier, problems);
  }
}

void IndexModels(const std::vector<PriceEntry>& entries, NameIndex& by_name, DatedEntries& models,
                 Problems& problems) {
  for (uint32_t i = 0; i < entries.size(); ++i) {
    auto [it, added] = by_name.try_emplace(entries[i].model, models.size());
    if (added) models.emplace_back();
    models[it->second].push_back(i);
  }
  for (std::vector<uint32_t>& dated : models) {
    std::stable_sort(dated.begin(), dated.end(), [&](uint32_t a, uint32_t b) {
      return entries[a].from_us > entries[b].from_us;
    });
    for (size_t i = 1; i < dated.size(); ++i) {
      const PriceEntry& entry = entries[dated[i]];
      const PriceEntry& other = entries[dated[i - 1]];
      if (entry.from_us != other.from_us) continue;
      problems.Add(entry, "has two entries from one day; the other one is at ", other.source);
    }
  }
}

// After IndexModels: an alias must not take the name of any model.
void IndexAliases(const std::vector<PriceEntry>& entries, const DatedEntries& models,
                  NameIndex& by_name, Problems& problems) {
  for (const PriceEntry& entry : entries) {
    const uint32_t model = by_name.find(entry.model)->second;
    for (const std::string& alias : entry.aliases) {
      auto [it, added] = by_name.try_emplace(alias, model);
      const std::string& owner = entries[models[it->second].front()].model;
      if (alias == owner) {
        problems.Add(entry, "alias ", Shown(alias), " is a model of the book already");
      } else if (!added && it->second != model) {
        problems.Add(entry, "alias ", Shown(alias), " is already that of ", Shown(owner));
      }
    }
  }
}

bool AnyAboveZero(const std::map<ServiceTier, MeterPrices>& by_tier) {
  return std::any_of(by_tier.begin(), by_tier.end(), [](const auto& tier) {
    return std::any_of(tier.second.begin(), tier.second.end(),
                       [](const auto& price) { return price.second > 0; });
  });
}

}  // namespace

bool IsTokenMeter(std::string_view meter) {
  constexpr std::array kTokenMeters = {kMeterInput, kMeterCacheRead, kMeterCacheWrite5m,
                                       kMeterCacheWrite1h, kMeterOutput};
  return std::find(kTokenMeters.begin(), kTokenMeters.end(), meter) != kTokenMeters.end();
}

std::string MeterNameProblem(std::string_view meter) {
  const auto allowed = [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
  };
  if (meter.empty() || meter.size() > kMaxMeterBytes ||
      !absl::ascii_islower(static_cast<unsigned char>(meter[0])) ||
      !std::all_of(meter.begin(), meter.end(), allowed)) {
    return "must match [a-z][a-z0-9_]{0,62}";
  }
  if (meter == "input_tokens") return "is a unit of limits; the meter is \"input\"";
  if (meter == "output_tokens") return "is a unit of limits; the meter is \"output\"";
  if (meter == "total_tokens") return "is a unit of limits; price \"input\" and \"output\"";
  return "";
}

bool IsPriceBookName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

absl::StatusOr<std::shared_ptr<const PriceBook>> PriceBook::Build(std::string version,
                                                                  std::vector<PriceEntry> entries) {
  Problems problems;
  if (!IsPriceBookName(version)) {
    problems.AddLine("price book: version must have 1 to 128 bytes and no control characters");
  }
  for (const PriceEntry& entry : entries) CheckEntry(entry, problems);

  std::shared_ptr<PriceBook> book(new PriceBook);
  book->version_ = std::move(version);
  book->entries_ = std::move(entries);
  IndexModels(book->entries_, book->by_name_, book->models_, problems);
  IndexAliases(book->entries_, book->models_, book->by_name_, problems);
  if (absl::Status status = problems.ToStatus(); !status.ok()) return status;
  return book;
}

const PriceEntry* PriceBook::Find(std::string_view model, int64_t at_us) const {
  auto found = by_name_.find(AbslView(model));
  if (found == by_name_.end()) return nullptr;
  for (uint32_t index : models_[found->second]) {
    if (entries_[index].from_us <= at_us) return &entries_[index];
  }
  return nullptr;
}

bool IsFree(const PriceEntry& entry) {
  return !AnyAboveZero(entry.by_tier) &&
         std::none_of(entry.long_context.begin(), entry.long_context.end(),
                      [](const LongContextPrices& each) { return AnyAboveZero(each.by_tier); });
}

}  // namespace quotaplane
