// This process as a replica of the control plane: it follows the board of control items, and
// answers by what it has of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/control/redis/item_board.h"
#include "libs/keys/key_ring.h"
#include "libs/metrics/family.h"
#include "libs/redis/client.h"
#include "services/control/control_state.h"
#include "services/control/item_convert.h"

namespace quotaplane {

struct ControlPlaneOptions {
  redis::ClientOptions redis;
  std::string replica;    // no two that share a store have the same
  std::string saved_dir;  // where it keeps what it knows, for a start while the store is away
  std::function<int64_t()> now_us;  // the counter store's clock, as far as it is known
  // FollowerOptions.
  std::function<std::string()> conditions = nullptr;
  // ControlStateOptions.
  std::function<void(const PolicySet& next, const PolicySet& present)> before_policies;
};

// Thread-safe.
class ControlPlane {
 public:
  // By what was saved and, if the store answers within `patience`, by what it has now. `snapshots`
  // and what the options use must outlive it.
  static absl::StatusOr<std::unique_ptr<ControlPlane>> Start(SnapshotHolder* snapshots,
                                                             ControlPlaneOptions options,
                                                             absl::Duration patience);

  const KeyRing* keys() const { return &keys_; }
  ItemBoard* board() { return &board_; }
  const ItemCodec* codec() const { return &codec_; }
  FollowerStatus status() const { return follower_.status(); }
  const redis::Client* client() const { return client_.get(); }
  void SetFilePrices(std::shared_ptr<const PriceBook> prices) {
    state_.SetFilePrices(std::move(prices));
  }

  // Names and labels are pinned by tests/e2e/metrics.golden.
  std::vector<metrics::Family> Metrics() const;

 private:
  ControlPlane(SnapshotHolder* snapshots, std::unique_ptr<redis::Client> client,
               ControlPlaneOptions options);

  const absl::Time started_;
  const ProtoItemCodec codec_{};
  const std::unique_ptr<redis::Client> client_;
  RedisItemBoard board_;
  KeyRing keys_;
  ControlState state_;
  Follower follower_;
};

}  // namespace quotaplane
