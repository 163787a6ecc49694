// Money and use as metrics: what this process has decided and charged, and its spool.
#pragma once

#include <cstdint>
#include <vector>

#include "libs/admission/use_counts.h"
#include "libs/metrics/family.h"
#include "libs/spool/spool.h"

namespace quotaplane {

// `now_us` is the counter store's clock, by which users' days are.
std::vector<metrics::Family> UseMetrics(const UseCounts& counts, int64_t now_us);

std::vector<metrics::Family> SpoolMetrics(const SpoolStats& spool);

}  // namespace quotaplane
