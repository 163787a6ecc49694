// Calls of ReportService, as the reports make them.
#pragma once

#include <optional>

#include "quotaplane/v1/reports.pb.h"
#include "tools/client/connection.h"
#include "tools/quotactl/globals.h"

namespace quotaplane::quotactl {

// Makes one call; an exit code where it failed.
template <typename Request, typename Response>
std::optional<int> CallReport(const Globals& globals,
                              client::Connection::ReportMethod<Request, Response> method,
                              const Request& request, Response* response) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  const grpc::Status status = connection->Call(method, request, response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  return std::nullopt;
}

// QueryUsage page by page: the rows of all of them; all else as the last one says it.
std::optional<int> QueryAllUsage(const Globals& globals, v1::QueryUsageRequest request,
                                 v1::QueryUsageResponse* report);

}  // namespace quotaplane::quotactl
