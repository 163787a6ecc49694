// Reading policy versions: rows from the database, parsed documents from a cache where it has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/policy_cache.h"
#include "libs/control/policy_rows.h"
#include "libs/control/policy_version.h"
#include "libs/policy/policy.h"
#include "libs/sql/database.h"

namespace quotaplane {

// The policy of orgs that have no active version.
using DefaultPolicy = std::function<std::shared_ptr<const Policy>()>;

// What a version says, ready for use.
struct LoadedPolicy {
  int64_t version = 0;
  std::shared_ptr<const Policy> policy;
};

// The policy that an org is under: its active version, or the default policy.
struct PolicyInForce {
  std::optional<PolicyRow> row;
  // Of versions to come.
  int approvals_asked = 0;

  int64_t version() const { return row.has_value() ? row->version.version : 0; }
};

// Thread-safe. Blocks. NOT_FOUND: no such version. DATA_LOSS: a stored document cannot be read.
class PolicySource {
 public:
  // `database` must outlive it.
  PolicySource(sql::Database* database, DefaultPolicy default_policy);

  // As PolicyVersions has them (policy_versions.h).
  absl::StatusOr<PolicyVersion> Get(std::string_view org, int64_t version);
  absl::StatusOr<std::vector<PolicyVersion>> List(std::string_view org, int64_t before_version,
                                                  size_t most);
  absl::StatusOr<LoadedPolicy> Load(std::string_view org, int64_t version);

  // A row and its document have to be of one moment: an etag stands for what was read with it.
  absl::StatusOr<std::unique_ptr<sql::Transaction>> Snapshot();
  absl::StatusOr<PolicyInForce> ReadInForce(sql::Session& session, std::string_view org);
  // Of committed rows alone. The default policy comes without what is of the deployment.
  absl::StatusOr<std::shared_ptr<const Policy>> LoadRow(sql::Session& session,
                                                        const PolicyRow& row);
  absl::StatusOr<std::shared_ptr<const Policy>> LoadInForce(sql::Session& session,
                                                            const PolicyInForce& in_force);

  // Puts a version (0: the active one) into the cache, so that nothing is parsed while the lock for
  // changes is held. What is wrong shows later.
  void Warm(std::string_view org, int64_t version);
  // Puts what was committed as `row` into the cache.
  void Keep(const PolicyRow& row, std::shared_ptr<const Policy> policy, size_t yaml_bytes);

 private:
  sql::Database* const database_;
  const DefaultPolicy default_policy_;
  PolicyCache cache_;
};

}  // namespace quotaplane
