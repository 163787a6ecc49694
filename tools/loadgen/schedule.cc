#include "tools/loadgen/schedule.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace quotaplane::loadgen {

absl::StatusOr<Schedule> Schedule::Make(const std::vector<double>& weights, int64_t requests,
                                        absl::Duration duration) {
  std::vector<double> sums;
  double sum = 0;
  for (const double weight : weights) {
    if (!std::isfinite(weight) || weight < 0) {
      return absl::InvalidArgumentError("a weight of the shape is below zero");
    }
    sums.push_back(sum += weight);
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    return absl::InvalidArgumentError("the shape has no weight above zero");
  }
  return Schedule(std::move(sums), requests, duration);
}

absl::Duration Schedule::DueAt(int64_t index) const {
  const double at =
      (static_cast<double>(index) + 0.5) / static_cast<double>(requests_) * sums_.back();
  const auto found = std::min(std::upper_bound(sums_.begin(), sums_.end(), at), sums_.end() - 1);
  const double before = found == sums_.begin() ? 0 : *(found - 1);
  const double inside = *found > before ? std::min((at - before) / (*found - before), 1.0) : 1.0;
  const auto part = static_cast<double>(found - sums_.begin());
  return duration_ * ((part + inside) / static_cast<double>(sums_.size()));
}

absl::StatusOr<std::vector<double>> ReadShape(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  std::vector<double> weights;
  std::string line;
  while (std::getline(file, line)) {
    double weight = 0;
    if (!absl::SimpleAtod(line, &weight)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", weights.size() + 1, ": is not a number"));
    }
    weights.push_back(weight);
  }
  return weights;
}

}  // namespace quotaplane::loadgen
