// Crossings in Redis: a stream for each partition (layout.h), read by the consumer group `alerts`.
// Every read asks every partition (stream_group.h): whoever wants to know within a second asks four
// times in it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/counters/crossing.h"
#include "libs/redis/client.h"
#include "libs/redis/stream_group.h"

namespace quotaplane {

struct CrossingStreamOptions {
  int partitions = 0;
  // Names this reader: another process with this name takes over its unacknowledged messages at
  // once. No two that run at the same time share it.
  std::string reader;
  // Messages of a reader that has been silent for this long are taken over by others.
  absl::Duration abandoned_after = absl::Seconds(10);
  absl::Duration timeout = absl::Seconds(5);  // of each round trip
};

// One thread at a time. Blocks; not on the client's thread.
class CrossingStream : public CrossingSource {
 public:
  // `client` knows redis::AcknowledgeScript(), and outlives this.
  CrossingStream(redis::Client* client, CrossingStreamOptions options);

  absl::StatusOr<std::vector<Message>> Read(int most) override;
  absl::Status Acknowledge(std::span<const Message> messages) override;
  void Reopen() override { group_.Reopen(); }

 private:
  redis::StreamGroup group_;
};

// Two short commands for each partition. Not on the client's thread.
absl::StatusOr<CrossingDepth> ReadCrossingDepth(redis::Client& client, int partitions,
                                                absl::Duration timeout);

}  // namespace quotaplane
