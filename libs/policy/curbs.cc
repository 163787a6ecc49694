#include "libs/policy/curbs.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"

namespace quotaplane {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

using Scope = std::vector<std::pair<Dimension, std::string>>;

// Its entries in the order of their dimensions; nullopt where it concerns nobody.
std::optional<std::vector<const Scope::value_type*>> Sorted(const Scope& scope) {
  std::vector<const Scope::value_type*> entries;
  for (const auto& entry : scope) {
    if (entry.second.empty()) return std::nullopt;
    entries.push_back(&entry);
  }
  const auto dimension = [](const Scope::value_type* entry) -> const Dimension& {
    return entry->first;
  };
  std::ranges::sort(entries, {}, dimension);
  if (std::ranges::adjacent_find(entries, {}, dimension) != entries.end()) return std::nullopt;
  return entries;
}

// Whether what the limit counts over has each of `dimensions`. The org is always part of it.
bool CountsWithin(const Limit& limit, const std::vector<Dimension>& dimensions) {
  return std::ranges::all_of(dimensions, [&](const Dimension& dimension) {
    return dimension.kind == DimensionKind::kOrg ||
           std::ranges::find(limit.per, dimension) != limit.per.end();
  });
}

// The subject's values; false where it lacks one.
template <typename Key>
bool ReadValues(const std::vector<Dimension>& dimensions, const Subject& subject,
                std::string_view model, Key* key) {
  for (const Dimension& dimension : dimensions) {
    const std::string_view value = dimension.ValueIn(subject, model);
    if (value.empty()) return false;
    key->push_back(AbslView(value));
  }
  return true;
}

// Which one of a scope is to be taken before which: what leaves the least, then what ends last.
// Freezes leave nothing.
auto Order(const Curb& curb) {
  return std::tuple(curb.freeze ? 0 : curb.share_permille, -curb.until_us);
}

// "20", "12.5".
std::string PercentWords(int permille) {
  return permille % 10 == 0 ? absl::StrCat(permille / 10)
                            : absl::StrCat(permille / 10, ".", permille % 10);
}

std::string UntilWords(int64_t until_us) {
  // Not before its end: who comes back then is not refused again.
  const int64_t second = until_us / kSecondUs + (until_us % kSecondUs > 0 ? 1 : 0);
  return absl::FormatTime(second % 60 == 0 ? "%Y-%m-%d %H:%M UTC" : "%Y-%m-%d %H:%M:%S UTC",
                          absl::FromUnixSeconds(second), absl::UTCTimeZone());
}

}  // namespace

std::string AlertName(int64_t alert) { return absl::StrCat("A-", alert); }

std::string CurbDeedWords(const Curb& curb) {
  const std::string done =
      curb.freeze ? std::string("frozen")
                  : absl::StrCat("throttled to ", PercentWords(curb.share_permille), " %");
  return absl::StrCat(done, " by alert ", AlertName(curb.alert));
}

std::string CurbWords(const Curb& curb) {
  return absl::StrCat(CurbDeedWords(curb), " until ", UntilWords(curb.until_us));
}

std::string CurbScopeString(const Curb& curb, std::string_view org) {
  std::vector<const Scope::value_type*> entries;
  for (const auto& entry : curb.scope) {
    if (entry.first.kind != DimensionKind::kOrg) entries.push_back(&entry);
  }
  std::ranges::sort(entries, {},
                    [](const auto* entry) -> const Dimension& { return entry->first; });
  std::string text = absl::StrCat("{org=", AbslView(org));
  for (const auto* entry : entries) {
    absl::StrAppend(&text, ", ", entry->first.ToString(), "=", entry->second);
  }
  text += '}';
  return text;
}

int64_t ThrottledAmount(int64_t amount, const Curb& throttle) {
  if (amount <= 0) return 0;
  // In two parts, so that no amount overflows.
  const int64_t share = throttle.share_permille;
  return amount / 1'000 * share + amount % 1'000 * share / 1'000;
}

Curbs::Curbs(std::vector<Curb> curbs) : list_(std::move(curbs)) {
  for (uint32_t i = 0; i < list_.size(); ++i) Add(i);
  const auto order = [this](uint32_t i) { return Order(list_[i]); };
  for (Shape& shape : shapes_) {
    for (ByKey* by_key : {&shape.freezes, &shape.throttles, &shape.throttles_of_limits}) {
      for (auto& [key, positions] : *by_key) std::ranges::stable_sort(positions, {}, order);
    }
  }
}

void Curbs::Add(uint32_t position) {
  const Curb& curb = list_[position];
  const auto entries = Sorted(curb.scope);
  if (!entries.has_value()) return;
  std::vector<Dimension> dimensions;
  Key key;
  for (const Scope::value_type* entry : *entries) {
    dimensions.push_back(entry->first);
    key.push_back(entry->second);
  }
  auto shape = std::ranges::find(shapes_, dimensions, &Shape::dimensions);
  if (shape == shapes_.end()) {
    shapes_.push_back({std::move(dimensions), {}, {}, {}});
    shape = shapes_.end() - 1;
  }
  if (curb.freeze) {
    shape->freezes[key].push_back(position);
  } else if (curb.limit_id.empty()) {
    shape->throttles[key].push_back(position);
  } else {
    key.push_back(curb.limit_id);
    shape->throttles_of_limits[key].push_back(position);
  }
}

const Curb* Curbs::FirstHolding(const ByKey& by_key, const Key& key, int64_t now_us) const {
  if (by_key.empty()) return nullptr;
  const auto found = by_key.find(key);
  if (found == by_key.end()) return nullptr;
  for (const uint32_t position : found->second) {
    const Curb& curb = list_[position];
    if (now_us >= curb.from_us && now_us < curb.until_us) return &curb;
  }
  return nullptr;
}

const Curb* Curbs::Freeze(const Subject& subject, std::string_view model, int64_t now_us) const {
  const Curb* last = nullptr;
  for (const Shape& shape : shapes_) {
    if (shape.freezes.empty()) continue;
    Key key;
    if (!ReadValues(shape.dimensions, subject, model, &key)) continue;
    const Curb* const found = FirstHolding(shape.freezes, key, now_us);
    if (found != nullptr && (last == nullptr || found->until_us > last->until_us)) last = found;
  }
  return last;
}

const Curb* Curbs::Throttle(const Limit& limit, const Subject& subject, std::string_view model,
                            int64_t now_us) const {
  const Curb* least = nullptr;
  const auto consider = [&](const Curb* found) {
    if (found != nullptr && (least == nullptr || Order(*found) < Order(*least))) least = found;
  };
  for (const Shape& shape : shapes_) {
    if (shape.throttles.empty() && shape.throttles_of_limits.empty()) continue;
    if (!CountsWithin(limit, shape.dimensions)) continue;
    Key key;
    if (!ReadValues(shape.dimensions, subject, model, &key)) continue;
    consider(FirstHolding(shape.throttles, key, now_us));
    if (shape.throttles_of_limits.empty()) continue;
    key.push_back(limit.id);
    consider(FirstHolding(shape.throttles_of_limits, key, now_us));
  }
  return least;
}

}  // namespace quotaplane
