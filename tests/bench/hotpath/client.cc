#include "tests/bench/hotpath/client.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "libs/testing/fatal.h"
#include "quotaplane/v1/quota.pb.h"
#include "tests/bench/hotpath/clock.h"

namespace quotaplane::bench {
namespace {

const std::string& NameOf(Method method) {
  static const std::string kNames[] = {
      "/quotaplane.v1.internal.PingService/Ping",
      "/quotaplane.v1.QuotaService/Reserve",
      "/quotaplane.v1.QuotaService/Commit",
  };
  return kNames[static_cast<size_t>(method)];
}

void RequireAllowed(const Call& call, const grpc::Slice& response) {
  // Field 1 of ReserveResponse is the decision, and it comes first: two bytes decide.
  if (response.size() >= 2 && response.begin()[0] == 0x08 &&
      response.begin()[1] == v1::DECISION_ALLOW)
    return;
  v1::ReserveResponse parsed;
  parsed.ParseFromArray(response.begin(), static_cast<int>(response.size()));
  fixtures::Fatal(
      absl::StrCat("reservation ", call.sequence, " was not allowed: ", parsed.ShortDebugString()));
}

void RequireSettled(const Call& call, const grpc::Slice& response) {
  v1::CommitResponse parsed;
  const bool read = parsed.ParseFromArray(response.begin(), static_cast<int>(response.size()));
  if (read && !parsed.late() && !parsed.unreserved() && !parsed.spooled() && !parsed.replayed() &&
      parsed.cost_nano_usd() > 0) {
    return;
  }
  fixtures::Fatal(
      absl::StrCat("commit ", call.sequence, " did not settle: ", parsed.ShortDebugString()));
}

}  // namespace

Client::Client(const std::string& target, int connections) {
  for (int i = 0; i < connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      fixtures::Fatal(absl::StrCat("no connection to ", target));
    }
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
}

Client::~Client() {
  queue_.Shutdown();
  void* tag;
  bool ok;
  while (queue_.Next(&tag, &ok)) {
  }
}

void Client::Start(Call* call, Method method, const grpc::ByteBuffer& request) {
  call->method = method;
  call->context.emplace();
  call->response.Clear();
  call->sent_ns = NowNs();
  grpc::GenericStub& stub = *stubs_[static_cast<size_t>(call->sequence) % stubs_.size()];
  call->reader = stub.PrepareUnaryCall(&*call->context, NameOf(method), request, &queue_);
  call->reader->StartCall();
  call->reader->Finish(&call->response, &call->status, call);
}

Call* Client::Next() {
  void* tag;
  bool ok;
  if (!queue_.Next(&tag, &ok)) fixtures::Fatal("the completion queue has ended");
  auto* call = static_cast<Call*>(tag);
  if (!call->status.ok()) {
    fixtures::Fatal(absl::StrCat(NameOf(call->method), " failed: code ",
                                 static_cast<int>(call->status.error_code()), ", ",
                                 call->status.error_message()));
  }
  if (call->method != Method::kEmpty) {
    grpc::Slice response;
    if (!call->response.DumpToSingleSlice(&response).ok())
      fixtures::Fatal("an answer without a body");
    if (call->method == Method::kReserve) {
      RequireAllowed(*call, response);
    } else {
      RequireSettled(*call, response);
    }
  }
  return call;
}

}  // namespace quotaplane::bench
