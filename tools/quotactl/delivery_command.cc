// What receivers were sent, and what could not be delivered.
#include <unistd.h>

#include <memory>

#include "absl/time/clock.h"
#include "tools/quotactl/alert_flags.h"
#include "tools/quotactl/alert_next_step.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/delivery_render.h"

namespace quotaplane::quotactl {
namespace {

constexpr char kTestTimeout[] = "20s";

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

struct ListFlags {
  AlertOrgFlag org;
  WordsFlag<v1::DeliveryState> states;
  int most = 100;
};

int RunList(const Globals& globals, const ListFlags& flags) {
  const std::string org = flags.org.Org();
  v1::ListDeliveriesRequest request;
  request.set_org(org);
  flags.states.Fill(request.mutable_states());
  v1::ListDeliveriesResponse response;
  const auto failed =
      ReadPages(globals, &AlertStub::ListDeliveries, request,
                &v1::ListDeliveriesResponse::mutable_deliveries, flags.most, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response,
        response.deliveries().empty()
            ? NoDeliveries(org, !flags.states.words.empty(), OutStyle())
            : DeliveriesAsText(response, OutStyle()) + NextStep(response, org));
  return client::kDone;
}

struct DeliveryFlags {
  AlertOrgFlag org;
  RequestIdFlag request_id;
  std::string id, receiver;
};

int RunSendAgain(const Globals& globals, const DeliveryFlags& flags) {
  const absl::StatusOr<int64_t> id = ParseDeliveryId("DELIVERY", flags.id);
  if (!id.ok()) return ReportError(globals, id.status());
  v1::SendAgainRequest request;
  request.set_org(flags.org.Org());
  request.set_delivery_id(*id);
  request.set_request_id(flags.request_id.Id());
  return WriteAndPrint(globals, &AlertStub::SendAgain, request, [](const v1::Delivery& delivery) {
    return DeliveryAsText(delivery, absl::Now(), OutStyle());
  });
}

int RunTest(const Globals& globals, const DeliveryFlags& flags) {
  v1::TestDeliveryRequest request;
  request.set_receiver(flags.receiver);
  request.set_request_id(flags.request_id.Id());
  // Longer than the server waits for the receiver, so that it can say what went wrong. Not repeated
  // by itself: each call may be a message.
  Globals longer = globals;
  if (globals.timeout == Globals().timeout) longer.timeout = kTestTimeout;
  v1::TestDeliveryResponse response;
  const auto failed = CallOnce(longer, &AlertStub::TestDelivery, request, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response, TestAsText(flags.receiver, response, OutStyle()));
  return response.delivered() ? client::kDone : client::kFailed;
}

}  // namespace

void AddDeliveries(CLI::App& alert, const Globals& globals, Work* work) {
  const auto list_flags = std::make_shared<ListFlags>();
  CLI::App* list =
      alert.add_subcommand("deliveries", "List what receivers were sent, newest first");
  list_flags->org.AddTo(*list);
  list_flags->states.AddTo(*list, "--state",
                           "Only these: pending, delivered, dead (given up); repeatable");
  list->add_option("--most", list_flags->most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->footer(R"(Examples:
  quotactl alert deliveries --org acme
  quotactl alert deliveries --org acme --state dead --json)");
  list->callback(
      [=, &globals] { *work = [=, &globals] { return RunList(globals, *list_flags); }; });

  const auto again_flags = std::make_shared<DeliveryFlags>();
  CLI::App* again =
      alert.add_subcommand("send-again", "Try once more what was given up: a dead delivery");
  again_flags->org.AddTo(*again);
  again->add_option("DELIVERY", again_flags->id, "Its number")->required();
  again_flags->request_id.AddTo(*again);
  again->footer(R"(Examples:
  quotactl alert deliveries --org acme --state dead
  quotactl alert send-again 42 --org acme)");
  again->callback(
      [=, &globals] { *work = [=, &globals] { return RunSendAgain(globals, *again_flags); }; });

  const auto flags = std::make_shared<DeliveryFlags>();
  CLI::App* test = alert.add_subcommand("test", "Send a receiver a test message now");
  test->add_option("RECEIVER", flags->receiver, "Its name in the receivers file")->required();
  flags->request_id.AddTo(*test);
  test->footer(
      R"(Exit code: 0 the receiver has taken it, 1 it has not, with what went wrong.

Examples:
  quotactl alert test pager)");
  test->callback([=, &globals] { *work = [=, &globals] { return RunTest(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
