#include "services/alerts/alert_calls.h"

#include <utility>

#include "services/alerts/alert_requests.h"
#include "services/alerts/receiver_trial.h"

namespace quotaplane {

AlertCalls::AlertCalls(Role role, const AlertCallsOptions& options)
    : receivers_(std::move(role.receivers)),
      service_({std::move(role.parts), std::move(role.store_now_us)},
               {.name = "quotaplane.v1.AlertService",
                .threads = options.threads,
                .queue = options.queue,
                .watchers = options.watchers,
                .request_bytes = options.request_bytes}),
      test_pool_(options.testers, options.tests) {}

StreamService AlertCalls::service() {
  return {service_.name(), [this](StreamCalls* calls, grpc::ServerCompletionQueue* events) {
            AddTo(calls, events);
          }};
}

void AlertCalls::AddTo(StreamCalls* calls, grpc::ServerCompletionQueue* events) {
  const auto check = [](const auto& request) { return Check(request); };
  AuditedService<AlertParts>::Methods<decltype(check)> methods(&service_, calls, events, check);
  methods.Answer("ListAlerts", &ListAlerts);
  methods.Answer("GetAlert", &GetAlert);
  methods.Answer("AcknowledgeAlert", &AcknowledgeAlert);
  methods.Answer("ResolveAlert", &ResolveAlert);
  methods.Answer("GiveFeedback", &GiveFeedback);
  methods.Answer("CreateSilence", &CreateSilence);
  methods.Answer("EndSilence", &EndSilence);
  methods.Answer("ListSilences", &ListSilences);
  methods.Answer("ListDeliveries", &ListDeliveries);
  methods.Answer("SendAgain", &SendAgain);
  methods.Watch("WatchAlerts", &WatchAlerts);
  // Threads of their own: a receiver that hangs holds up no other call.
  methods.Answer<v1::TestDeliveryRequest, v1::TestDeliveryResponse>(
      "TestDelivery",
      [this](AlertCall& call, const v1::TestDeliveryRequest& request,
             v1::TestDeliveryResponse* response) {
        return TestDelivery(call, *receivers_(), request, &stopping_, response);
      },
      kMaxRequestBytes, &test_pool_);
}

}  // namespace quotaplane
