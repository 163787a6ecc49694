// Which orgs the ledger knows: those that were ever charged.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/sql/database.h"

namespace quotaplane {

// Up to `most` orgs behind `after` (empty: from the first), in the database's order of text. Takes
// as many look-ups in an index as there are orgs, however much each of them used.
absl::StatusOr<std::vector<std::string>> ListOrgs(sql::Session& session, const std::string& after,
                                                  int64_t most);

// All of them, page by page.
absl::StatusOr<std::vector<std::string>> ListAllOrgs(sql::Session& session);

}  // namespace quotaplane
