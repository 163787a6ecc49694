// Everything a scenario runs in: a real Redis with an append-only file, admission as a server wires
// it, a spool on disk, and a clock that only the scenario moves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/admission.h"
#include "libs/spool/spool.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/temp_dir.h"
#include "services/quota/charge_convert.h"
#include "services/quota/spool_drain.h"
#include "tests/conformance/store_under_test.h"

namespace quotaplane::scenarios {

// Calls wait for their answers. Whatever cannot be set up ends the test run. Not thread-safe.
class World {
 public:
  World();
  ~World();

  int64_t now_us() const { return now_us_; }
  void SetNow(int64_t now_us);
  SnapshotHolder& snapshots() { return snapshots_; }
  const SnapshotHolder& snapshots() const { return snapshots_; }

  absl::StatusOr<ReserveAnswer> Reserve(const ReserveArgs& args);
  absl::StatusOr<ReserveAnswer> Check(const ReserveArgs& args);
  absl::StatusOr<ExtendAnswer> Extend(const ExtendArgs& args);
  absl::StatusOr<CommitAnswer> Commit(const CommitArgs& args);
  absl::StatusOr<ReleaseAnswer> Release(const ReservationKey& key);
  absl::StatusOr<std::vector<LimitUsage>> GetUsage(const Subject& subject);

  // Ends the reservations that are past their end, and gives how many there were.
  absl::StatusOr<int64_t> Sweep();
  // What was charged to the org, in order.
  absl::StatusOr<std::vector<ChargeRecord>> Ledger(const std::string& org);
  // How many counters hold something.
  absl::StatusOr<int64_t> CountersWithHolds();

  void KillRedis();
  void StartRedis();
  bool redis_running() { return redis_.running(); }
  // As a new process over the same disk; the store's connection stays.
  void RestartServer();
  int64_t SpoolWaiting() const { return spool_->stats().records; }
  // Charges what waits in the spool and gives how many records there were. DEADLINE_EXCEEDED if
  // they cannot be charged.
  absl::StatusOr<int64_t> DrainSpool();

 private:
  void StartServer();

  fixtures::RedisServer redis_;
  fixtures::TempDir disk_;
  int64_t now_us_ = 0;
  SnapshotHolder snapshots_;
  const LedgerCodec codec_;
  StoreUnderTest store_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<DiskChargeSpool> charge_spool_;
  std::unique_ptr<Admission> admission_;
};

}  // namespace quotaplane::scenarios
