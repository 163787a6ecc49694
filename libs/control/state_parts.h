// The parts of an org's state: what a document changes of each (state.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/error.h"
#include "libs/config/state_document.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/control/state.h"

namespace quotaplane {

// What an apply has done so far.
struct StateWork {
  StatePlan plan;
  std::vector<ChangeRecord::ItemWrite> items;
  std::vector<FieldViolation> wrong;  // if there is any, all is rolled back

  void Add(StateChange change);
};

// Read for an export.
absl::StatusOr<std::vector<StateException>> ReadStateExceptions(sql::Session& session,
                                                                const std::string& org,
                                                                int64_t now_us);
absl::StatusOr<std::vector<StateKey>> ReadStateKeys(sql::Session& session, const std::string& org,
                                                    int64_t now_us);

absl::Status ApplyExceptions(const OpenChange& change, const ItemCodec& codec,
                             const std::vector<StateException>& exceptions, StateWork* work);
absl::Status ApplyKeys(const OpenChange& change, const ItemCodec& codec,
                       const std::vector<StateKey>& keys, StateWork* work);

}  // namespace quotaplane
