// Whether a server takes calls, as load balancers ask it: for scripts, and to try a deployment.
#include <grpc/health/v1/health.grpc.pb.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/quotactl/commands.h"

namespace quotaplane::quotactl {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr char kPackage[] = "quotaplane.v1.";

int Run(const Globals& globals, const std::string& service) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  HealthCheckRequest request;
  if (!service.empty()) {
    request.set_service(service.find('.') == std::string::npos ? kPackage + service : service);
  }
  HealthCheckResponse response;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + connection->timeout()));
  const auto health = Health::NewStub(connection->channel());
  const grpc::Status status = health->Check(&context, request, &response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  const bool serves = response.status() == HealthCheckResponse::SERVING;
  Print(globals, response,
        absl::StrCat(service.empty() ? "The server" : service,
                     serves ? " takes calls.\n" : " takes no calls at present.\n"));
  return serves ? client::kDone : client::kFailed;
}

}  // namespace

void AddHealth(CLI::App& app, const Globals& globals, Work* work) {
  const auto service = std::make_shared<std::string>();
  CLI::App* health = app.add_subcommand("health", "Whether a server takes calls");
  health->add_option("SERVICE", *service,
                     "QuotaService, LedgerService, ReportService, AdminService or AlertService; "
                     "without it, whichever the server has");
  health->footer(
      R"(Needs no token. Exit code 0 says that it takes calls, 1 that it does not, or is away, or has no
such service.

Examples:
  quotactl health
  quotactl health QuotaService --tls-ca ca.crt)");
  health->callback([=, &globals] { *work = [=, &globals] { return Run(globals, *service); }; });
}

}  // namespace quotaplane::quotactl
