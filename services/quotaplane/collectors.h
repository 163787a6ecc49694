// Who is asked when metrics are scraped: every part of the process for its own.
#pragma once

#include <vector>

#include "libs/metrics/family.h"
#include "services/quotaplane/access.h"
#include "services/quotaplane/serve.h"
#include "services/quotaplane/store_roles.h"
#include "services/rpc/rpc_meters.h"

namespace quotaplane {

// One scrape at a time (metrics::Shared). All that is given must outlive the collectors.
std::vector<metrics::Collector> CollectorsOf(const ServeOptions& options, const Access& access,
                                             const RpcMeters& meters, const StoreRoles& roles);

}  // namespace quotaplane
