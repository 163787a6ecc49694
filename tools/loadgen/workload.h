// What a believable company sends in a day: chats, coding agents, retrieval, nightly batches. A
// pure function of (seed, index).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quotaplane/v1/quota.pb.h"
#include "tools/client/company.h"

namespace quotaplane::loadgen {

// How a request that was allowed ends.
enum class Ending {
  kCommit,
  // The gateway did not hear the answer and commits again.
  kCommitTwice,
  // The provider did not take the call.
  kRelease,
};

struct PlannedRequest {
  v1::Subject subject;
  v1::ServiceTier service_tier = v1::SERVICE_TIER_STANDARD;
  v1::Usage estimate;
  // A stream that outgrows its estimate asks for this one, half-way.
  std::optional<v1::Usage> larger_estimate;
  // What is really used: usually one attempt; two for a fallback to another model.
  std::vector<v1::Attempt> attempts;
  Ending ending = Ending::kCommit;
};

// Immutable. Thread-safe.
class Workload {
 public:
  Workload(std::string org, uint64_t seed);

  const client::Company& company() const { return company_; }
  PlannedRequest At(int64_t index) const;

 private:
  const std::string org_;
  const uint64_t seed_;
  const client::Company company_;
};

}  // namespace quotaplane::loadgen
