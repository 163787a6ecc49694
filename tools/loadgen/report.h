// A run's result, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "quotaplane/v1/quota.pb.h"
#include "tools/loadgen/limit_watch.h"
#include "tools/loadgen/tally.h"
#include "tools/terminal/style.h"

namespace quotaplane::loadgen {

// The limits in usd that count a team, or the whole org.
struct Budgets {
  std::string team;  // empty: the org
  std::vector<v1::LimitUsage> limits;
};

struct Report {
  std::string org;
  Tally tally;
  absl::Duration elapsed;
  // Teams in order; the org's last.
  std::vector<Budgets> budgets;
  // For JSON alone.
  int64_t repeated_calls = 0;
  std::string first_failure;  // of a run that went on
  std::vector<SeenLimit> limits;
};

std::string ReportAsText(const Report& report, const terminal::Style& style);
std::string ReportAsJson(const Report& report);

}  // namespace quotaplane::loadgen
