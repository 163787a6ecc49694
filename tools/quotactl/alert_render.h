// Alerts as text for people. Pure: `now` is passed in.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/alerts.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// A row each; which of them have an action in force stands in a column of its own, if any has.
// Empty for no alerts: what is said then depends on what was asked (next_step.h).
std::string AlertsAsText(const v1::ListAlertsResponse& response, const terminal::Style& style);
// All about one: what was expected, what came, who made the difference, what was done.
std::string AlertAsText(const v1::Alert& alert, absl::Time now, const terminal::Style& style);
// One line, ended by a line feed, as it is after its last change.
std::string AlertLine(const v1::Alert& alert, const terminal::Style& style);

}  // namespace quotaplane::quotactl
