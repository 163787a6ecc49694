// How far the streams in Redis have been emptied.
#pragma once

#include <string>

#include "libs/ledger/outbox.h"
#include "libs/redis/client.h"

namespace quotaplane {

// Thread-safe. Blocks; not on the client's thread.
class RedisOutboxState : public OutboxState {
 public:
  // `client` must outlive it.
  RedisOutboxState(redis::Client* client, int partitions)
      : client_(client), partitions_(partitions) {}

  // Whether the store takes calls, for all of its partitions.
  bool Available() const;

  absl::StatusOr<std::string> Mark(std::string_view org) override;
  absl::StatusOr<bool> EmptiedTo(std::string_view org, const std::string& mark) override;
  absl::Status ForEachQuarantined(
      std::string_view org, absl::FunctionRef<void(std::string_view record)> callback) override;

 private:
  std::string StreamOf(std::string_view org) const;

  redis::Client* const client_;
  const int partitions_;
};

}  // namespace quotaplane
