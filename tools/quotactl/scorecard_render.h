// The scorecard of `quotactl anomaly simulate`.
#pragma once

#include <string>

#include "libs/anomaly/scorecard.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

std::string ScorecardAsText(const anomaly::Scorecard& card, const terminal::Style& style);
// One object, with a member for each kind of event and for what was said besides.
std::string ScorecardAsJson(const anomaly::Scorecard& card);

}  // namespace quotaplane::quotactl
