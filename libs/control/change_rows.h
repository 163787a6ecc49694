// What a change reads and writes around its work: the lock, the request ids, the items.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/change.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Holds up every other change until the transaction ends. Returns the number of a change that
// begins with it.
absl::StatusOr<int64_t> LockForChange(sql::Transaction& transaction);
// The same, for what is not a change: it takes no number.
absl::Status LockForRefusal(sql::Transaction& transaction);

// The answer of a request that was carried out before and is remembered; nullopt if there is none.
// ALREADY_EXISTS, reason REQUEST_ID_REUSED. Who asks is a part of what was asked: nobody gets the
// answer of another.
absl::StatusOr<std::optional<std::string>> FindAnswer(sql::Transaction& transaction,
                                                      const ChangeRequest& request);
// Remembers it, and forgets a bounded number of those whose time is over: more than one, so that
// they do not pile up.
absl::Status RememberAnswer(sql::Transaction& transaction, const ChangeRequest& request,
                            const std::string& answer);

// In place of the answer that is remembered. NOT_FOUND: there is none.
absl::Status ReplaceAnswer(sql::Transaction& transaction, const ChangeRequest& request,
                           const std::string& answer);

absl::Status WriteItems(sql::Transaction& transaction, int64_t number,
                        const std::vector<ChangeRecord::ItemWrite>& items);

}  // namespace quotaplane
