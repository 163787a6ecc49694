// How improbable a statistic is by the series' own past: beyond a high quantile the tail is taken
// for exponential, with the mean excess that was seen. What is not known well is not trusted: with
// few independent excesses the prediction is a power law (the exponential's posterior, Lomax).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace quotaplane::anomaly {

class Tail {
 public:
  static constexpr double kBaseSurprise = 1.699;  // at the quantile: -log10 of kShare

  // -log10 of the chance that a step is `z` or more. Statistics of windows of `window` steps hang
  // together, so that many of them count as one. 0 for nothing unusual.
  double Surprise(double z, int window) const {
    if (z <= threshold_) return std::max(0.0, z / threshold_) * kBaseSurprise;
    const double known = kPriorKnown + static_cast<double>(exceeded_) / window;
    return kBaseSurprise + known * std::log1p((z - threshold_) / (mean_excess_ * known)) * kLog10E;
  }

  // What was just judged. What is far out is learnt as less: an anomaly must not hide the next
  // one, but what happens often does become usual.
  void Learn(double z) {
    ++seen_;
    const double rate = std::max(kSlowest, 1.0 / (100.0 + seen_));
    threshold_ += static_cast<float>(4 * rate * ((z > threshold_ ? 1 : 0) - kShare));
    threshold_ = std::max(threshold_, kLowest);
    if (z <= threshold_) return;
    ++exceeded_;
    const double excess = std::min(z - threshold_, kCap * static_cast<double>(mean_excess_));
    const double share = std::max(kSlowestExcess, 1.0 / (kPriorCount + exceeded_));
    mean_excess_ += static_cast<float>(share * (excess - mean_excess_));
    mean_excess_ = std::max(mean_excess_, kLeastExcess);
  }

  template <typename Codec>
  void Code(Codec& codec) {
    codec(threshold_);
    codec(mean_excess_);
    codec(seen_);
    codec(exceeded_);
    if constexpr (Codec::kReading) {
      codec.Check(threshold_ >= kLowest && mean_excess_ >= kLeastExcess);
    }
  }

 private:
  static constexpr double kShare = 0.02;  // of the steps lie beyond the threshold
  static constexpr double kLog10E = 0.43429448;
  static constexpr double kSlowest = 1e-3;
  static constexpr double kSlowestExcess = 2e-3;
  static constexpr double kPriorCount = 20;
  static constexpr double kPriorKnown = 8;
  static constexpr double kCap = 6;
  static constexpr float kLowest = 1.5F;
  static constexpr float kLeastExcess = 0.25F;

  float threshold_ = 2.5F;
  float mean_excess_ = 0.6F;
  uint32_t seen_ = 0;
  uint32_t exceeded_ = 0;
};

}  // namespace quotaplane::anomaly
