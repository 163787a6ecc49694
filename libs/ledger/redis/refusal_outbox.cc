#include "libs/ledger/redis/refusal_outbox.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/counters/redis/layout.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(1);

}  // namespace

absl::Status RedisRefusalOutbox::Append(const std::string& org, const std::string& record) {
  const std::string stream = absl::StrCat("{p", PartitionOf(org, partitions_), "}o");
  return redis::CallAndWait(*client_, stream, {"XADD", stream, "*", "r", record}, kTimeout)
      .status();
}

}  // namespace quotaplane
