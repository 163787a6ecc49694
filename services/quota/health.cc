#include "services/quota/health.h"

#include <grpc/health/v1/health.pb.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "libs/base/error.h"
#include "services/rpc/parse_request.h"

namespace quotaplane {
namespace {

using Request = grpc::health::v1::HealthCheckRequest;
using Response = grpc::health::v1::HealthCheckResponse;

// What the two methods have in common: one request, and a status.
class HealthHandler : public StreamHandler {
 public:
  HealthHandler(std::vector<std::string> known, StreamCall* call)
      : known_(std::move(known)), call_(call) {}

  void OnMessage(grpc::ByteBuffer* message) override {
    Request request;
    const absl::Status parsed =
        ParseRequest("HealthCheckRequest", message, call_->caller(), &request);
    if (!parsed.ok()) return call_->Finish(parsed);
    is_known_ = request.service().empty() ||
                std::find(known_.begin(), known_.end(), request.service()) != known_.end();
    OnRequest();
  }
  void OnEndOfMessages() override {
    call_->Finish(FieldError({{"HealthCheckRequest", "is missing"}}));
  }

 protected:
  virtual void OnRequest() = 0;

  StreamCall* call() const { return call_; }
  Response::ServingStatus status() const {
    if (!is_known_) return Response::SERVICE_UNKNOWN;
    return call_->draining() ? Response::NOT_SERVING : Response::SERVING;
  }
  void Write(Response::ServingStatus status) {
    Response response;
    response.set_status(status);
    call_->Write(response);
  }

 private:
  const std::vector<std::string> known_;
  StreamCall* const call_;
  bool is_known_ = false;
};

class Check : public HealthHandler {
 public:
  using HealthHandler::HealthHandler;

  void OnRequest() override {
    if (status() == Response::SERVICE_UNKNOWN) {
      return call()->Finish(absl::NotFoundError("the server has no such service"));
    }
    Write(status());
  }
  void OnWritten() override { call()->Finish(absl::OkStatus()); }
  void OnDrain() override {}  // its request is on the way, and is answered
};

class Watch : public HealthHandler {
 public:
  using HealthHandler::HealthHandler;

  void OnRequest() override {
    asked_ = true;
    Tell();
  }
  void OnWritten() override {
    writing_ = false;
    Tell();
  }
  void OnDrain() override { asked_ ? Tell() : call()->Leave(); }

 private:
  // Whatever is next: the status, if the client does not know it yet, or the end.
  void Tell() {
    if (writing_) return;
    if (status() != told_) {
      writing_ = true;
      told_ = status();
      Write(*told_);
    } else if (call()->draining()) {
      call()->Leave();
    }
  }

  std::optional<Response::ServingStatus> told_;
  bool asked_ = false;
  bool writing_ = false;
};

}  // namespace

void ServeHealth(const std::vector<std::string>& services, StreamCalls* calls) {
  calls->Add("/grpc.health.v1.Health/Check",
             [services](StreamCall* call) { return std::make_unique<Check>(services, call); });
  calls->Add("/grpc.health.v1.Health/Watch",
             [services](StreamCall* call) { return std::make_unique<Watch>(services, call); });
}

}  // namespace quotaplane
