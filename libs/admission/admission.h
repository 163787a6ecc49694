// The life of a reservation: match the policy, price the estimate, hold, settle. Domain only: the
// counter store, the spool, the ledger's format and the time are handed in.
//
// Results are decisions; a status that is not OK is an error, with a reason (libs/base/error.h):
// those of proto/quotaplane/v1/quota.proto, where each is explained.
//
// Inputs must have been validated (services/quota/quota_convert.h): ids, subjects and meters within
// their bounds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "libs/admission/charge_record.h"
#include "libs/admission/decision.h"
#include "libs/admission/refusal_counts.h"
#include "libs/admission/snapshot.h"
#include "libs/admission/use_counts.h"
#include "libs/counters/counter_store.h"
#include "libs/counters/forecast_table.h"
#include "libs/forecast/budget_forecast.h"
#include "libs/policy/subject.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {

inline constexpr int64_t kDefaultTtlUs = 600'000'000;

struct ReserveArgs {
  std::string id;
  Subject subject;
  Usage estimate;
  ServiceTier tier = ServiceTier::kStandard;
  int64_t ttl_us = kDefaultTtlUs;
  // What else does not let the subject use the model, beside the policy's rules: "key/ID"; empty:
  // nothing. Not part of what makes two calls the same.
  std::string refused_by = {};
};

struct ReserveAnswer {
  Verdict verdict;
  int64_t estimated_cost_nano_usd = 0;
  std::vector<Remaining> tightest;  // at most 3
  int64_t expires_at_us = 0;        // 0: nothing is held
  bool outage = false;
  bool unpriced = false;
};

struct ExtendArgs {
  std::string id;
  Subject subject;
  int64_t sequence = 0;
  // No meters: only prolong.
  Usage estimate;
  ServiceTier tier = ServiceTier::kStandard;
  int64_t ttl_us = 0;           // 0: expiry stays
  std::string refused_by = {};  // as Reserve's
};

struct ExtendAnswer {
  Verdict verdict;
  int64_t estimated_cost_nano_usd = 0;
  int64_t expires_at_us = 0;
};

struct Attempt {
  std::string model;
  Usage usage;
  ServiceTier tier = ServiceTier::kStandard;
};

struct CommitArgs {
  std::string id;
  Subject subject;
  std::vector<Attempt> attempts;
  bool record = false;     // usage without a reservation
  std::string trace = {};  // as ChargeRecord's; not part of what makes two calls the same
};

struct CommitAnswer {
  int64_t cost_nano_usd = 0;
  int64_t held_nano_usd = 0;
  int64_t overrun_nano_usd = 0;
  int64_t overrun_tokens = 0;
  bool late = false;
  bool unreserved = false;
  bool spooled = false;
  bool replayed = false;
  bool unpriced = false;
};

struct ReleaseAnswer {
  bool expired = false;  // the hold had ended by itself
  bool replayed = false;
};

struct LimitUsage {
  std::string limit_id;
  std::string scope;
  std::string unit;
  std::string window;
  OnExceed on_exceed = OnExceed::kDeny;
  int64_t amount = 0;
  int64_t used = 0;
  int64_t held = 0;
  int64_t resets_at_us = 0;
  // Of the raise that the amount is from; empty: the policy's amount.
  std::string exception_id;
  int64_t exception_ends_at_us = 0;
  // Of the throttle that left the amount, "A-17"; empty: none does.
  std::string alert_id = {};
  int64_t alert_until_us = 0;
  // Of calendar periods and lifetimes whose present pace is known.
  std::optional<BudgetForecast> forecast = {};
  // What the scope has values of, beside the org.
  std::vector<Dimension> per = {};
};

// Keeps charges while the store is away. Append's `done` is called once; OK means that the record
// is on disk. RESOURCE_EXHAUSTED if there is no room.
class ChargeSpool {
 public:
  virtual ~ChargeSpool() = default;
  virtual void Append(std::string record, absl::AnyInvocable<void(absl::Status)> done) = 0;
};

// The ledger's format (proto/quotaplane/v1/ledger.proto), both ways. Thread-safe.
class ChargeCodec {
 public:
  virtual ~ChargeCodec() = default;
  virtual std::string Encode(const ChargeRecord& record) const = 0;
  // DATA_LOSS: not a charge.
  virtual absl::StatusOr<ChargeRecord> Decode(const std::string& bytes) const = 0;
  virtual std::string EncodeRefusals(const RefusalBatch& batch) const = 0;
  // DATA_LOSS: no batch of refusals.
  virtual absl::StatusOr<RefusalBatch> DecodeRefusals(const std::string& bytes) const = 0;
};

template <typename T>
using Done = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// Thread-safe. Each `done` is called once, on a thread of the store or spool or on the caller's.
// `deadline` bounds the store's part of a call; what follows an outage (the spool) comes after it.
class Admission {
 public:
  // All must outlive this object and the calls under way. `refusals`, where it is given, counts
  // every Reserve that is answered with a denial: each call, also one that is made again. Without
  // `forecasts`, or where they cannot be read, GetUsage answers without them. `uses`, where it is
  // given, counts decisions and charges; what is done again counts once.
  Admission(CounterStore* store, const SnapshotHolder* snapshots, ChargeSpool* spool,
            const ChargeCodec* codec, RefusalCounts* refusals = nullptr,
            const ForecastTable* forecasts = nullptr, UseCounts* uses = nullptr);

  void Reserve(ReserveArgs args, SteadyTime deadline, Done<ReserveAnswer> done);
  void Extend(ExtendArgs args, SteadyTime deadline, Done<ExtendAnswer> done);
  // Also Record. `now_local_us` is the replica's own clock: it dates a spooled charge.
  void Commit(CommitArgs args, SteadyTime deadline, int64_t now_local_us, Done<CommitAnswer> done);
  void Release(ReservationKey key, SteadyTime deadline, Done<ReleaseAnswer> done);
  // Reserve without an id: nothing is held.
  void Check(ReserveArgs args, SteadyTime deadline, Done<ReserveAnswer> done);
  void GetUsage(Subject subject, SteadyTime deadline, Done<std::vector<LimitUsage>> done);

  // The counter store's clock, as far as it is known.
  int64_t EstimatedNowUs() const { return store_->EstimatedNowUs(); }

  // Charges a record from the spool, as its Commit would have been. UNAVAILABLE and
  // DEADLINE_EXCEEDED: try again. DATA_LOSS: not a record. ALREADY_EXISTS: the id was committed
  // with other usage before.
  void ChargeSpooled(const std::string& bytes, SteadyTime deadline, Done<CommitAnswer> done);

 private:
  CounterStore* const store_;
  const SnapshotHolder* const snapshots_;
  ChargeSpool* const spool_;
  const ChargeCodec* const codec_;
  RefusalCounts* const refusals_;
  const ForecastTable* const forecasts_;
  UseCounts* const uses_;
};

}  // namespace quotaplane
