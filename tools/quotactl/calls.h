// Calls of AdminService and AlertService, as their subcommands make them. Each gives an exit code
// where it failed.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <optional>

#include "quotaplane/v1/admin.pb.h"
#include "quotaplane/v1/alerts.pb.h"
#include "tools/client/connection.h"
#include "tools/quotactl/globals.h"

namespace quotaplane::quotactl {

using AdminStub = client::Connection::AdminStub;
using AlertStub = client::Connection::AlertStub;

// Of any service.
template <typename Stub, typename Request, typename Response>
using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

template <typename Stub, typename Request, typename Response>
std::optional<int> CallOnce(const Globals& globals, Method<Stub, Request, Response> method,
                            const Request& request, Response* response) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  const grpc::Status status = connection->Call(method, request, response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  return std::nullopt;
}

// A write: its request_id makes a repetition harmless, so it is repeated where that may help.
template <typename Stub, typename Request, typename Response>
std::optional<int> CallPatiently(const Globals& globals, Method<Stub, Request, Response> method,
                                 const Request& request, Response* response) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  const grpc::Status status = connection->CallPatiently(method, request, response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  return std::nullopt;
}

// Reads, or writes, and prints what came of it.
template <typename Stub, typename Request, typename Response, typename Render>
int ReadAndPrint(const Globals& globals, Method<Stub, Request, Response> method,
                 const Request& request, Render render) {
  Response response;
  const std::optional<int> failed = CallOnce(globals, method, request, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response, globals.json ? std::string() : render(response));
  return client::kDone;
}
template <typename Stub, typename Request, typename Response, typename Render>
int WriteAndPrint(const Globals& globals, Method<Stub, Request, Response> method,
                  const Request& request, Render render) {
  Response response;
  const std::optional<int> failed = CallPatiently(globals, method, request, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response, globals.json ? std::string() : render(response));
  return client::kDone;
}

// A list, page by page, into one answer: at most `most` of what `rows` (a member of the response)
// has, newest or first first, as the server gives them.
template <typename Stub, typename Request, typename Response, typename Row>
std::optional<int> ReadPages(const Globals& globals, Method<Stub, Request, Response> method,
                             Request request,
                             google::protobuf::RepeatedPtrField<Row>* (Response::*rows)(), int most,
                             Response* all) {
  constexpr int kPageSize = 1'000;
  do {
    Response page;
    request.set_page_size(std::min(kPageSize, most - (all->*rows)()->size()));
    const std::optional<int> failed = CallOnce(globals, method, request, &page);
    if (failed.has_value()) return failed;
    (all->*rows)()->MergeFrom(*(page.*rows)());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && (all->*rows)()->size() < most);
  all->set_next_page_token(request.page_token());
  return std::nullopt;
}

}  // namespace quotaplane::quotactl
