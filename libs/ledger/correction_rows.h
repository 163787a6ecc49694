// From corrections to rows: entries, what they add to sums, keys and moves, all of one transaction.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/base/hash.h"
#include "libs/ledger/booked_charge.h"
#include "libs/sql/database.h"

namespace quotaplane {

// What a correction adds to a line. Prices are those of the line, or of the book that it is priced
// by anew.
struct LineCorrection {
  const BookedLine* line = nullptr;
  int64_t quantity = 0;
  int64_t cost_nano_usd = 0;
  int64_t unit_price = 0;
  std::string_view price_version;
  std::string_view priced_as;
};

enum class CorrectedBy { kAdjustment, kRerating };

// Views into the charges and reasons that it is given, which must outlive it. Not thread-safe.
class CorrectionRows {
 public:
  CorrectionRows(CorrectedBy by, std::string_view reason, int64_t now_us);

  // One correction: the entries that its lines are, with the key `key`, as part of `move`.
  void Add(const BookedCharge& charge, const Digest& key, const Digest& move,
           const std::vector<LineCorrection>& lines);
  // A row of ledger_moves, for the corrections that name it.
  void AddMove(const Digest& move, std::string_view org, int64_t fingerprint);

  // Writes all of it. ALREADY_EXISTS: one of the keys is there.
  absl::Status Write(sql::Transaction& transaction) const;

 private:
  void AddToRollup(sql::Batch* rollup, int64_t bucket_us, const BookedCharge& charge,
                   const LineCorrection& line) const;
  std::string_view Keep(const Digest& digest);

  const CorrectedBy by_;
  const std::string_view reason_;
  const int64_t now_us_;
  std::deque<Digest> kept_;  // does not move what it holds
  sql::Batch keys_, entries_, rollup_hour_, rollup_day_, moves_;
};

}  // namespace quotaplane
