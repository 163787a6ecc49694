// Calls to the store that are under way together, such as one for each partition.
#pragma once

#include <future>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/redis/client.h"

namespace quotaplane::redis {

class ManyCalls {
 public:
  // For one call.
  Callback Next() {
    std::promise<absl::StatusOr<Reply>> promise;
    replies_.push_back(promise.get_future());
    return [promise = std::move(promise)](absl::StatusOr<Reply> reply) mutable {
      promise.set_value(std::move(reply));
    };
  }

  size_t size() const { return replies_.size(); }
  // In the order of Next; each once. Waits.
  absl::StatusOr<Reply> Get(size_t index) { return replies_[index].get(); }
  // All of them, or the first error. Waits for all.
  absl::StatusOr<std::vector<Reply>> GetAll() {
    std::vector<Reply> all;
    absl::Status first;
    for (std::future<absl::StatusOr<Reply>>& reply : replies_) {
      absl::StatusOr<Reply> got = reply.get();
      first.Update(got.status());
      if (got.ok()) all.push_back(*std::move(got));
    }
    if (!first.ok()) return first;
    return all;
  }

 private:
  std::vector<std::future<absl::StatusOr<Reply>>> replies_;
};

}  // namespace quotaplane::redis
