// Exceptions' rows in the database: shared by the store and by the whole state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/exceptions.h"
#include "libs/control/item_codec.h"
#include "libs/sql/database.h"

namespace quotaplane {

// What was decided. kEnded: approved, and its end was noticed.
enum class DecidedState { kRequested, kDenied, kApproved, kEnded, kRevoked };

// `exception.state` is not part of it: StateAt.
struct ExceptionRow {
  Exception exception;
  DecidedState decided = DecidedState::kRequested;
};

ExceptionState StateAt(const ExceptionRow& row, int64_t now_us);
// With its state.
Exception At(ExceptionRow row, int64_t now_us);

// A condition on states at $2 (now), for a WHERE clause; "(1 = 1)" for none.
std::string StatesSql(const std::vector<ExceptionState>& states);

absl::Status InsertException(sql::Session& session, const ExceptionRow& row, int64_t number);
// Everything that a decision changes.
absl::Status UpdateException(sql::Session& session, const ExceptionRow& row, int64_t number);

absl::StatusOr<std::optional<ExceptionRow>> ReadException(sql::Session& session,
                                                          const std::string& org,
                                                          const std::string& id);
// Newest first, with ids below `before` (empty: all), in these states.
absl::StatusOr<std::vector<ExceptionRow>> ReadExceptions(sql::Session& session,
                                                         const std::string& org,
                                                         const std::vector<ExceptionState>& states,
                                                         const std::string& before, size_t count,
                                                         int64_t now_us);
// Those that are requested or approved and have not ended.
absl::StatusOr<std::vector<ExceptionRow>> ReadOpenExceptions(sql::Session& session,
                                                             const std::string& org,
                                                             int64_t now_us);
absl::StatusOr<int64_t> CountOpenRequests(sql::Session& session, const std::string& org,
                                          int64_t now_us);

// A JSON object, for the audit log.
std::string ExceptionJson(const Exception& exception);

// The item raises/ORG as the rows have it now; those that have ended are marked so. TOO_MANY:
// kMaxRaisesPerOrg.
absl::StatusOr<ChangeRecord::ItemWrite> MakeRaisesItem(sql::Session& session,
                                                       const ItemCodec& codec,
                                                       const std::string& org, int64_t now_us);

}  // namespace quotaplane
