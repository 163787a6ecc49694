// A connection to a Quotaplane server. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/admin.grpc.pb.h"
#include "quotaplane/v1/alerts.grpc.pb.h"
#include "quotaplane/v1/books.grpc.pb.h"
#include "quotaplane/v1/quota.grpc.pb.h"
#include "quotaplane/v1/reports.grpc.pb.h"
#include "tools/client/security.h"

namespace quotaplane::client {

class Connection {
 public:
  using Stub = v1::QuotaService::Stub;
  template <typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);
  using ReportStub = v1::ReportService::Stub;
  template <typename Request, typename Response>
  using ReportMethod = grpc::Status (ReportStub::*)(grpc::ClientContext*, const Request&,
                                                    Response*);
  using LedgerStub = v1::LedgerService::Stub;
  template <typename Request, typename Response>
  using LedgerMethod = grpc::Status (LedgerStub::*)(grpc::ClientContext*, const Request&,
                                                    Response*);

  using AdminStub = v1::AdminService::Stub;
  template <typename Request, typename Response>
  using AdminMethod = grpc::Status (AdminStub::*)(grpc::ClientContext*, const Request&, Response*);
  using AlertStub = v1::AlertService::Stub;
  template <typename Request, typename Response>
  using AlertMethod = grpc::Status (AlertStub::*)(grpc::ClientContext*, const Request&, Response*);

  // Connects with the first call. `server` is as in OpenChannel. `timeout` is each call's deadline.
  Connection(std::string server, absl::Duration timeout, const Security& security = {});

  const std::string& server() const { return server_; }
  absl::Duration timeout() const { return timeout_; }

  // `response` is cleared first.
  template <typename Request, typename Response>
  grpc::Status Call(Method<Request, Response> method, const Request& request,
                    Response* response) const {
    return CallOn(stub_.get(), method, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Call(ReportMethod<Request, Response> method, const Request& request,
                    Response* response) const {
    return CallOn(reports_.get(), method, request, response);
  }

  template <typename Request, typename Response>
  grpc::Status Call(LedgerMethod<Request, Response> method, const Request& request,
                    Response* response) const {
    return CallOn(ledger_.get(), method, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Call(AdminMethod<Request, Response> method, const Request& request,
                    Response* response) const {
    return CallOn(admin_.get(), method, request, response);
  }
  template <typename Request, typename Response>
  grpc::Status Call(AlertMethod<Request, Response> method, const Request& request,
                    Response* response) const {
    return CallOn(alerts_.get(), method, request, response);
  }

  // For other services.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // For streams, which have no deadline of ours.
  ReportStub* reports() const { return reports_.get(); }
  LedgerStub* ledger() const { return ledger_.get(); }
  AdminStub* admin() const { return admin_.get(); }
  AlertStub* alerts() const { return alerts_.get(); }

  // Like Call, but waits and repeats up to five times what may pass by itself: a server or store
  // that is away, going or overloaded. With several servers the first repetition is at once, since
  // the next one in turn may well answer. Only for calls that carry the caller's id, which makes a
  // repetition harmless.
  template <typename AnyMethod, typename Request, typename Response>
  grpc::Status CallPatiently(AnyMethod method, const Request& request, Response* response) const {
    grpc::Status status;
    for (int attempt = 0; attempt <= kRetries; ++attempt) {
      if (attempt > 0) {
        retries_.fetch_add(1, std::memory_order_relaxed);
        if (attempt > 1 || !several_) BackOff(attempt);
      }
      status = Call(method, request, response);
      if (!MayPass(status)) break;
    }
    return status;
  }
  // How many repetitions that has been.
  int64_t retries() const { return retries_.load(std::memory_order_relaxed); }

 private:
  template <typename Service, typename Method, typename Request, typename Response>
  grpc::Status CallOn(Service* stub, Method method, const Request& request,
                      Response* response) const {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
    response->Clear();
    return (stub->*method)(&context, request, response);
  }

  static constexpr int kRetries = 5;
  static bool MayPass(const grpc::Status& status);
  // 50 ms, doubled each time, and somewhere between half of that and all of it.
  static void BackOff(int attempt);

  const std::string server_;
  const bool several_;
  const absl::Duration timeout_;
  mutable std::atomic<int64_t> retries_ = 0;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<Stub> stub_;
  const std::unique_ptr<ReportStub> reports_;
  const std::unique_ptr<LedgerStub> ledger_;
  const std::unique_ptr<AdminStub> admin_;
  const std::unique_ptr<AlertStub> alerts_;
};

}  // namespace quotaplane::client
