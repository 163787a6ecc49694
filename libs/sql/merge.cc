#include "libs/sql/merge.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::sql {
namespace {

// The keys of a batch's rows, by the number of the row.
struct Keys {
  const Batch& batch;
  size_t columns;  // of a key

  std::span<const Value> Row(uint32_t row) const {
    const size_t all = batch.columns.size();
    return std::span(batch.values).subspan(row * all, all);
  }
  std::span<const Value> Of(uint32_t row) const { return Row(row).first(columns); }
};

struct HashOfKey {
  Keys keys;
  size_t operator()(uint32_t row) const {
    size_t hash = 0;
    for (const Value& value : keys.Of(row)) {
      // Of these only the one of its type is not 0 or empty.
      hash = absl::HashOf(hash, value.integer(), value.number(), AbslView(value.text()),
                          AbslView(value.bytes()));
    }
    return hash;
  }
};

struct SameKey {
  Keys keys;
  bool operator()(uint32_t a, uint32_t b) const {
    const std::span<const Value> first = keys.Of(a);
    return std::equal(first.begin(), first.end(), keys.Of(b).begin());
  }
};

}  // namespace

// By a hash first, since most rows share their key with others: to sort them all costs several
// times as much.
absl::StatusOr<Batch> MergeByKey(const Batch& batch, size_t key_columns) {
  const Keys keys{batch, key_columns};
  const size_t summed = batch.columns.size() - key_columns;
  absl::flat_hash_map<uint32_t, uint32_t, HashOfKey, SameKey> places(batch.rows(), HashOfKey{keys},
                                                                     SameKey{keys});
  std::vector<uint32_t> firsts;  // by place: the first row of each key
  std::vector<int64_t> sums;     // by place, `summed` of each
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    const auto [found, is_new] = places.try_emplace(row, static_cast<uint32_t>(firsts.size()));
    if (is_new) {
      firsts.push_back(row);
      sums.resize(sums.size() + summed);
    }
    for (size_t c = 0; c < summed; ++c) {
      int64_t& sum = sums[found->second * summed + c];
      if (__builtin_add_overflow(sum, keys.Row(row)[key_columns + c].integer(), &sum)) {
        return absl::OutOfRangeError(absl::StrCat(
            "batch for ", AbslView(batch.table), ": a sum of ",
            AbslView(batch.columns[key_columns + c].name), " does not fit into 64 bits"));
      }
    }
  }

  std::vector<uint32_t> order(firsts.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const std::span<const Value> first = keys.Of(firsts[a]);
    const std::span<const Value> second = keys.Of(firsts[b]);
    return std::lexicographical_compare(first.begin(), first.end(), second.begin(), second.end());
  });
  Batch merged{.table = batch.table, .columns = batch.columns, .values = {}};
  merged.values.reserve(firsts.size() * batch.columns.size());
  for (const uint32_t place : order) {
    const std::span<const Value> key = keys.Of(firsts[place]);
    merged.values.insert(merged.values.end(), key.begin(), key.end());
    for (size_t c = 0; c < summed; ++c) merged.values.emplace_back(sums[place * summed + c]);
  }
  return merged;
}

}  // namespace quotaplane::sql
