// What answers QuotaService, beside the counter store: admission, the spool, and what is counted.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/admission/admission.h"
#include "libs/admission/refusal_counts.h"
#include "libs/admission/use_counts.h"
#include "libs/counters/redis/forecast_table.h"
#include "libs/counters/redis/redis_counter_store.h"
#include "libs/counters/redis/sweeper.h"
#include "libs/ledger/redis/refusal_outbox.h"
#include "libs/ledger/refusal_sender.h"
#include "libs/redis/client.h"
#include "libs/spool/spool.h"
#include "services/quota/charge_convert.h"
#include "services/quota/limit_watch.h"
#include "services/quota/spool_drain.h"
#include "services/quotaplane/serve.h"

namespace quotaplane {

class QuotaRole {
 public:
  // All must outlive it. An error is the spool's.
  static absl::StatusOr<std::unique_ptr<QuotaRole>> Start(const ServeOptions& options,
                                                          redis::Client* client,
                                                          RedisCounterStore* store,
                                                          const SnapshotHolder* snapshots,
                                                          const ChargeCodec* codec);

  Admission* admission() { return &admission_; }
  SpoolStats spool() const { return spool_->stats(); }
  const UseCounts& uses() const { return uses_; }
  const LimitWatch& limits() const { return limit_watch_; }

 private:
  QuotaRole(redis::Client* client, RedisCounterStore* store, const SnapshotHolder* snapshots,
            std::unique_ptr<Spool> spool, const ChargeCodec* codec);

  const std::unique_ptr<Spool> spool_;
  DiskChargeSpool charge_spool_;
  RefusalCounts refusals_;
  UseCounts uses_;
  RedisForecastTable forecasts_;
  Admission admission_;
  RedisRefusalOutbox refusal_outbox_;
  RefusalSender refusal_sender_;
  Sweeper sweeper_;
  LimitWatch limit_watch_;
  SpoolDrain spool_drain_;
};

}  // namespace quotaplane
