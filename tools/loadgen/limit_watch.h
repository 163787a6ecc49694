// Looks at everybody's limits while a run is under way: is one past its amount?
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "quotaplane/v1/quota.pb.h"
#include "tools/client/connection.h"
#include "tools/loadgen/workload.h"

namespace quotaplane::loadgen {

// One limit in one scope.
struct SeenLimit {
  v1::LimitUsage last;
  // The most that `used` was above `amount` in any answer; below zero: it never was.
  int64_t worst_excess = 0;
  int64_t looks = 0;
};

// A thread of its own, until Finish. The public functions are one thread's.
class LimitWatch {
 public:
  // Both must outlive it. A look at one person on one model, then `pause`.
  LimitWatch(const client::Connection& connection, const Workload& workload, std::string org,
             absl::Duration pause);
  ~LimitWatch();

  // Ends the thread, looks at everybody on every model once more, and returns all that was seen, by
  // limit and scope. An error where that last look fails.
  grpc::Status Finish(std::vector<SeenLimit>* seen);

 private:
  void Run(const std::stop_token& stop);
  grpc::Status Look(size_t turn);
  size_t turns() const;

  const client::Connection& connection_;
  const Workload& workload_;
  const std::string org_;
  const absl::Duration pause_;
  std::map<std::pair<std::string, std::string>, SeenLimit> seen_;  // the thread's until it ends
  std::jthread thread_;
};

}  // namespace quotaplane::loadgen
