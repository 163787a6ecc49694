// next_step.h for alerts. Pure.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/alerts.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// "--org acme", or --deployment where the org is empty.
std::string OrgWords(const std::string& org);

// What may be done about it: empty where nothing is left to do.
std::string NextStep(const v1::Alert& alert, const terminal::Style& style);
std::string NextStep(const v1::Silence& silence, absl::Time now);
// Of a list with messages that were given up; empty without any.
std::string NextStep(const v1::ListDeliveriesResponse& response, const std::string& org);

// In place of a table without rows. `filtered`: flags left some out, so there may be others.
std::string NoAlerts(const std::string& org, bool filtered, const terminal::Style& style);
// `ended`: those that have ended were asked for too.
std::string NoSilences(const std::string& org, bool ended, const terminal::Style& style);
std::string NoDeliveries(const std::string& org, bool filtered, const terminal::Style& style);

}  // namespace quotaplane::quotactl
