// reports.proto <-> reports, and the validation of everything that comes from outside. Errors are
// FieldErrors (libs/base/error.h) that list every violation.
#pragma once

#include <quotaplane/v1/reports.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "libs/reports/compare.h"
#include "libs/reports/export.h"
#include "libs/reports/focus.h"
#include "libs/reports/query.h"

namespace quotaplane {

inline constexpr int kMaxGroupBy = 8;
inline constexpr int kMaxFilters = 16;
inline constexpr int kMaxFilterValues = 64;
inline constexpr int kMaxRangeDays = 3'700;
inline constexpr int kMaxTop = 10'000;
inline constexpr int kMaxPageSize = 5'000;
inline constexpr int kDefaultPageSize = 1'000;
// Each has two groups of measures, and there are no pages: they have to fit into one message.
inline constexpr int kMaxCompared = 2'000;
inline constexpr int kMaxSpenders = 1'000;
inline constexpr int kDefaultSpenders = 10;
// A page ends before its message reaches what gRPC clients take by default (4 MiB).
inline constexpr size_t kMaxPageBytes = 2 << 20;

struct UsagePage {
  reports::UsageQuery query;
  size_t offset = 0;
  size_t size = 0;
  std::string token_base;  // what binds tokens to this query
};
absl::StatusOr<UsagePage> FromProto(const v1::QueryUsageRequest& request);
absl::StatusOr<reports::UsageQuery> FromProto(const v1::ListTopSpendersRequest& request);

struct ComparisonArgs {
  reports::Selection selection;  // its range is the current one
  reports::Range base;
  std::vector<reports::Dimension> group_by;
  size_t top = 0;
};
absl::StatusOr<ComparisonArgs> FromProto(const v1::ComparePeriodsRequest& request);

struct ExportArgs {
  reports::Selection selection;
  v1::ExportFormat format = v1::EXPORT_FORMAT_UNSPECIFIED;
  reports::FocusNames names;
};
absl::StatusOr<ExportArgs> FromProto(const v1::ExportUsageRequest& request);

void ToProto(const reports::UsageReport& report, const UsagePage& page,
             v1::QueryUsageResponse* response);
void ToProto(const reports::UsageReport& report, v1::ListTopSpendersResponse* response);
void ToProto(const reports::ComparisonReport& report, v1::ComparePeriodsResponse* response);
void ToProto(const reports::ExportChunk& chunk, v1::ExportUsageResponse* response);

}  // namespace quotaplane
