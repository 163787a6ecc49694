// What a replica makes of control items: the policies and prices in force, the keys it knows, and
// what it logs.
//
// An item that this replica cannot use, since it was written by a newer version of the program or
// is damaged, is told, and what was in force before it stays.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "libs/admission/snapshot.h"
#include "libs/base/mutex.h"
#include "libs/control/follower.h"
#include "libs/control/item_codec.h"
#include "libs/keys/key_ring.h"

namespace quotaplane {

struct ControlStateOptions {
  // Called before policies take force, which they do when it has returned. Keys do not wait for it.
  std::function<void(const PolicySet& next, const PolicySet& present)> before_policies;
  // The counter store's clock, as far as it is known: price books start by it.
  std::function<int64_t()> now_us;
};

// Thread-safe.
class ControlState : public ItemSink {
 public:
  // Starts a thread, which switches price books at their time. All must outlive it. The prices that
  // are in force now are those of the file: used where the control plane has no book.
  ControlState(SnapshotHolder* snapshots, KeyRing* keys, const ItemCodec* codec,
               ControlStateOptions options);
  ~ControlState() override;

  void Apply(const std::vector<ControlItem>& items) override;
  Counts counts() const override;

  // The file has changed.
  void SetFilePrices(std::shared_ptr<const PriceBook> prices);

 private:
  struct Book {
    int64_t active_from_us = 0;
    std::shared_ptr<const PriceBook> prices;
  };

  // Without waiting for policies: a freeze is urgent, and curbs do not depend on them.
  void ApplyCurbs(const std::vector<const ControlItem*>& items);
  absl::Status ReadCurbsItem(const ControlItem& item, std::vector<PolicySet::OrgChange>* changes);
  // Policies and raises, and in the same step `keys`.
  void ApplyPolicies(const std::vector<const ControlItem*>& items,
                     std::vector<KeyRing::Change> keys);
  // Adds what the item changes of its org.
  absl::Status ReadPolicyItem(const ControlItem& item, std::vector<PolicySet::OrgChange>* changes);
  absl::Status ReadKeyItem(const ControlItem& item, std::vector<KeyRing::Change>* changes);
  absl::Status ApplyPrices(const ControlItem& item);
  absl::Status ApplyLog(const ControlItem& item) const;
  // Whether the item could be used.
  void Note(const ControlItem& item, const absl::Status& used);
  void SwitchPrices();
  void RunSchedule();

  SnapshotHolder* const snapshots_;
  KeyRing* const keys_;
  const ItemCodec* const codec_;
  const ControlStateOptions options_;

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<std::string> rejected_ ABSL_GUARDED_BY(mutex_);
  std::vector<Book> books_ ABSL_GUARDED_BY(mutex_);  // in the order of their times
  std::shared_ptr<const PriceBook> file_prices_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const PriceBook> in_force_ ABSL_GUARDED_BY(mutex_);
  bool own_prices_ ABSL_GUARDED_BY(mutex_) = false;  // these are not the file's
  std::thread schedule_;
};

}  // namespace quotaplane
