// Price books of the deployment, by number; which one is in force is a matter of time:
//
//   DRAFT ──Activate──► SCHEDULED (until its time) ──► ACTIVE ──► SUPERSEDED, once a later one is
//
// Of those that were activated, the one in force at an instant is the one with the latest
// `active_from_us` that is not after it; of two with the same, that which was activated later. A
// scheduled one may be given another time, and a superseded one be activated again; never in the
// past, since what was charged stays as it was. Charges name the book's own version, so no two
// books share one.
//
// The item `prices` has the book in force and those scheduled.
//
// Writes are parts of a change (changed.h) whose org is empty. Errors, beside the
// database's: INVALID_ARGUMENT with every problem; NOT_FOUND; ABORTED, ETAG_MISMATCH;
// FAILED_PRECONDITION, WRONG_STATE (metadata `state`); RESOURCE_EXHAUSTED, TOO_MANY.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr int64_t kMaxPriceBooks = 10'000;
inline constexpr size_t kMaxScheduledBooks = 8;
// Of the documents in the item.
inline constexpr size_t kMaxPricesItemBytes = size_t{32} << 20;
inline constexpr int64_t kMaxScheduleUs = int64_t{366} * 24 * 3600 * 1'000'000;

enum class PriceBookState { kDraft, kScheduled, kActive, kSuperseded };
std::string_view PriceBookStateName(PriceBookState state);  // "DRAFT", …

struct StoredPriceBook {
  int64_t number = 0;
  std::string version;
  PriceBookState state = PriceBookState::kDraft;
  std::string author;
  std::string reason;
  int64_t created_at_us = 0;
  std::optional<int64_t> active_from_us;
  std::string activated_by;  // empty: nobody
  int64_t models = 0;
  std::string yaml;  // canonical; empty in lists
  std::string etag;
};

// Thread-safe.
class PriceBookStore {
 public:
  explicit PriceBookStore(const ItemCodec* codec) : codec_(codec) {}

  absl::StatusOr<Changed<StoredPriceBook>> Create(const OpenChange& change,
                                                  std::string_view yaml) const;
  // `active_from_us`: absent: now. Otherwise not before now, at most kMaxScheduleUs ahead. Not of
  // the book in force.
  absl::StatusOr<Changed<StoredPriceBook>> Activate(const OpenChange& change, int64_t number,
                                                    const std::string& etag,
                                                    std::optional<int64_t> active_from_us) const;

  // 0: the one in force.
  absl::StatusOr<StoredPriceBook> Get(sql::Session& session, int64_t number, int64_t now_us) const;
  // Newest first: at most `count`, of those with a number below `before` (0: all).
  absl::StatusOr<std::vector<StoredPriceBook>> List(sql::Session& session, int64_t before,
                                                    size_t count, int64_t now_us) const;

 private:
  const ItemCodec* const codec_;
};

}  // namespace quotaplane
