// What the appenders, the writer thread and the reader share.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "libs/spool/file_ops.h"
#include "libs/spool/segment.h"
#include "libs/spool/spool.h"

namespace quotaplane::spool {

struct PendingAppend {
  std::string record;
  absl::AnyInvocable<void(absl::Status)> done;
};

struct State {
  State(std::string directory, SpoolOptions spool_options, FileOps& file_ops)
      : dir(std::move(directory)), options(spool_options), ops(file_ops) {}

  const std::string dir;
  const SpoolOptions options;
  FileOps& ops;

  // All below is guarded by `mutex`. (A std::mutex, which ThreadSanitizer can see through.)
  mutable std::mutex mutex;
  std::condition_variable writer_wakes;  // queue, stopping, acknowledged
  std::condition_variable reader_wakes;  // durable_last

  std::deque<PendingAppend> queue;
  int64_t queued_bytes = 0;  // of `queue` and of what the writer has in hand
  bool stopping = false;

  std::map<uint64_t, Segment> segments;  // by first; durable records only
  uint64_t durable_last = 0;             // the highest durable position
  uint64_t acknowledged = 0;
  SpoolStats stats;
};

}  // namespace quotaplane::spool
