// The outbox in Redis: a stream for each partition (libs/counters/redis/layout.h), read by the
// consumer group `ledger`. Readers share the partitions' messages; none owns a partition.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/ledger/outbox.h"
#include "libs/redis/client.h"

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

  absl::StatusOr<std::vector<Message>> Read(int most) override;
  absl::Status Acknowledge(std::span<const Message> messages) override;
  absl::Status Quarantine(const Message& message, std::string_view why) override;
  void Reopen() override;

 private:
  struct Partition {
    // Behind the last of its own messages that it has read again; ">" when there are no more.
    std::string from = "0";
    // How many messages to ask for: more where there were many. It gets its share of the round.
    int count = 0;
    bool has_group = false;
    // Asked every round; otherwise every sixteenth, so that the store is not kept busy with
    // partitions that have nothing to say.
    bool lively = true;
  };

  struct Ask {
    int partition = 0;
    int count = 0;
  };

  redis::SteadyTime Deadline() const;
  std::string StreamOf(int partition) const;
  absl::Status EnsureGroups();
  // Which partitions to ask in this round, and for how many messages: `most` together, or the few
  // that each is asked for at least.
  std::vector<Ask> Shares(int most);
  // Own ones from before first, then new ones.
  absl::Status ReadPartitions(int most, std::vector<Message>* messages);
  // Takes over what other readers abandoned; says whether there may be more of it.
  absl::StatusOr<bool> ClaimAbandoned(int most, std::vector<Message>* messages);

  redis::Client* const client_;
  const RedisOutboxOptions options_;
  std::vector<Partition> partitions_;
  redis::SteadyTime next_claim_;
  int round_ = 0;
};

}  // namespace quotaplane
