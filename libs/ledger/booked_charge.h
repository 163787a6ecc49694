// Charges as the ledger has them now: their lines with all corrections, under a lock, for those who
// correct them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct BookedLine {
  int64_t line = 0;
  int64_t attempt = 0;
  std::string model, priced_as, service_tier;
  std::string meter;  // empty: a request without usage
  int64_t quantity = 0;
  int64_t unit_price = 0;  // nano-USD per million units
  int64_t cost_nano_usd = 0;
  bool unpriced = false;
  std::string price_version;
  // With all corrections.
  int64_t quantity_left = 0;
  int64_t cost_left_nano_usd = 0;
};

struct BookedCharge {
  Digest key;
  std::string org, reservation_id;
  int64_t occurred_at_us = 0;
  std::string subject_model, team, project, user, api_key, labels, cost_center;
  std::vector<BookedLine> lines;  // in order; at least one, or the charge is not there
  int64_t corrections = 0;        // entries
  bool adjusted = false;          // by hand
};

struct ChargeAt {
  Digest key;
  int64_t occurred_at_us = 0;
};

// Locks those of `charges` that are in the ledger's keys until the transaction ends, in an order
// that all who do so share, and reads them. Answers one for each that has entries, in no order. At
// most kMaxBookedCharges of one org. OUT_OF_RANGE: a sum does not fit.
absl::StatusOr<std::vector<BookedCharge>> LockCharges(sql::Transaction& transaction,
                                                      std::string_view org,
                                                      const std::vector<ChargeAt>& charges);
// The same without the lock, for those who only look.
absl::StatusOr<std::vector<BookedCharge>> ReadCharges(sql::Session& session, std::string_view org,
                                                      const std::vector<ChargeAt>& charges);
inline constexpr size_t kMaxBookedCharges = 500;

}  // namespace quotaplane
