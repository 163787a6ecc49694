#include "libs/sql/merge.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane::sql {

absl::StatusOr<Batch> MergeByKey(const Batch& batch, size_t key_columns) {
  const size_t columns = batch.columns.size();
  const auto row = [&](uint32_t i) {
    return std::span(batch.values).subspan(i * columns, columns);
  };
  const auto key = [&](uint32_t i) { return row(i).first(key_columns); };
  const auto less = [](std::span<const Value> a, std::span<const Value> b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  };
  std::vector<uint32_t> order(batch.rows());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return less(key(a), key(b)); });

  Batch merged{.table = batch.table, .columns = batch.columns, .values = {}};
  for (size_t i = 0; i < order.size(); ++i) {
    const std::span<const Value> next = row(order[i]);
    if (i == 0 || less(key(order[i - 1]), key(order[i]))) {
      merged.values.insert(merged.values.end(), next.begin(), next.end());
      continue;
    }
    const std::span<Value> sums = std::span(merged.values).last(columns - key_columns);
    for (size_t c = 0; c < sums.size(); ++c) {
      int64_t sum = 0;
      if (__builtin_add_overflow(sums[c].integer(), next[key_columns + c].integer(), &sum)) {
        return absl::OutOfRangeError(absl::StrCat(
            "batch for ", AbslView(batch.table), ": a sum of ",
            AbslView(batch.columns[key_columns + c].name), " does not fit into 64 bits"));
      }
      sums[c] = Value(sum);
    }
  }
  return merged;
}

}  // namespace quotaplane::sql
