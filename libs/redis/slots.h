// Redis Cluster's hash slots, and who serves them.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/redis/client.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

inline constexpr int kSlots = 16384;

// CRC16 (XMODEM) modulo 16384 of the key's hash tag, the part between the first '{' and the next
// '}' where that is not empty, else of the whole key.
int KeySlot(std::string_view key);

struct SlotRange {
  int first = 0;
  int last = 0;  // inclusive
  Endpoint master;
};

// From the reply of CLUSTER SLOTS, as answered by `asked`: its host stands for a master without
// one. INTERNAL where the reply has another shape. Slots that nobody serves are in no range.
absl::StatusOr<std::vector<SlotRange>> ParseClusterSlots(const Reply& reply, const Endpoint& asked);

}  // namespace quotaplane::redis
