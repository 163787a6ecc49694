// Replays a trace of model calls against a server: Reserve, and Commit for each that is allowed.
//
// The trace names no users: each row gets a person of a made-up company (tools/client/company.h) by
// a rule that depends on (seed, line) only. Ids are "replay-RUN-LINE", so a run that was broken off
// can be taken up again under its run id and charges no line twice, and two runs with ids of their
// own do not meet.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/client/connection.h"

namespace quotaplane::quotactl {

struct ReplayOptions {
  std::string path;
  std::string model = "claude-sonnet-4-5";
  std::string org;
  std::string run_id;
  uint64_t seed = 1;
  int concurrency = 16;
};

struct ReplayTotals {
  int64_t requests = 0;
  int64_t committed = 0;
  int64_t denied = 0;
  // Committed ones only.
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cost_nano_usd = 0;
  // How many requests each limit (or rule) refused; a request may be refused by several.
  std::map<std::string, int64_t> denied_by;
};

struct ReplayResult {
  ReplayTotals totals;
  // What stopped it, where something did; the totals are then those of the rows before.
  std::optional<grpc::Status> failure;
};

// How many rows are done; read it from any thread.
using ReplayProgress = std::atomic<int64_t>;

// Rows go out in order, up to `concurrency` at a time. The first call that fails (after patient
// repetition) stops the replay. The trace should have passed CheckTrace; an error in it all the
// same is returned.
absl::StatusOr<ReplayResult> Replay(const client::Connection& connection,
                                    const ReplayOptions& options, ReplayProgress* progress);

}  // namespace quotaplane::quotactl
