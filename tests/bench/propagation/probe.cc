#include "tests/bench/propagation/probe.h"

#include <grpcpp/grpcpp.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/testing/fatal.h"

namespace quotaplane::bench {
namespace {

constexpr std::chrono::milliseconds kBetweenCalls(2);
constexpr std::chrono::minutes kPatience(1);

}  // namespace

Probe::Probe(const std::string& address, const People::Person* gateway)
    : name_(address),
      gateway_(gateway),
      stub_(v1::QuotaService::NewStub(
          grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

Probe::Answer Probe::ReserveAs(const std::string& user) {
  v1::ReserveRequest request;
  request.mutable_subject()->set_org("bench");
  request.mutable_subject()->set_user(user);
  return Reserve(std::move(request));
}

Probe::Answer Probe::ReserveBy(const std::string& key) {
  v1::ReserveRequest request;
  request.set_key(key);
  return Reserve(std::move(request));
}

Probe::Answer Probe::Reserve(v1::ReserveRequest request) {
  request.set_reservation_id(absl::StrCat(name_, "/", ++calls_));
  request.mutable_subject()->set_model("tester");
  (*request.mutable_estimate()->mutable_meters())["input"] = 1;
  request.mutable_ttl()->set_seconds(1);
  grpc::ClientContext context;
  gateway_->Sign(&context);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::ReserveResponse response;
  const grpc::Status status = stub_->Reserve(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) return Answer::kKeyRefused;
  if (!status.ok()) fixtures::Fatal("Reserve: " + status.error_message());
  return response.decision() == v1::DECISION_DENY ? Answer::kRefused : Answer::kAdmitted;
}

std::chrono::steady_clock::time_point Probe::WaitFor(Answer answer,
                                                     const std::function<Answer()>& ask) {
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    if (ask() == answer) return std::chrono::steady_clock::now();
    if (std::chrono::steady_clock::now() - begin > kPatience) {
      fixtures::Fatal("a change is not enforced after a minute");
    }
    std::this_thread::sleep_for(kBetweenCalls);
  }
}

}  // namespace quotaplane::bench
