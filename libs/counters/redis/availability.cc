#include "libs/counters/redis/availability.h"

#include "absl/strings/str_cat.h"

namespace quotaplane {

bool EveryPartitionAvailable(const redis::Client& client, int partitions) {
  for (int i = 0; i < partitions; ++i) {
    if (!client.Available(absl::StrCat("{p", i, "}"))) return false;
  }
  return true;
}

}  // namespace quotaplane
