// Where the master is, by its sentinels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/redis/engine.h"
#include "libs/redis/url.h"

namespace quotaplane::redis {

// On the io thread only. Each question begins with another sentinel than the last one did, so that
// one which is cut off from the others misleads one attempt and not all.
class SentinelGroup {
 public:
  // `engine` outlives it, and it outlives the engine's io thread.
  SentinelGroup(Engine& engine, std::vector<Endpoint> sentinels, std::string master_name);

  // Asks one after another until one knows the master; else the last one's error.
  void FindMaster(std::function<void(absl::StatusOr<Endpoint>)> done);

 private:
  void AskNext(size_t asked, std::function<void(absl::StatusOr<Endpoint>)> done);
  absl::StatusOr<Endpoint> Read(const absl::StatusOr<Reply>& reply) const;

  Engine& engine_;
  const std::vector<Endpoint> sentinels_;
  const std::string master_name_;
  size_t next_ = 0;
};

}  // namespace quotaplane::redis
