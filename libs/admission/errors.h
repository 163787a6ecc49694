// Every error that admission gives, with its reason: the one place where gRPC-visible codes of the
// domain are chosen.
#pragma once

#include "absl/status/status.h"
#include "libs/base/error.h"
#include "libs/counters/counter_store.h"

namespace quotaplane {

absl::Status Mismatch();
absl::Status SubjectMismatch();
absl::Status StaleSequence();
absl::Status Unknown();
absl::Status StillHeld();
absl::Status TooManyLimits();
// Reserve with the id of a reservation that ended.
absl::Status EndedAlready(ReservationState state);
// Extend, Release or Commit of a reservation that ended otherwise.
absl::Status NotOpen(ReservationState state);
// Commit or Record of an id that was committed for another subject or usage; the message tells the
// first outcome.
absl::Status CommittedOtherwise(const CommitResult& first);
// A store's error, for calls that have no outage behaviour.
absl::Status StoreError(const absl::Status& status);
absl::Status SpoolError(const absl::Status& status);

}  // namespace quotaplane
