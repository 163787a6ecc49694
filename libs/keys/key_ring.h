// The virtual keys that this replica knows, by id. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/keys/virtual_key.h"

namespace quotaplane {

// What a key is asked for.
enum class KeyUse {
  // New spend: the key must be in force.
  kSpend,
  // What was spent already (Commit, Record, Release): a key that has ended since, or a secret that
  // was rotated away, still says whose that was, for kSettleUs after its end.
  kSettle,
};

// The longest reservation, made just before the end, and as long again for the gateway to be heard:
// its retries, a store that is away. After that a secret that was stolen does nothing any more.
inline constexpr int64_t kSettleUs = int64_t{48} * 3'600 * 1'000'000;

class KeyRing {
 public:
  struct Change {
    std::string id;
    std::optional<VirtualKey> key;  // in place of the one of that id; none: it is taken away
  };
  // All in one step, which nobody sees a part of. `together` runs in the same step: whoever sees
  // one of these changes sees what it did, and the other way round. It must be quick, and must not
  // use this ring. By one thread at a time.
  void Update(
      std::vector<Change> changes, absl::FunctionRef<void()> together = [] {});
  void Put(VirtualKey key);
  void Erase(std::string_view id);
  size_t size() const;

  // UNAUTHENTICATED, with the reason KEY_UNKNOWN (also for a wrong secret and a malformed text:
  // nothing tells them apart), KEY_REVOKED, KEY_EXPIRED. Messages name the key's id at most. Takes
  // the same time for an unknown id as for a wrong secret, as far as hashing goes.
  absl::StatusOr<std::shared_ptr<const VirtualKey>> Resolve(std::string_view text, int64_t now_us,
                                                            KeyUse use) const;

 private:
  using Keys = absl::flat_hash_map<std::string, std::shared_ptr<const VirtualKey>>;

  std::shared_ptr<const VirtualKey> Find(std::string_view id) const;

  mutable Mutex mutex_;
  Keys keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quotaplane
