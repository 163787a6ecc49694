// A client of QuotaService as a gateway has one, and short ways to write its requests.
#pragma once

#include <grpcpp/grpcpp.h>
#include <quotaplane/v1/quota.grpc.pb.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace quotaplane::fixtures {

template <typename Response>
struct Answer {
  grpc::Status status;
  Response response;
  absl::Duration latency;

  bool ok() const { return status.ok(); }
};

// google.rpc.ErrorInfo.reason; empty where the error has none.
std::string ReasonOf(const grpc::Status& status);

// The response type and the stub's method of each request.
template <typename Request>
struct MethodOf;

// What a call does where there is no connection to the server.
enum class NoConnection { kWait, kFail };

// Thread-safe. Reconnects within 100 ms once a server is back, as long as somebody waits for it: a
// call, or WaitForServer.
class QuotaClient {
 public:
  using Stub = v1::QuotaService::Stub;

  explicit QuotaClient(const std::string& address,
                       NoConnection no_connection = NoConnection::kWait);

  // The method is the request's.
  template <typename Request>
  Answer<typename MethodOf<Request>::Response> Call(
      const Request& request, absl::Duration deadline = absl::Seconds(10)) const {
    Answer<typename MethodOf<Request>::Response> answer;
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
    context.set_wait_for_ready(no_connection_ == NoConnection::kWait);
    const auto start = std::chrono::steady_clock::now();
    answer.status = (stub_.get()->*MethodOf<Request>::kMethod)(&context, request, &answer.response);
    answer.latency = absl::FromChrono(std::chrono::steady_clock::now() - start);
    return answer;
  }

  void WaitForServer(absl::Duration timeout) const {
    channel_->WaitForConnected(absl::ToChronoTime(absl::Now() + timeout));
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  const NoConnection no_connection_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
};

#define QP_METHOD(NAME)                                       \
  template <>                                                 \
  struct MethodOf<v1::NAME##Request> {                        \
    using Response = v1::NAME##Response;                      \
    static constexpr auto kMethod = &QuotaClient::Stub::NAME; \
  }
QP_METHOD(Reserve);
QP_METHOD(Extend);
QP_METHOD(Commit);
QP_METHOD(Release);
QP_METHOD(Record);
QP_METHOD(Check);
QP_METHOD(GetUsage);
#undef QP_METHOD

// Of org "acme" and model "tester".
v1::Subject SubjectOf(const std::string& team, const std::string& user = "");

struct Tokens {
  int64_t input = 0;
  int64_t output = 0;

  int64_t total() const { return input + output; }
  int64_t cost_nano_usd() const;  // of "tester"
};
v1::Usage UsageOf(Tokens tokens);

v1::ReserveRequest ReserveOf(const std::string& id, const v1::Subject& subject, Tokens estimate,
                             absl::Duration ttl = absl::Minutes(10));
v1::CommitRequest CommitOf(const std::string& id, const v1::Subject& subject, Tokens used);
v1::RecordRequest RecordOf(const std::string& id, const v1::Subject& subject, Tokens used);
v1::ReleaseRequest ReleaseOf(const std::string& id, const v1::Subject& subject);
v1::ExtendRequest ExtendOf(const std::string& id, const v1::Subject& subject, int64_t sequence,
                           Tokens estimate);
v1::GetUsageRequest GetUsageOf(const v1::Subject& subject);

// The state of one limit in an answer; a test fails where it has none of this id.
v1::LimitUsage LimitIn(const v1::GetUsageResponse& usage, const std::string& limit_id);
// Asks for it; a test fails on an error.
v1::LimitUsage LimitOf(const QuotaClient& client, const v1::Subject& subject,
                       const std::string& limit_id);

}  // namespace quotaplane::fixtures
