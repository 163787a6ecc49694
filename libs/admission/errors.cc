#include "libs/admission/errors.h"

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/money/money.h"

namespace quotaplane {
namespace {

std::string_view ReasonFor(ReservationState state) {
  switch (state) {
    case ReservationState::kCommitted:
      return "RESERVATION_COMMITTED";
    case ReservationState::kReleased:
      return "RESERVATION_RELEASED";
    case ReservationState::kExpired:
      return "RESERVATION_EXPIRED";
    case ReservationState::kHeld:
      return "RESERVATION_HELD";
    case ReservationState::kUnknown:
      break;
  }
  return "RESERVATION_UNKNOWN";
}

std::string_view HowItEnded(ReservationState state) {
  switch (state) {
    case ReservationState::kCommitted:
      return "is committed already";
    case ReservationState::kReleased:
      return "was released";
    case ReservationState::kExpired:
      return "has expired";
    default:
      return "is not open";
  }
}

}  // namespace

absl::Status Mismatch() {
  return ReasonedError(absl::StatusCode::kAlreadyExists, "RESERVATION_MISMATCH",
                       "this id (or extend sequence) was used before, for another request");
}

absl::Status SubjectMismatch() {
  return ReasonedError(absl::StatusCode::kAlreadyExists, "RESERVATION_MISMATCH",
                       "the reservation of this id was made for another subject");
}

absl::Status StaleSequence() {
  return ReasonedError(absl::StatusCode::kFailedPrecondition, "EXTEND_SEQUENCE_STALE",
                       "an Extend with a higher sequence was applied before");
}

absl::Status Unknown() {
  return ReasonedError(absl::StatusCode::kNotFound, "RESERVATION_UNKNOWN",
                       "no such reservation, or it ended longer ago than it is remembered");
}

absl::Status StillHeld() {
  return ReasonedError(absl::StatusCode::kFailedPrecondition, "RESERVATION_HELD",
                       "this id is an open reservation: Commit or Release it");
}

absl::Status TooManyLimits() {
  return ReasonedError(
      absl::StatusCode::kFailedPrecondition, "TOO_MANY_LIMITS",
      absl::StrCat("more than ", kMaxCountersPerCall,
                   " counters apply to this request: the policy has to be narrower"));
}

absl::Status EndedAlready(ReservationState state) {
  return ReasonedError(
      absl::StatusCode::kAlreadyExists, ReasonFor(state),
      absl::StrCat("the reservation of this id ", AbslView(HowItEnded(state)), ": use a new id"));
}

absl::Status NotOpen(ReservationState state) {
  return ReasonedError(absl::StatusCode::kFailedPrecondition, ReasonFor(state),
                       absl::StrCat("the reservation ", AbslView(HowItEnded(state))));
}

absl::Status CommittedOtherwise(const CommitResult& first) {
  return ReasonedError(
      absl::StatusCode::kAlreadyExists, "RESERVATION_COMMITTED",
      absl::StrCat("this id was charged before, for another subject or with other usage: it cost ",
                   FormatUsd(first.cost_nano_usd), " USD (", first.cost_nano_usd, " nano-USD)",
                   first.late ? ", late" : ""),
      {{"cost_nano_usd", absl::StrCat(first.cost_nano_usd)},
       {"held_nano_usd", absl::StrCat(first.held_nano_usd)},
       {"overrun_nano_usd", absl::StrCat(first.overrun_nano_usd)},
       {"overrun_tokens", absl::StrCat(first.overrun_tokens)},
       {"late", first.late ? "true" : "false"}});
}

absl::Status StoreError(const absl::Status& status) {
  if (!IsStoreAway(status)) return status;
  return ReasonedError(absl::StatusCode::kUnavailable, "STORE_UNAVAILABLE",
                       absl::StrCat("the counter store did not answer: ", status.message()));
}

absl::Status SpoolError(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return status;
  return ReasonedError(absl::StatusCode::kResourceExhausted, "SPOOL_FULL",
                       absl::StrCat("the counter store is away and the usage cannot be kept: ",
                                    status.message(), "; nothing was charged, retry"));
}

}  // namespace quotaplane
