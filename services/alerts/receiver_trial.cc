#include "services/alerts/receiver_trial.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/alerts/sender.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "services/rpc/field_checks.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);
// The attempt, and the writes before and after it.
constexpr int64_t kUnderWayUs = 30'000'000;

// What is answered until the receiver has: neither delivered nor an error, `took_us` is when it
// began.
v1::TestDeliveryResponse UnderWay(int64_t now_us) {
  v1::TestDeliveryResponse answer;
  answer.set_took_us(now_us);
  return answer;
}

bool IsUnderWay(const v1::TestDeliveryResponse& answer) {
  return !answer.delivered() && answer.error().empty();
}

absl::Status Repeated(int64_t now_us, v1::TestDeliveryResponse* response) {
  if (!IsUnderWay(*response)) return absl::OkStatus();
  if (now_us - response->took_us() < kUnderWayUs) {
    return ReasonedError(absl::StatusCode::kUnavailable, "TEST_UNDER_WAY",
                         "the message is on its way; ask again for what became of it");
  }
  response->Clear();
  response->set_error("it is not known whether it arrived: the server that sent it was stopped");
  return absl::OkStatus();
}

}  // namespace

absl::Status TestDelivery(AlertCall& call, const Receivers& receivers,
                          const v1::TestDeliveryRequest& request, const std::atomic<bool>* stop,
                          v1::TestDeliveryResponse* response) {
  const ChangeRequest change = ChangeOf(call, request);
  const std::string target = TargetOf(request);
  const Receiver* const receiver = receivers.Find(request.receiver());
  bool repeated = false;
  QP_RETURN_IF_ERROR(MakeChange(
      call, change, target,
      [&](const OpenChange&) -> absl::StatusOr<Changed<v1::TestDeliveryResponse>> {
        if (receiver == nullptr) {
          return absl::NotFoundError(absl::StrCat(
              "there is no receiver ", Quoted(request.receiver()), " in the receivers file"));
        }
        Changed<v1::TestDeliveryResponse> begun;
        begun.now = UnderWay(call.now_us);
        begun.record.target = target;
        return begun;
      },
      [](const v1::TestDeliveryResponse& now, v1::TestDeliveryResponse* answer) { *answer = now; },
      response, &repeated));
  if (repeated) return Repeated(call.now_us, response);
  const absl::Time began = absl::Now();
  const SendResult sent =
      SendMessage(*receiver, TestMessage(*receiver, "", call.now_us), call.now_us, kTimeout, stop);
  response->Clear();
  response->set_delivered(sent.outcome == SendResult::Outcome::kSent);
  response->set_error(sent.error);
  response->set_took_us(absl::ToInt64Microseconds(absl::Now() - began));
  const absl::Status kept = call.parts.changes->Reanswer(change, response->SerializeAsString());
  // This caller knows; only a repetition will not.
  if (!kept.ok()) LogError("what became of a test is not kept: {}", kept.ToString());
  return absl::OkStatus();
}

}  // namespace quotaplane
