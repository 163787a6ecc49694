// Reports as tables for people and as CSV for spreadsheets.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "quotaplane/v1/reports.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// How a report is laid out. In CSV money is in USD, exact, and there is no line for the total.
struct ReportLayout {
  std::vector<std::string> group_by;
  v1::Granularity granularity = v1::GRANULARITY_UNSPECIFIED;
  absl::TimeZone zone = absl::UTCTimeZone();
};

std::string UsageAsTable(const v1::QueryUsageResponse& report, const ReportLayout& layout,
                         const terminal::Style& style);
std::string UsageAsCsv(const v1::QueryUsageResponse& report, const ReportLayout& layout);

// `dimension` is what the spenders are.
std::string SpendersAsTable(const v1::ListTopSpendersResponse& report, const std::string& dimension,
                            const terminal::Style& style);
std::string SpendersAsCsv(const v1::ListTopSpendersResponse& report, const std::string& dimension);

std::string ComparisonAsTable(const v1::ComparePeriodsResponse& report,
                              const std::vector<std::string>& group_by,
                              const terminal::Style& style);
std::string ComparisonAsCsv(const v1::ComparePeriodsResponse& report,
                            const std::vector<std::string>& group_by);

// "+25.0%", "-3.1%"; rounded.
std::string FormatChange(int64_t millionths);

}  // namespace quotaplane::quotactl
