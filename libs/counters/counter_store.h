// The counter store: holds and charges on many counters at once, or on none.
//
// Every call is one atomic step by the store's own clock, idempotent by the caller's id, and
// answered by its deadline. A status of UNAVAILABLE or DEADLINE_EXCEEDED means that the store did
// not answer in time: the step may or may not have happened; the same call again finds out. Any
// other error is a bug or a misconfiguration.
//
// One conformance suite (tests/conformance) defines the behaviour, against an exact oracle.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/window/window.h"

namespace quotaplane {

using SteadyTime = std::chrono::steady_clock::time_point;

// Counters that one step may touch. A reservation that would touch more is refused before it gets
// here.
inline constexpr int kMaxCountersPerCall = 256;

// An adjustment may touch more: it is rare, and stands for many charges.
inline constexpr int kMaxCountersPerAdjust = 1'000;

// Counter values stay at or below this; sums saturate here (libs/policy/policy.h, kMaxAmount).
inline constexpr int64_t kMaxCounterValue = (int64_t{1} << 53) - 1;
// More than used can be: what is held and what is committed saturate each by itself.
inline constexpr int64_t kNeverRefuses = 2 * kMaxCounterValue;

// Thresholds of one counter in one call; of all limits that share it.
inline constexpr size_t kMaxThresholdsPerCounter = 32;

// A counter as one call uses it. `window` must outlive the call.
struct CounterUse {
  Digest counter;
  const WindowSpec* window = nullptr;
  // Held by Reserve; the new total hold, in Extend. 0 to kMaxCounterValue. What would take the
  // counter's held part past that is not held, and not given back.
  int64_t hold = 0;
  // Added by Commit. 0 to kMaxCounterValue.
  int64_t charge = 0;
  // Reserve and Extend are refused where used (before the call) > max_used.
  int64_t max_used = kNeverRefuses;
  // Adjust only, where not 0: when that happened what is being corrected. A calendar counter whose
  // present period has not this instant is left alone, as is a sliding one whose window has not.
  int64_t happened_at_us = 0;
  // Commit and TellRefused: values of which it is told when the committed part comes to them. 1 to
  // kMaxCounterValue, ascending, each once, at most kMaxThresholdsPerCounter. See Crossings below.
  std::vector<int64_t> thresholds = {};
};

// Crossings. A counter comes to a threshold when a Commit leaves its committed part at or above it;
// holds do not count, since they may be given back. The same atomic step puts one event where
// crossing.h reads it, whatever is retried or killed:
//   calendar   once in each period
//   lifetime   once
//   sliding    once, and again each time that it comes back to it from below
// A threshold is a value of a counter: another amount makes other thresholds, and a new one that
// has been passed already is told by the next Commit. So is one that was passed by a step that is
// given no thresholds (an Adjust). What an Adjust takes back is not untold: in the same period it
// is not told again.
//
// A limit that refuses may never be used up to its amount. So TellRefused tells a threshold, as a
// Commit would and instead of it, where a request was refused that would have taken the committed
// part past it, and at least nine tenths of it are committed; of a sliding window at most once in
// its length.

// What a threshold is of: bytes that go with the event. Called only where one may be told, on a
// thread of the store's; owns what it needs.
using DescribeThreshold = std::function<std::string(const Digest& counter, int64_t threshold)>;

// Identifies a reservation. The pair is unique; the partition is a function of the org alone.
struct ReservationKey {
  std::string org;
  std::string id;
};

struct CounterState {
  int64_t held = 0;
  int64_t committed = 0;  // within the window
  // End of the calendar period; 0 for other windows.
  int64_t resets_at_us = 0;
  // For a counter that refused: the earliest time at which the hold fits if nothing else happens.
  // 0: unknown, it depends on holds; kNeverFits: not even on an empty counter.
  int64_t fits_at_us = 0;

  int64_t used() const { return held + committed; }
};
inline constexpr int64_t kNeverFits = -1;

// What an id stands for.
enum class ReservationState { kUnknown, kHeld, kCommitted, kReleased, kExpired };

struct ReserveCall {
  ReservationKey key;
  uint64_t request_fingerprint = 0;  // of everything the caller asked for
  uint64_t subject_fingerprint = 0;  // of the subject without its model: Commit must name the same
  int64_t ttl_us = 0;
  int64_t cost_nano_usd = 0;     // kept with the hold, to tell an overrun
  int64_t tokens = 0;            // likewise
  std::vector<CounterUse> uses;  // counters unique
  // Refused by a rule, with no `uses`: holds nothing, and is kRefused unless the id stands for
  // something already. For retries of what was held before the rule.
  bool refuse = false;
};

struct ReserveResult {
  enum class Outcome {
    kHeld,
    kRefused,   // nothing changed
    kMismatch,  // the id stands for another request
    kEnded,     // the id's reservation has ended: `state` says how
  };
  Outcome outcome = Outcome::kHeld;
  ReservationState state = ReservationState::kHeld;
  bool replayed = false;
  int64_t now_us = 0;
  int64_t expires_at_us = 0;
  int64_t cost_nano_usd = 0;  // what the hold was made for; for a replay: by the first call
  // One for each use, as it was before the call. For a replay: before the first call, and empty
  // where that had other counters. Empty unless kHeld or kRefused.
  std::vector<CounterState> counters;
};

struct ExtendCall {
  ReservationKey key;
  uint64_t request_fingerprint = 0;
  uint64_t subject_fingerprint = 0;
  int64_t sequence = 0;       // 1 and up
  int64_t ttl_us = 0;         // 0: expiry stays
  int64_t cost_nano_usd = 0;  // raises the one kept with the hold
  int64_t tokens = 0;
  std::vector<CounterUse> uses;  // `hold` is the new total; lower than the old one changes nothing
  bool refuse = false;           // as in ReserveCall
};

struct ExtendResult {
  enum class Outcome {
    kExtended,
    kRefused,          // nothing changed; the old hold stands
    kMismatch,         // this sequence was used for another request
    kStale,            // a higher sequence was applied before
    kSubjectMismatch,  // the reservation is for another subject
    kEnded,            // `state` says how; kUnknown if there is none
  };
  Outcome outcome = Outcome::kExtended;
  ReservationState state = ReservationState::kHeld;
  bool replayed = false;
  int64_t now_us = 0;
  int64_t expires_at_us = 0;
  std::vector<CounterState>
      counters;  // for each use; without what this reservation holds; empty for a replay
};

struct CommitCall {
  ReservationKey key;
  // Usage without a reservation: an open reservation of this id is an error.
  bool record = false;
  uint64_t usage_fingerprint = 0;
  uint64_t subject_fingerprint = 0;
  int64_t cost_nano_usd = 0;
  int64_t tokens = 0;
  // Goes to the outbox in the same step, byte for byte.
  std::string ledger_record;
  // Remember the outcome for this long instead of the usual retention; 0: the usual. For replays
  // from a spool.
  int64_t remember_us = 0;
  std::vector<CounterUse> uses;     // `charge` counts
  DescribeThreshold describe = {};  // absent: nothing is said of them
};

struct CommitResult {
  enum class Outcome {
    kCharged,
    kMismatch,  // already committed with other usage; the fields below are the first outcome's
    kReleased,  // the reservation was voided; nothing charged
    kHeld,      // record only: the id is an open reservation
    kSubjectMismatch,  // the reservation is for another subject
  };
  Outcome outcome = Outcome::kCharged;
  bool replayed = false;
  bool late = false;
  bool unreserved = false;
  int64_t now_us = 0;
  int64_t cost_nano_usd = 0;
  int64_t held_nano_usd = 0;
  int64_t overrun_nano_usd = 0;
  int64_t overrun_tokens = 0;
};

// Moves what counters say was charged: by a correction of the ledger, or a repair of the counters.
struct AdjustCall {
  ReservationKey key;  // the adjustment's own id, which shares no names with reservations
  uint64_t fingerprint = 0;
  // `charge` is added, and may be negative: a counter does not go below 0. In a sliding window it
  // counts as of now, and takes back at most what the present slot has.
  std::vector<CounterUse> uses;
  // Remember it for this long; 0: the store's usual retention.
  int64_t remember_us = 0;
};

struct AdjustResult {
  enum class Outcome {
    kMoved,
    kMismatch,  // the id stands for another adjustment
  };
  Outcome outcome = Outcome::kMoved;
  bool replayed = false;
  int64_t now_us = 0;  // when it moved: of a replay, the first time
};

struct ReleaseResult {
  // kReleased or kExpired: the hold is gone (`replayed`: it was before). kCommitted, kUnknown:
  // nothing changed.
  ReservationState state = ReservationState::kReleased;
  bool replayed = false;
  int64_t now_us = 0;
};

struct TellRefusedCall {
  std::string org;
  // Of the counters that refused: `thresholds`, and as `hold` what was asked for.
  std::vector<CounterUse> uses;
  DescribeThreshold describe = {};
};

struct TellRefusedResult {
  int64_t now_us = 0;  // 0: nothing was asked of the store, since all had been told
};

struct ReadResult {
  int64_t now_us = 0;
  std::vector<CounterState> counters;  // fits_at_us is set where used > max_used
};

template <typename T>
using StoreCallback = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// Thread-safe. Callbacks run once each, on a thread of the store's or on the caller's, and must not
// block.
class CounterStore {
 public:
  virtual ~CounterStore() = default;

  virtual void Reserve(ReserveCall call, SteadyTime deadline,
                       StoreCallback<ReserveResult> done) = 0;
  virtual void Extend(ExtendCall call, SteadyTime deadline, StoreCallback<ExtendResult> done) = 0;
  virtual void Commit(CommitCall call, SteadyTime deadline, StoreCallback<CommitResult> done) = 0;
  virtual void Adjust(AdjustCall call, SteadyTime deadline, StoreCallback<AdjustResult> done) = 0;
  virtual void Release(ReservationKey key, SteadyTime deadline,
                       StoreCallback<ReleaseResult> done) = 0;
  // After a refusal; makes no difference to it. What fails is found by the next one.
  virtual void TellRefused(TellRefusedCall call, SteadyTime deadline,
                           StoreCallback<TellRefusedResult> done) = 0;
  // What Reserve of these uses would find, changing nothing. `org` places the counters.
  virtual void Read(std::string_view org, std::vector<CounterUse> uses, SteadyTime deadline,
                    StoreCallback<ReadResult> done) = 0;

  // The store's clock, as far as it is known here (from the last reply). Unix microseconds.
  virtual int64_t EstimatedNowUs() const = 0;
};

}  // namespace quotaplane
