// The streams of the outbox, for those who count refusals.
#pragma once

#include <string>

#include "libs/ledger/refusal_sender.h"
#include "libs/redis/client.h"

namespace quotaplane {

// Thread-safe. Blocks; not on the client's thread.
class RedisRefusalOutbox : public RefusalOutbox {
 public:
  // `client` must outlive it.
  RedisRefusalOutbox(redis::Client* client, int partitions)
      : client_(client), partitions_(partitions) {}

  absl::Status Append(const std::string& org, const std::string& record) override;

 private:
  redis::Client* const client_;
  const int partitions_;
};

}  // namespace quotaplane
