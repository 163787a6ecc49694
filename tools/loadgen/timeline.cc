#include "tools/loadgen/timeline.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

namespace quotaplane::loadgen {
namespace {

using nlohmann::ordered_json;

constexpr int kSubBits = 4;

// Below 2^kSubBits a bucket for each microsecond; above, each octave has 2^kSubBits of them.
int BucketOf(int64_t us) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(us, 0));
  if (value < (uint64_t{1} << kSubBits)) return static_cast<int>(value);
  const int octave = std::bit_width(value) - 1 - kSubBits;
  return (octave << kSubBits) + static_cast<int>(value >> octave);
}

// The largest value that the bucket takes.
int64_t EndOf(int bucket) {
  const int next = bucket + 1;
  const int octave = std::max(0, (next >> kSubBits) - 1);
  return (static_cast<int64_t>(next - (octave << kSubBits)) << octave) - 1;
}

}  // namespace

void Timeline::Add(std::string_view call, absl::Time due, std::string_view outcome,
                   absl::Duration latency) {
  const int64_t slice = std::max<int64_t>(0, (due - start_) / kSlice);
  const int bucket = BucketOf(absl::ToInt64Microseconds(latency));
  const std::lock_guard lock(mutex_);
  Calls& calls = slices_[slice][std::string(call)];
  ++calls.outcomes[std::string(outcome)];
  ++calls.latencies[bucket];
}

std::string Timeline::AsJsonLines() const {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const auto& [slice, by_call] : slices_) {
    ordered_json line = {{"start_ms", absl::ToUnixMillis(start_ + slice * kSlice)}};
    for (const auto& [name, calls] : by_call) {
      ordered_json& json = line[name] = ordered_json::object();
      for (const auto& [outcome, count] : calls.outcomes) json[outcome] = count;
      json["us"] = ordered_json::array();
      for (const auto& [bucket, count] : calls.latencies) {
        json["us"].push_back({EndOf(bucket), count});
      }
    }
    lines += line.dump() + "\n";
  }
  return lines;
}

}  // namespace quotaplane::loadgen
