// What is asked for and charged, by org, team, project and model, counted for metrics.
//
// Metrics live as long as the process and have to stay few: the first `most_sets` combinations
// count by themselves, and what comes then counts together under kOverflow, so that sums over all
// stay right. Users are never told apart there; of those, the ones that cost the most are known by
// rank alone, up to a bound too.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "libs/admission/charge_record.h"
#include "libs/admission/decision.h"
#include "libs/base/absl_view.h"
#include "libs/base/heavy_hitters.h"
#include "libs/base/mutex.h"
#include "libs/policy/subject.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

// In place of all four names, for what has no room of its own.
inline constexpr std::string_view kOverflow = "overflow";

// Thread-safe. A count takes one short lock of a sixteenth of all, and a reader never more than
// that one.
class UseCounts {
 public:
  static constexpr std::array<std::string_view, 5> kTokenMeters = {
      kMeterInput, kMeterCacheRead, kMeterCacheWrite5m, kMeterCacheWrite1h, kMeterOutput};
  static constexpr size_t kDecisions = 3;  // as of Decision
  static constexpr size_t kMostUsers = 1'000;

  struct Use {
    std::string org, team, project, model;
    std::array<int64_t, kDecisions> decided = {};
    int64_t recorded = 0;  // usage without a reservation
    int64_t cost_nano_usd = 0;
    std::array<int64_t, kTokenMeters.size()> tokens = {};
    int64_t last_us = 0;  // when a request of it was last decided or recorded
  };

  explicit UseCounts(size_t most_sets = 2'000) : most_sets_(most_sets) {}

  // Reserve was answered; `away`: by on_outage, without the store.
  void CountDecision(const Subject& subject, Decision decision, bool away, int64_t now_us);
  // Something was charged. A retry of the same must not come here.
  void CountCharge(const ChargeRecord& record, int64_t now_us);

  // All combinations, in no order; the one of kOverflow is among them if it was needed.
  std::vector<Use> Read() const;
  int64_t sets() const { return sets_.load(std::memory_order_relaxed); }
  int64_t most_sets() const { return static_cast<int64_t>(most_sets_); }
  int64_t overflowed() const { return overflowed_.load(std::memory_order_relaxed); }
  // By Decision.
  std::array<int64_t, kDecisions> decided_away() const;

  struct TopUsers {
    size_t users = 0;  // told apart; at most kMostUsers
    // The highest first. In nano-USD; HeavyHitters' name is one of this process.
    std::vector<HeavyHitters::Hitter> top;
  };
  // What users have cost in the UTC day of `now_us`.
  TopUsers ReadTopUsers(size_t count, int64_t now_us) const;

 private:
  static constexpr size_t kShards = 16;

  // Views into the Use that they are the key of, or of the caller's.
  struct Names {
    std::string_view org, team, project, model;

    friend bool operator==(const Names&, const Names&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Names& n) {
      return H::combine(std::move(h), AbslView(n.org), AbslView(n.team), AbslView(n.project),
                        AbslView(n.model));
    }
  };
  struct Shard {
    Mutex mutex;
    absl::flat_hash_map<Names, std::unique_ptr<Use>> uses ABSL_GUARDED_BY(mutex);
  };

  // Calls `count(Use&)` for these names, or for kOverflow.
  template <typename Count>
  void At(const Names& names, Count count);
  template <typename Count>
  bool TryAt(const Names& names, bool always, Count& count);
  void CountUser(const Subject& subject, int64_t cost_nano_usd, int64_t now_us);

  const size_t most_sets_;
  mutable std::array<Shard, kShards> shards_;
  std::atomic<int64_t> sets_ = 0;  // without kOverflow's
  std::atomic<int64_t> overflowed_ = 0;
  std::array<std::atomic<int64_t>, kDecisions> decided_away_ = {};

  mutable Mutex users_mutex_;
  HeavyHitters users_ ABSL_GUARDED_BY(users_mutex_){kMostUsers};
  int64_t users_day_ ABSL_GUARDED_BY(users_mutex_) = 0;
};

}  // namespace quotaplane
