// The outbox in Redis: a stream for each partition (libs/counters/redis/layout.h), read by the
// consumer group `ledger`. Readers share the partitions' messages; none owns a partition.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/ledger/outbox.h"
#include "libs/redis/client.h"
#include "libs/redis/stream_group.h"

namespace quotaplane {

struct RedisOutboxOptions {
  int partitions = 0;
  // Names this reader: another process with this name takes over its unacknowledged messages at
  // once. No two that run at the same time share it.
  std::string reader;
  // Messages of a reader that has been silent for this long are taken over by others.
  absl::Duration abandoned_after = absl::Seconds(30);
  absl::Duration timeout = absl::Seconds(5);  // of each round trip
};

// One thread at a time.
class RedisOutbox : public Outbox {
 public:
  // `client` knows GetOutboxScripts(), and outlives this.
  RedisOutbox(redis::Client* client, RedisOutboxOptions options);

  absl::StatusOr<Batch> Read(int most) override;
  absl::Status Acknowledge(std::span<const Message> messages) override;
  absl::Status Quarantine(const Message& message, std::string_view why) override;
  void Reopen() override { group_.Reopen(); }

 private:
  redis::Client* const client_;
  redis::StreamGroup group_;
};

}  // namespace quotaplane
