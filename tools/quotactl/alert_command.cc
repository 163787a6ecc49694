// What is wrong with spend, and what people say of it.
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "tools/client/json.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/alert_flags.h"
#include "tools/quotactl/alert_next_step.h"
#include "tools/quotactl/alert_render.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/follow.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

std::string AlertText(const v1::Alert& alert) {
  return AlertAsText(alert, absl::Now(), OutStyle()) + NextStep(alert, OutStyle());
}

struct ListFlags {
  AlertOrgFlag org;
  WordsFlag<v1::AlertState> states;
  WordsFlag<v1::AlertKind> kinds;
  std::string rule, since;
  int most = 100;

  bool Filters() const {
    return !states.words.empty() || !kinds.words.empty() || !rule.empty() || !since.empty();
  }
};

int RunList(const Globals& globals, const ListFlags& flags) {
  v1::ListAlertsRequest request;
  request.set_org(flags.org.Org());
  flags.states.Fill(request.mutable_states());
  flags.kinds.Fill(request.mutable_kinds());
  request.set_rule_id(flags.rule);
  if (!flags.since.empty()) {
    const absl::StatusOr<absl::Time> since = ParseSince("--since", flags.since, absl::Now());
    if (!since.ok()) return ReportError(globals, since.status());
    SetTime(*since, request.mutable_since());
  }
  v1::ListAlertsResponse response;
  const auto failed = ReadPages(globals, &AlertStub::ListAlerts, request,
                                &v1::ListAlertsResponse::mutable_alerts, flags.most, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response,
        response.alerts().empty() ? NoAlerts(flags.org.Org(), flags.Filters(), OutStyle())
                                  : AlertsAsText(response, OutStyle()));
  return client::kDone;
}

struct WatchFlags {
  AlertOrgFlag org;
  int64_t after = 0;
};

int RunWatch(const Globals& globals, const WatchFlags& flags) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  v1::WatchAlertsRequest request;
  request.set_org(flags.org.Org());
  request.set_after_sequence(flags.after);
  return Follow<v1::Alert>(
      globals, *connection,
      [&](grpc::ClientContext* context) {
        return connection->alerts()->WatchAlerts(context, request);
      },
      [&](const v1::Alert& alert) {
        request.set_after_sequence(std::max(request.after_sequence(), alert.sequence()));
        return WriteLine(globals.json ? client::ToJsonLine(alert) : AlertLine(alert, OutStyle()));
      });
}

// Of one alert.
struct AlertFlags {
  AlertOrgFlag org;
  RequestIdFlag request_id;
  std::string id, comment, verdict;
};

int RunShow(const Globals& globals, const AlertFlags& flags) {
  v1::GetAlertRequest request;
  request.set_org(flags.org.Org());
  request.set_alert_id(flags.id);
  return ReadAndPrint(globals, &AlertStub::GetAlert, request, AlertText);
}

int RunChange(const Globals& globals, const AlertFlags& flags,
              Method<AlertStub, v1::ChangeAlertRequest, v1::Alert> change) {
  v1::ChangeAlertRequest request;
  request.set_org(flags.org.Org());
  request.set_alert_id(flags.id);
  request.set_request_id(flags.request_id.Id());
  request.set_comment(flags.comment);
  return WriteAndPrint(globals, change, request, AlertText);
}

int RunFeedback(const Globals& globals, const AlertFlags& flags) {
  v1::GiveFeedbackRequest request;
  request.set_org(flags.org.Org());
  request.set_alert_id(flags.id);
  request.set_request_id(flags.request_id.Id());
  request.set_feedback(ValueOf<v1::AlertFeedback>(flags.verdict));
  request.set_comment(flags.comment);
  return WriteAndPrint(globals, &AlertStub::GiveFeedback, request, AlertText);
}

void AddList(CLI::App& alert, const Globals& globals, Work* work) {
  CLI::App* list = alert.add_subcommand("list", "List them, newest first");
  const auto flags = std::make_shared<ListFlags>();
  flags->org.AddTo(*list);
  flags->states.AddTo(*list, "--state",
                      "Only these: firing, acknowledged, silenced, resolved; repeatable");
  flags->kinds.AddTo(*list, "--kind",
                     "Only these: threshold, forecast, anomaly, runaway, operations; repeatable");
  list->add_option("--rule", flags->rule, "Only of this rule of the policy's `alerts`");
  list->add_option("--since", flags->since,
                   "Only those seen since: 24h, 7d, 2026-11-01, 2026-11-01T18:00");
  list->add_option("--most", flags->most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->footer(R"(Examples:
  quotactl alert list --org acme --state firing
  quotactl alert list --org acme --kind anomaly --since 7d --json
  quotactl alert list --deployment)");
  list->callback([=, &globals] { *work = [=, &globals] { return RunList(globals, *flags); }; });
}

void AddWatch(CLI::App& alert, const Globals& globals, Work* work) {
  CLI::App* watch = alert.add_subcommand(
      "watch", "Each one as it is raised, and whenever it changes, a line each");
  const auto flags = std::make_shared<WatchFlags>();
  flags->org.AddTo(*watch);
  watch->add_option("--after", flags->after,
                    "Begin after this `sequence`, as --json has it; by default with those that are "
                    "not resolved, then what comes");
  watch->footer(
      R"(Goes on after a restart of the server, from where it was. Of changes in quick succession it may show the last one
only. --json has each alert whole, as JSON lines. Ends with ^C.

Examples:
  quotactl alert watch --org acme
  quotactl alert watch --org acme --json >> alerts.jsonl
  quotactl alert watch --deployment --after 1700)");
  watch->callback([=, &globals] { *work = [=, &globals] { return RunWatch(globals, *flags); }; });
}

template <typename Run>
CLI::App* AddOne(CLI::App& alert, const Globals& globals, Work* work, const char* name,
                 const char* help, const char* footer, const std::shared_ptr<AlertFlags>& flags,
                 Run run) {
  CLI::App* command = alert.add_subcommand(name, help);
  flags->org.AddTo(*command);
  command->add_option("ALERT", flags->id, "Its id, such as A-17")->required();
  command->footer(footer);
  command->callback([=, &globals] { *work = [=, &globals] { return run(globals, *flags); }; });
  return command;
}

// A write, with who wrote it why.
template <typename Run>
CLI::App* AddWrite(CLI::App& alert, const Globals& globals, Work* work, const char* name,
                   const char* help, const char* footer, const std::shared_ptr<AlertFlags>& flags,
                   Run run) {
  CLI::App* command = AddOne(alert, globals, work, name, help, footer, flags, run);
  command->add_option("--comment", flags->comment, "For others; stands in the audit log")
      ->group("Audit");
  flags->request_id.AddTo(*command);
  return command;
}

void AddWrites(CLI::App& alert, const Globals& globals, Work* work) {
  AddWrite(
      alert, globals, work, "ack", "Somebody sees to it: no more messages while it lasts",
      R"(A freeze ends with it; a throttle goes on until its end, or until the alert is resolved. Should it get worse, it
fires again.

Examples:
  quotactl alert ack A-17 --org acme
  quotactl alert ack A-17 --org acme --comment "the load test, until 18:00")",
      std::make_shared<AlertFlags>(), [](const Globals& g, const AlertFlags& flags) {
        return RunChange(g, flags, &AlertStub::AcknowledgeAlert);
      });
  AddWrite(
      alert, globals, work, "resolve", "It is over: what it did to the scope ends",
      R"(Most alerts are resolved by themselves, once what they tell of has ended. Raised anew if that comes again.

Examples:
  quotactl alert resolve A-17 --org acme --comment "the key was revoked")",
      std::make_shared<AlertFlags>(), [](const Globals& g, const AlertFlags& flags) {
        return RunChange(g, flags, &AlertStub::ResolveAlert);
      });
  const auto flags = std::make_shared<AlertFlags>();
  CLI::App* feedback = AddWrite(
      alert, globals, work, "feedback", "Whether it was to be expected; the detector heeds it",
      R"(expected: the like is not told again. not-expected: it was right to tell, and what came is not taken for normal.

Examples:
  quotactl alert feedback A-17 expected --org acme --comment "the batch of the month's end"
  quotactl alert feedback A-18 not-expected --org acme)",
      flags, RunFeedback);
  feedback->add_option("VERDICT", flags->verdict, "expected or not-expected")
      ->required()
      ->check(CLI::IsMember(WordsOf<v1::AlertFeedback>()));
}

}  // namespace

void AddAlert(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* alert =
      app.add_subcommand("alert", "What is wrong with spend, who was told, and what was done");
  alert->require_subcommand(1);
  AddList(*alert, globals, work);
  AddOne(*alert, globals, work, "show",
         "Show one: what was expected, what came, who made the difference", R"(Examples:
  quotactl alert show A-17 --org acme
  quotactl alert show A-17 --org acme --json)",
         std::make_shared<AlertFlags>(), RunShow);
  AddWatch(*alert, globals, work);
  AddWrites(*alert, globals, work);
  AddSilences(*alert, globals, work);
  AddDeliveries(*alert, globals, work);
}

}  // namespace quotaplane::quotactl
