#include "services/quotaplane/quota_role.h"

#include <cstdint>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

RefusalSenderOptions RefusalOptions() {
  absl::BitGen random;
  RefusalSenderOptions options;
  options.instance = absl::StrFormat("%016x%016x", absl::Uniform<uint64_t>(random),
                                     absl::Uniform<uint64_t>(random));
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<QuotaRole>> QuotaRole::Start(const ServeOptions& options,
                                                            redis::Client* client,
                                                            RedisCounterStore* store,
                                                            const SnapshotHolder* snapshots,
                                                            const ChargeCodec* codec) {
  QP_ASSIGN_OR_RETURN(std::unique_ptr<Spool> spool, Spool::Open(options.data_dir + "/spool"));
  return std::unique_ptr<QuotaRole>(
      new QuotaRole(client, store, snapshots, std::move(spool), codec));
}

QuotaRole::QuotaRole(redis::Client* client, RedisCounterStore* store,
                     const SnapshotHolder* snapshots, std::unique_ptr<Spool> spool,
                     const ChargeCodec* codec)
    : spool_(std::move(spool)),
      charge_spool_(spool_.get()),
      forecasts_(client, store->partitions()),
      admission_(store, snapshots, &charge_spool_, codec, &refusals_, &forecasts_, &uses_),
      refusal_outbox_(client, store->partitions()),
      refusal_sender_(&refusals_, &refusal_outbox_, codec, RefusalOptions()),
      sweeper_(store, {}),
      limit_watch_(&admission_, &uses_),
      spool_drain_(spool_.get(), &admission_) {}

}  // namespace quotaplane
