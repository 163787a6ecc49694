// Corrections of single charges, by hand: what was charged wrongly is taken back, or added.
//
// Nothing is updated. A correction is entries of its own (kind 'correction'), which name the charge
// that they correct, and the sums of the hour in which they are made: an hour or a month that was
// reported before stays as it was. They carry the original's subject, labels and cost center, and
// the number of the original line that each corrects.
//
// What a line was charged, with all its corrections, never goes below 0, whoever corrects it at the
// same time: that is checked under a lock of the original.
//
// Live counters are moved afterwards, from a row that is written with the entries: see
// pending_moves.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr size_t kMaxReasonBytes = 512;
inline constexpr size_t kMaxActorBytes = 128;
inline constexpr size_t kMaxAdjustmentIdBytes = 128;

struct Adjustment {
  std::string org;
  // The caller's, unique in the org; shares no names with reservations. 1 to kMaxAdjustmentIdBytes.
  std::string id;
  // Of the charge: of its Commit, or of its Record.
  std::string reservation_id;
  // Which line of the charge, from 0; absent: all of it.
  std::optional<int64_t> line;
  // Takes back everything that is left, cost and quantity. Then there are no amounts.
  bool take_back_all = false;
  // Added to the cost; negative: taken back. Without a line it is spread over the lines, in
  // proportion to what they cost (all of it on the first, where they cost nothing).
  int64_t cost_nano_usd = 0;
  // Added to the quantity of `line`, which has to be said; negative: taken back.
  int64_t quantity = 0;
  std::string reason;  // 1 to kMaxReasonBytes, no control characters
  std::string actor;   // who does it, for the audit: 1 to kMaxActorBytes, no control characters
};

struct AdjustedLine {
  int64_t line = 0;
  std::string model;
  std::string meter;  // empty: a request without usage
  // What this adjustment added.
  int64_t quantity = 0;
  int64_t cost_nano_usd = 0;
  // What the line comes to now, with all corrections.
  int64_t quantity_left = 0;
  int64_t cost_left_nano_usd = 0;
};

struct AdjustOutcome {
  // It had been made before, by this very call; nothing changed now.
  bool replayed = false;
  int64_t occurred_at_us = 0;       // of the charge
  int64_t recorded_at_us = 0;       // of the adjustment
  std::vector<AdjustedLine> lines;  // those that it changed
  int64_t cost_nano_usd = 0;        // sum over `lines`
  int64_t cost_left_nano_usd = 0;   // of the whole charge
  // Of its row in ledger_moves.
  Digest move;
};

// Thread-safe as its database is.
class Adjuster {
 public:
  // `database` must outlive it.
  explicit Adjuster(sql::Database* database) : database_(database) {}

  // Writes entries, sums, the move and the audit in one transaction. `now_us` is the local clock.
  // INVALID_ARGUMENT (a FieldError on org, id, reservation_id, line, cost_nano_usd, quantity,
  // take_back_all, reason, actor): a rule above is broken. NOT_FOUND: no such charge, or no such
  // line. FAILED_PRECONDITION, with a reason of its own: NOTHING_LEFT or MORE_THAN_LEFT (the
  // message says how much there is), ENTRIES_DROPPED (retention has dropped the charge's lines).
  // ALREADY_EXISTS, reason ADJUSTMENT_EXISTS: the id stands for another adjustment. OUT_OF_RANGE: a
  // line would come to more than can be counted. Others are the database's; after UNAVAILABLE,
  // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED and ABORTED the same call may be made again.
  absl::StatusOr<AdjustOutcome> Adjust(const Adjustment& adjustment, int64_t now_us);

 private:
  sql::Database* const database_;
};

}  // namespace quotaplane
