#include "libs/ledger/orgs.h"

#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr int64_t kPage = 1'000;

// Neither database skips from one value of an index to the next by itself.
constexpr char kNextOrgs[] = R"(
WITH RECURSIVE orgs(org) AS (
  SELECT MIN(org) FROM rollup_day WHERE org > $1
  UNION ALL
  SELECT (SELECT MIN(org) FROM rollup_day WHERE org > orgs.org) FROM orgs WHERE org IS NOT NULL
)
SELECT org FROM orgs WHERE org IS NOT NULL LIMIT $2)";

}  // namespace

absl::StatusOr<std::vector<std::string>> ListOrgs(sql::Session& session, const std::string& after,
                                                  int64_t most) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query({"next_orgs", kNextOrgs}, {after, most}));
  std::vector<std::string> orgs;
  orgs.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) orgs.emplace_back(rows[i][0].text());
  return orgs;
}

absl::StatusOr<std::vector<std::string>> ListAllOrgs(sql::Session& session) {
  std::vector<std::string> all;
  for (;;) {
    QP_ASSIGN_OR_RETURN(const std::vector<std::string> page,
                        ListOrgs(session, all.empty() ? "" : all.back(), kPage));
    all.insert(all.end(), page.begin(), page.end());
    if (page.size() < static_cast<size_t>(kPage)) return all;
  }
}

}  // namespace quotaplane
