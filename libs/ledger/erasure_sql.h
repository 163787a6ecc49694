// What erasing a person does to the rows of the ledger.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/hash.h"
#include "libs/sql/database.h"

namespace quotaplane {

struct Person {
  std::string org;
  std::string user;
  std::string pseudonym;
};

// The person's row in erasures; makes it where there is none, and marks it with `now_us`. Writers
// of the ledger wait from here on until the transaction ends, and it waits for those under way.
// Returns the pseudonym, an earlier one where there is.
absl::StatusOr<std::string> RegisterErasure(sql::Transaction& transaction, const std::string& org,
                                            const std::string& user, int64_t now_us);

// How many rows changed.
struct Renamed {
  int64_t entries = 0;
  int64_t refusals = 0;

  bool anything() const { return entries + refusals > 0; }
};

// Entries, refusals and sums under the pseudonym. After RegisterErasure.
absl::StatusOr<Renamed> RenameRows(sql::Transaction& transaction, const Person& person);

}  // namespace quotaplane
