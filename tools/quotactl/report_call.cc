#include "tools/quotactl/report_call.h"

namespace quotaplane::quotactl {
namespace {

// How many rows are asked for at a time.
constexpr int kPageSize = 5'000;

}  // namespace

std::optional<int> QueryAllUsage(const Globals& globals, v1::QueryUsageRequest request,
                                 v1::QueryUsageResponse* report) {
  request.set_page_size(kPageSize);
  report->Clear();
  do {
    v1::QueryUsageResponse page;
    const std::optional<int> failed =
        CallReport(globals, &client::Connection::ReportStub::QueryUsage, request, &page);
    if (failed.has_value()) return failed;
    request.set_page_token(page.next_page_token());
    report->mutable_rows()->MergeFrom(page.rows());
    page.mutable_rows()->Swap(report->mutable_rows());
    report->Swap(&page);
  } while (!request.page_token().empty());
  return std::nullopt;
}

}  // namespace quotaplane::quotactl
