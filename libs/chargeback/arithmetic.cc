#include "libs/chargeback/arithmetic.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace quotaplane {
namespace {

using Wide = __int128;

std::optional<int64_t> Narrow(Wide value) {
  if (value < std::numeric_limits<int64_t>::min() || value > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

}  // namespace

std::vector<int64_t> Allocate(int64_t amount, const std::vector<int64_t>& weights) {
  Wide sum = 0;
  for (const int64_t weight : weights) sum += weight;
  std::vector<int64_t> shares;
  std::vector<Wide> remainders;
  int64_t left = amount;
  for (const int64_t weight : weights) {
    const Wide product = static_cast<Wide>(amount) * weight;
    shares.push_back(static_cast<int64_t>(product / sum));
    remainders.push_back(product % sum);
    left -= shares.back();
  }
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  // Fewer than there are remainders above 0: nobody without a weight gets one.
  for (int64_t i = 0; i < left; ++i) ++shares[order[static_cast<size_t>(i)]];
  return shares;
}

std::optional<int64_t> Scale(int64_t amount, int64_t numerator, int64_t denominator) {
  const Wide product = static_cast<Wide>(amount) * numerator;
  const Wide half = denominator / 2;  // of an odd one rounded down: there are no exact halves then
  const Wide quotient =
      product < 0 ? -((-product + half) / denominator) : (product + half) / denominator;
  return Narrow(quotient);
}

std::optional<int64_t> Convert(int64_t nano_usd, int64_t nano_per_usd, int decimals) {
  int64_t unit = 1;  // in nanos
  for (int i = decimals; i < 9; ++i) unit *= 10;
  const std::optional<int64_t> units = Scale(nano_usd, nano_per_usd, 1'000'000'000 * unit);
  return units.has_value() ? Narrow(static_cast<Wide>(*units) * unit) : std::nullopt;
}

}  // namespace quotaplane
