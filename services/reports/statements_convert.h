// statements.proto <-> statements, and the validation of everything that comes from outside. Errors
// are FieldErrors (libs/base/error.h) that list every violation.
#pragma once

#include <quotaplane/v1/statements.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "libs/chargeback/rules.h"
#include "libs/reports/statement_store.h"

namespace quotaplane {

inline constexpr int kMaxStatementsPage = 5'000;
inline constexpr int kDefaultStatementsPage = 1'000;
inline constexpr size_t kStatementChunkBytes = 64 << 10;

struct CloseArgs {
  reports::MonthQuery query;
  std::string request_id;
};
absl::StatusOr<CloseArgs> FromProto(const v1::CloseMonthRequest& request);
absl::StatusOr<reports::MonthQuery> FromProto(const v1::PreviewMonthRequest& request);

struct StatementsPage {
  reports::StatementFilter filter;
  int64_t after = 0;
  size_t size = 0;
  std::string token_base;
};
absl::StatusOr<StatementsPage> FromProto(const v1::ListStatementsRequest& request);

struct StatementArgs {
  std::string org;
  int64_t number = 0;
  v1::StatementFormat format = v1::STATEMENT_FORMAT_UNSPECIFIED;
};
absl::StatusOr<StatementArgs> FromProto(const v1::GetStatementRequest& request);

struct PreviewArgs {
  reports::MonthQuery query;
  std::string cost_center;
  v1::StatementFormat format = v1::STATEMENT_FORMAT_UNSPECIFIED;
};
absl::StatusOr<PreviewArgs> FromProto(const v1::PreviewStatementRequest& request);

void ToProto(const reports::StatementSummary& summary, v1::StatementSummary* proto);
void ToProto(const reports::CloseResult& result, v1::CloseMonthResponse* response);
// `found` has one more than the page where there are more.
void ToProto(const std::vector<reports::StatementSummary>& found, const StatementsPage& page,
             v1::ListStatementsResponse* response);

}  // namespace quotaplane
