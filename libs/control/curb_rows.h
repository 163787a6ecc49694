// Curbs' rows in the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/control/change.h"
#include "libs/control/item_codec.h"
#include "libs/policy/curbs.h"
#include "libs/sql/database.h"

namespace quotaplane {

// In place of the alert's row, if it has one.
absl::Status WriteCurb(sql::Session& session, const std::string& org, const Curb& curb,
                       int64_t number);
absl::Status DeleteCurb(sql::Session& session, const std::string& org, int64_t alert);
// The alert's, unless it has ended.
absl::StatusOr<std::optional<Curb>> ReadCurb(sql::Session& session, const std::string& org,
                                             int64_t alert, int64_t now_us);
// Those that have not ended, in the order of their alerts.
absl::StatusOr<std::vector<Curb>> ReadCurbs(sql::Session& session, const std::string& org,
                                            int64_t now_us);

// A person is erased: curbs whose scope has the name as user, API key or label have the pseudonym.
// Items say the name until the org's next one. How many changed.
absl::StatusOr<int64_t> EraseFromCurbs(sql::Session& session, const std::string& org,
                                       const std::string& user, const std::string& pseudonym);

// A JSON object, for the audit log.
std::string CurbJson(const Curb& curb);

// The item curbs/ORG as the rows have it now; those that have ended are deleted. TOO_MANY:
// kMaxCurbsPerOrg, kMaxCurbShapes.
absl::StatusOr<ChangeRecord::ItemWrite> MakeCurbsItem(sql::Session& session, const ItemCodec& codec,
                                                      const std::string& org, int64_t now_us);

}  // namespace quotaplane
