#include "tools/client/connection.h"

#include <random>

#include "absl/time/clock.h"

namespace quotaplane::client {
Connection::Connection(std::string server, absl::Duration timeout, const Security& security)
    : server_(std::move(server)),
      several_(server_.find(',') != std::string::npos),
      timeout_(timeout),
      channel_(OpenChannel(server_, security)),
      stub_(v1::QuotaService::NewStub(channel_)),
      reports_(v1::ReportService::NewStub(channel_)),
      ledger_(v1::LedgerService::NewStub(channel_)),
      admin_(v1::AdminService::NewStub(channel_)),
      alerts_(v1::AlertService::NewStub(channel_)) {}

bool Connection::MayPass(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::CANCELLED ||  // it began to shut down
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

void Connection::BackOff(int attempt) {
  thread_local std::minstd_rand random(std::random_device{}());
  const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random);
  absl::SleepFor(absl::Milliseconds(50) * (1 << (attempt - 1)) * share);
}

}  // namespace quotaplane::client
