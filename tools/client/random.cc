#include "tools/client/random.h"

#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

namespace quotaplane::client {
namespace {

constexpr uint64_t kGamma = 0x9e3779b97f4a7c15;

uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed, uint64_t stream) : state_(Mix(Mix(seed + kGamma) ^ (stream + 1))) {}

uint64_t Random::Next() { return Mix(state_ += kGamma); }

uint64_t Random::Below(uint64_t n) {
  assert(n > 0);
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
}

double Random::Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Random::LogNormal(double median, double sigma) {
  // Box and Muller.
  const double radius = std::sqrt(-2 * std::log(1 - Unit()));
  return median * std::exp(sigma * radius * std::cos(2 * std::numbers::pi * Unit()));
}

size_t Random::Pick(std::span<const double> weights) {
  double rest = Unit() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i + 1 < weights.size(); ++i) {
    if (rest < weights[i]) return i;
    rest -= weights[i];
  }
  return weights.size() - 1;
}

}  // namespace quotaplane::client
