// The work of a change, as the stores of this library do it: each write runs in a change that its
// caller opens, so that one change may make several of them (state.h), and gives back what it made
// together with what the change says of it.
//
//   Changed<Exception> made;
//   changes.Make(request, target, [&](sql::Transaction& transaction, int64_t number)
//                    -> absl::StatusOr<ChangeRecord> {
//     QP_ASSIGN_OR_RETURN(made, exceptions.Request({transaction, request, number}, spec, *policy));
//     made.record.answer = AnswerOf(made.now);
//     return made.record;
//   });
#pragma once

#include <cstdint>

#include "libs/control/change.h"
#include "libs/sql/database.h"

namespace quotaplane {

// What Changes::Make gives its work, and why it is done.
struct OpenChange {
  sql::Transaction& transaction;
  const ChangeRequest& request;
  int64_t number = 0;
};

template <typename T>
struct Changed {
  T now;
  ChangeRecord record;  // `answer` is the caller's
};

}  // namespace quotaplane
