#include "tests/bench/propagation/admin.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::bench {
namespace {

using Stub = v1::AdminService::Stub;

// A state of 100,000 keys takes some seconds.
constexpr std::chrono::minutes kPatience(2);
constexpr char kOrg[] = "bench";
constexpr char kLimit[] = "user-day";

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(std::numeric_limits<int>::max());
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void FillAmount(const std::string& user, int64_t amount, v1::SetAmount* set) {
  set->set_limit_id(kLimit);
  (*set->mutable_scope())["user"] = user;
  set->set_amount(absl::StrCat(amount));
}

}  // namespace

Admin::Admin(const std::string& address, const People* people)
    : people_(people), stub_(v1::AdminService::NewStub(Connect(address))) {}

template <typename Request>
Request Admin::Asked() {
  Request request;
  request.set_org(kOrg);
  request.set_request_id(absl::StrCat("bench-", ++calls_));
  return request;
}

template <typename Request, typename Response>
Response Admin::Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                     Request request, const People::Person& person) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  person.Sign(&context);
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) {
    fixtures::Fatal(absl::StrCat(Request::descriptor()->name(), ": ", status.error_message()));
  }
  return response;
}

void Admin::Apply(const std::string& yaml) {
  auto request = Asked<v1::ApplyStateRequest>();
  request.set_yaml(yaml);
  request.set_reason("the benchmark's");
  Call(&Stub::ApplyState, std::move(request), people_->admin());
}

void Admin::SetAmount(const std::string& user, int64_t amount) {
  auto request = Asked<v1::SetLimitRequest>();
  FillAmount(user, amount, request.mutable_set());
  request.set_reason("another amount");
  Call(&Stub::SetLimit, std::move(request), people_->admin());
}

Admin::Draft Admin::MakeDraft(const std::string& user, int64_t amount) {
  auto request = Asked<v1::CreateDraftRequest>();
  FillAmount(user, amount, request.mutable_edits()->add_edits()->mutable_set_amount());
  request.set_reason("another amount");
  v1::PolicyVersion version = Call(&Stub::CreateDraft, std::move(request), people_->admin());
  return {version.version(), version.etag()};
}

void Admin::Activate(const Draft& draft) {
  auto request = Asked<v1::ActivatePolicyRequest>();
  request.set_version(draft.version);
  request.set_etag(draft.etag);
  request.set_reason("it is time");
  Call(&Stub::ActivatePolicy, std::move(request), people_->admin());
}

Admin::Raise Admin::RequestRaise(const std::string& user, int64_t amount) {
  auto request = Asked<v1::RequestExceptionRequest>();
  (*request.mutable_scope())["user"] = user;
  v1::LimitRaise* const raise = request.add_raises();
  raise->set_limit_id(kLimit);
  raise->set_amount(amount);
  request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  request.set_reason("a busy hour");
  v1::Exception made = Call(&Stub::RequestException, std::move(request), people_->admin());
  return {made.exception_id(), made.etag()};
}

void Admin::Approve(const Raise& raise) {
  auto request = Asked<v1::DecideExceptionRequest>();
  request.set_exception_id(raise.id);
  request.set_etag(raise.etag);
  Call(&Stub::ApproveException, std::move(request), people_->approver());
}

void Admin::RevokeKey(const std::string& id) {
  auto request = Asked<v1::RevokeKeyRequest>();
  request.set_key_id(id);
  request.set_reason("leaked");
  Call(&Stub::RevokeKey, std::move(request), people_->admin());
}

void Admin::WaitForReplicas(int replicas) {
  const bool there = fixtures::PollUntil(absl::Minutes(2), [&] {
    const auto found = Call(&Stub::GetPropagation, v1::GetPropagationRequest(), people_->admin());
    if (found.position() == 0 || found.unpublished() > 0) return false;
    int current = 0;
    for (const v1::ReplicaStatus& replica : found.replicas()) {
      if (replica.position() == found.position()) ++current;
    }
    return current >= replicas;
  });
  if (!there) fixtures::Fatal("the replicas do not have the changes");
}

}  // namespace quotaplane::bench
