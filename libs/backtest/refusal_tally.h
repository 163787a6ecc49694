// Who was refused by what, how often, and what it would have cost: added up while a replay goes on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "libs/backtest/backtest.h"
#include "libs/base/hash.h"

namespace quotaplane {

// Scopes kept track of, of all limits together. Each is about 150 bytes.
inline constexpr size_t kMaxTalliedScopes = 1'000'000;

// Of one limit or rule.
class RefusalTally {
 public:
  // `room` is how many scopes may still be added, shared by all tallies.
  void Refused(const Digest& scope, int64_t at_us, int64_t cost_nano_usd, size_t* room,
               absl::FunctionRef<std::string()> name);
  void Exceeded(int64_t at_us);

  bool empty() const { return refused_ == 0 && exceeded_ == 0; }
  // Scopes were left out for want of room.
  bool incomplete() const { return incomplete_; }
  // All but limit_id and unit.
  BacktestLimit Report() const;

 private:
  void Met(int64_t at_us);

  int64_t refused_ = 0;
  int64_t refused_cost_nano_usd_ = 0;
  int64_t exceeded_ = 0;
  int64_t first_us_ = 0;
  bool incomplete_ = false;
  absl::flat_hash_map<Digest, BacktestScope> scopes_;
};

}  // namespace quotaplane
