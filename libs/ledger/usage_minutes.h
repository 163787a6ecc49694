// What an org used in a stretch of time, by who it was: for those who watch spend as it happens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Empty: the subject had none.
struct UsageRow {
  int64_t minute_us = 0;  // its start
  std::string team;
  std::string project;
  std::string user;
  std::string model;    // of the attempt; of a refusal, that was asked for
  std::string session;  // the label of that name
  int64_t cost_nano_usd = 0;
  int64_t tokens = 0;    // of all five token meters
  int64_t requests = 0;  // charges; of several attempts, with the first one's model
  int64_t refusals = 0;

  friend bool operator==(const UsageRow&, const UsageRow&) = default;
};

// Usage charged, and refusals counted, from `from_us` to before `to_us` by the store's clock, both
// whole minutes; one row for each minute, who and what, in their order. Corrections are no usage.
// What the ledger does not have yet is missing.
absl::StatusOr<std::vector<UsageRow>> ReadUsage(sql::Session& session, std::string_view org,
                                                int64_t from_us, int64_t to_us);

}  // namespace quotaplane
