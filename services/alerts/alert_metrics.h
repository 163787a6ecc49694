// What Prometheus is told of the alerts role. Names and labels are pinned by
// tests/e2e/metrics.golden.
#pragma once

#include <vector>

#include "libs/metrics/family.h"
#include "services/alerts/alert_status.h"

namespace quotaplane {

std::vector<metrics::Family> AlertMetrics(const AlertStatus& status);

}  // namespace quotaplane
