// The price map as JSON -> what it says about each model, numbers as their digits. The importer
// (litellm_import.h) gives it meaning.
//
// Read as a stream of events, not as a tree: a tree would turn 5.46875e-07 into the nearest double,
// keep the last of two equal keys without a word, and recurse as deep as a hostile file wants.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace quotaplane {

inline constexpr size_t kMaxPriceMapBytes = size_t{16} << 20;
inline constexpr size_t kMaxPriceMapDepth = 32;
inline constexpr size_t kMaxPriceMapModels = 100'000;
inline constexpr size_t kMaxPriceMapPrices = 1'000'000;

// One key of a model's object.
struct RawPrice {
  enum class Kind { kNumber, kObject, kOther };
  std::string key;
  Kind kind = Kind::kOther;
  std::string text;  // kNumber: the digits as written; kOther: "null", "a text", "true", "a list"
  // kObject: its members that are numbers, as written. A member that is anything else clears
  // `all_numbers`.
  std::vector<std::pair<std::string, std::string>> members;
  bool all_numbers = true;
};

struct RawModel {
  std::string name;
  std::vector<RawPrice>
      prices;  // keys that bear a price: with "cost", "price" or "pricing" in them
};

// In file order. INVALID_ARGUMENT, with the place: not JSON, not an object of objects, duplicate
// keys, a number that is not finite in a double, past the bounds above.
absl::StatusOr<std::vector<RawModel>> ReadPriceMap(std::string_view json);

}  // namespace quotaplane
