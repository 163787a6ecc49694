// The table in Redis: a hash for each partition, and one beside it that is being written.
//
//   {pN}f      counter digest -> pace: '1', from_us (int64), the week (28 floats), little-endian
//   {pN}f/new  takes the place of the other once it is complete
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/counters/forecast_table.h"
#include "libs/redis/client.h"

namespace quotaplane {

// 121 bytes.
std::string EncodePace(const Pace& pace);
// Absent: nobody here wrote these bytes.
std::optional<Pace> DecodePace(std::string_view bytes);

class RedisForecastTable : public ForecastTable {
 public:
  // `client` must outlive it and its calls; it needs no scripts.
  RedisForecastTable(redis::Client* client, int partitions,
                     absl::Duration lasts = absl::Minutes(15))
      : client_(client), partitions_(partitions), lasts_(lasts) {}

  void Read(std::string_view org, const std::vector<Digest>& counters, SteadyTime deadline,
            StoreCallback<std::vector<std::optional<Pace>>> done) const override;
  // Not on the client's thread.
  absl::Status Replace(const std::vector<Entry>& entries, const Kept& kept,
                       SteadyTime deadline) override;

 private:
  // `keep_since_us`: absent where nothing is kept.
  absl::Status ReplacePartition(int partition, const std::vector<const Entry*>& entries,
                                std::optional<int64_t> keep_since_us, SteadyTime deadline);
  // Copies what is kept to the table that is being written; how much.
  absl::StatusOr<int64_t> Keep(int partition, const std::vector<const Entry*>& entries,
                               int64_t since_us, SteadyTime deadline);

  redis::Client* const client_;
  const int partitions_;
  const absl::Duration lasts_;
};

}  // namespace quotaplane
