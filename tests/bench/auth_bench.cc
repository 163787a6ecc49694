// What it costs to ask who is calling: the check alone, and an empty call with it and without.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "libs/auth/authenticator.h"
#include "libs/auth/test_tokens.h"
#include "libs/auth/token.h"
#include "libs/testing/temp_dir.h"
#include "quotaplane/v1/internal/ping.grpc.pb.h"
#include "services/quota/quota_server.h"

namespace quotaplane {
namespace {

using test_tokens::Claims;
using test_tokens::KeySetJson;
using test_tokens::SigningKey;

// One static token, and one JWT of an issuer whose keys lie in a file.
class Callers {
 public:
  Callers() {
    const SigningKey key = SigningKey::Rsa("k");
    const std::string path = dir_.File("keys.json");
    std::ofstream(path) << KeySetJson({key.Public()});
    jwt_ = key.Sign(Claims(absl::ToUnixSeconds(absl::Now())));
    const std::vector<Grant> grants = {{Role::kViewer, "acme"}};
    AuthConfig config;
    config.tokens.push_back({"t", Hash256Of(token_), INT64_MAX, grants});
    config.issuers.push_back(
        {.issuer = "https://idp.test", .audience = "quotaplane", .keys = path});
    config.issuers[0].groups["admins"] = grants;
    authenticator_ = std::make_unique<Authenticator>(std::move(config));
    authenticator_->WaitForKeys(absl::Seconds(10));
  }

  Authenticator* authenticator() { return authenticator_.get(); }
  const std::string& token() const { return token_; }
  const std::string& jwt() const { return jwt_; }

 private:
  const fixtures::TempDir dir_;
  const std::string token_ = NewToken();
  std::string jwt_;
  std::unique_ptr<Authenticator> authenticator_;
};

Callers& TheCallers() {
  static auto* const kCallers = new Callers();
  return *kCallers;
}

void Check(benchmark::State& state, const std::string& token) {
  const std::string header = "Bearer " + token;
  for (auto _ : state) {
    const auto found = TheCallers().authenticator()->Authenticate(
        {.authorization = header}, absl::GetCurrentTimeNanos() / 1000);
    if (!found.ok()) state.SkipWithError("refused");
  }
}
void CheckToken(benchmark::State& state) { Check(state, TheCallers().token()); }
void CheckJwtSeenBefore(benchmark::State& state) { Check(state, TheCallers().jwt()); }
BENCHMARK(CheckToken);
BENCHMARK(CheckJwtSeenBefore);

// Empty calls on one connection, sixteen under way.
void Ping(benchmark::State& state, Authenticator* authenticator, const std::string& token) {
  constexpr int kInFlight = 16;
  QuotaServerOptions options;
  options.listen = "127.0.0.1:0";
  options.threads = 1;
  options.authenticator = authenticator;
  const auto server = QuotaServer::Start(nullptr, nullptr, options);
  if (!server.ok()) return state.SkipWithError("no server");
  const auto stub = v1::internal::PingService::NewStub(
      grpc::CreateChannel((*server)->address(), grpc::InsecureChannelCredentials()));
  struct Call {
    grpc::ClientContext context;
    grpc::Status status;
    v1::internal::PingResponse response;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::internal::PingResponse>> reader;
  };
  grpc::CompletionQueue queue;
  const auto start = [&] {
    auto* const call = new Call();
    if (!token.empty()) call->context.AddMetadata("authorization", "Bearer " + token);
    call->reader = stub->AsyncPing(&call->context, {}, &queue);
    call->reader->Finish(&call->response, &call->status, call);
  };
  const auto finish = [&] {
    void* tag;
    bool ok;
    queue.Next(&tag, &ok);
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    if (!call->status.ok()) state.SkipWithError(call->status.error_message().c_str());
  };
  for (int i = 0; i < kInFlight; ++i) start();
  for (auto _ : state) {
    finish();
    start();
  }
  for (int i = 0; i < kInFlight; ++i) finish();
  state.SetItemsProcessed(state.iterations());
}
void PingOpen(benchmark::State& state) { Ping(state, nullptr, ""); }
void PingWithToken(benchmark::State& state) {
  Ping(state, TheCallers().authenticator(), TheCallers().token());
}
void PingWithJwt(benchmark::State& state) {
  Ping(state, TheCallers().authenticator(), TheCallers().jwt());
}
BENCHMARK(PingOpen)->UseRealTime();
BENCHMARK(PingWithToken)->UseRealTime();
BENCHMARK(PingWithJwt)->UseRealTime();

}  // namespace
}  // namespace quotaplane

BENCHMARK_MAIN();
