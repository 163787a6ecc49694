// Prices a time again by another price book, and writes the differences as corrections.
//
// For each charge, by the same rule by which it was priced first: each attempt as a whole (long
// prompts cost more), at the prices of the day on which it was charged, by the policy's rule for
// unpriced models. What it comes to less what it was charged, with its corrections so far, is the
// correction of each line. So doing it again changes nothing, and doing it by the book of before
// takes it back. Left as they are: usage of models that the book has no price for; charges that
// somebody adjusted by hand, whose word a price book does not overrule.
//
// Live counters follow as those of adjustments do: pending_moves.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/snapshot.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct RerateRequest {
  std::string org;
  // By the counter store's clock: from inclusive, to exclusive.
  int64_t from_us = 0;
  int64_t to_us = 0;
  // Empty: all. Of the attempt's model; of the charge's team and user.
  std::vector<std::string> models;
  std::vector<std::string> teams;
  std::vector<std::string> users;
  std::string reason;  // as Adjustment's
  std::string actor;   // likewise
  // Only says what would change.
  bool dry_run = false;
};

struct RerateSums {
  int64_t entries = 0;  // looked at
  int64_t changed = 0;
  // Of all that were looked at, with their corrections.
  int64_t before_nano_usd = 0;
  int64_t after_nano_usd = 0;
};

struct RerateReport {
  int64_t charges = 0;   // looked at
  int64_t adjusted = 0;  // of these, left alone: adjusted by hand
  int64_t unpriced = 0;  // entries left alone: the book has no price for the model
  RerateSums total;
  // At most kMaxModelsOfReport; further models are together under "".
  std::map<std::string, RerateSums> by_model;
};
inline constexpr size_t kMaxModelsOfReport = 1'000;

// Thread-safe as its database is. Blocks, in bounded memory, as long as it takes: about a
// transaction for each 200 charges.
class Rerater {
 public:
  // `database` must outlive it, and have two connections to spare.
  explicit Rerater(sql::Database* database) : database_(database) {}

  // `prices` is the book to price by, with the policies in force. `now_us` is the local clock, for
  // the whole of it. Killed or failed in between, a part is written: the same call again completes
  // it. INVALID_ARGUMENT (a FieldError on org, from, to, reason, actor). OUT_OF_RANGE: a sum does
  // not fit; or, with reason DATA_DROPPED, retention has dropped entries of that time. Others are
  // the database's.
  absl::StatusOr<RerateReport> Rerate(const RerateRequest& request, const Snapshot& prices,
                                      int64_t now_us);

 private:
  sql::Database* const database_;
};

}  // namespace quotaplane
