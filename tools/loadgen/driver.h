// Sends a workload through a server, as a gateway would.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/client/connection.h"
#include "tools/loadgen/schedule.h"
#include "tools/loadgen/tally.h"
#include "tools/loadgen/timeline.h"
#include "tools/loadgen/workload.h"

namespace quotaplane::loadgen {

struct DriveOptions {
  int64_t requests = 4000;
  // Threads, each with one call at a time.
  int concurrency = 4;
  // Model calls that each thread has under way: a hold lasts until that many others of its thread
  // were reserved, since a real model call takes its time. That is what limits on concurrency see.
  int open_calls = 8;
  // When each request is due, which its latency counts from; null: as soon as a thread is free.
  const Schedule* schedule = nullptr;
  // Where every Reserve and Commit is written down. Then a call that fails for good is counted and
  // the run goes on, as gateways do; and what was used is committed for a minute before that. Null:
  // the first such call stops the run.
  Timeline* timeline = nullptr;
  // Makes this run's ids its own.
  std::string run_id;
};

// May be read from any thread while a run is under way.
struct DriveProgress {
  std::atomic<int64_t> requests = 0;
  std::atomic<int64_t> refused = 0;
};

struct DriveResult {
  Tally tally;
  // The call that stopped the run, where one did; with a timeline, the first that failed.
  std::optional<grpc::Status> failure;
};

DriveResult Drive(const client::Connection& connection, const Workload& workload,
                  const DriveOptions& options, DriveProgress* progress);

}  // namespace quotaplane::loadgen
