// Alerts that nobody is told of, for a time.
#include <unistd.h>

#include <memory>

#include "absl/time/clock.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/alert_flags.h"
#include "tools/quotactl/alert_next_step.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/delivery_render.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

std::string SilenceText(const v1::Silence& silence) {
  const absl::Time now = absl::Now();
  return SilenceAsText(silence, now, OutStyle()) + NextStep(silence, now);
}

struct SilenceFlags {
  AlertOrgFlag org;
  RequestIdFlag request_id;
  ReasonFlag reason;
  std::vector<std::string> matchers;
  std::string span, id;
};

int RunSilence(const Globals& globals, const SilenceFlags& flags) {
  v1::CreateSilenceRequest request;
  request.set_org(flags.org.Org());
  request.set_request_id(flags.request_id.Id());
  request.set_reason(flags.reason.reason);
  for (const std::string& text : flags.matchers) {
    const absl::StatusOr<v1::AlertMatcher> matcher = ParseMatcher("--match", text);
    if (!matcher.ok()) return ReportError(globals, matcher.status());
    *request.add_matchers() = *matcher;
  }
  const absl::StatusOr<absl::Duration> span = ParseDays("--for", flags.span);
  if (!span.ok()) return ReportError(globals, span.status());
  SetTime(absl::Now() + *span, request.mutable_end_time());
  return WriteAndPrint(globals, &AlertStub::CreateSilence, request, SilenceText);
}

int RunUnsilence(const Globals& globals, const SilenceFlags& flags) {
  v1::EndSilenceRequest request;
  request.set_org(flags.org.Org());
  request.set_silence_id(flags.id);
  request.set_request_id(flags.request_id.Id());
  return WriteAndPrint(globals, &AlertStub::EndSilence, request, SilenceText);
}

struct ListFlags {
  AlertOrgFlag org;
  bool ended = false;
  int most = 100;
};

int RunList(const Globals& globals, const ListFlags& flags) {
  v1::ListSilencesRequest request;
  request.set_org(flags.org.Org());
  request.set_ended(flags.ended);
  v1::ListSilencesResponse response;
  const auto failed = ReadPages(globals, &AlertStub::ListSilences, request,
                                &v1::ListSilencesResponse::mutable_silences, flags.most, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response,
        response.silences().empty() ? NoSilences(flags.org.Org(), flags.ended, OutStyle())
                                    : SilencesAsText(response, absl::Now(), OutStyle()));
  return client::kDone;
}

}  // namespace

void AddSilences(CLI::App& alert, const Globals& globals, Work* work) {
  const auto flags = std::make_shared<SilenceFlags>();
  CLI::App* silence = alert.add_subcommand("silence", "Tell nobody of the like, for a time");
  flags->org.AddTo(*silence);
  silence
      ->add_option("--match", flags->matchers,
                   "NAME=GLOB: a dimension of the alert, or rule_id, kind, severity; repeatable: "
                   "all of them have to match")
      ->required()
      ->allow_extra_args(false);
  silence->add_option("--for", flags->span, "How long: 30m, 2h, 7d")->required();
  flags->reason.AddTo(*silence, true);
  flags->request_id.AddTo(*silence);
  silence->footer(
      R"(Alerts are raised and listed as before, and their actions are taken; only nobody is told. What still fires at the
end is told then. quotactl alert show lists the dimensions of an alert.

Examples:
  quotactl alert silence --org acme --match user=alice --match kind=anomaly --for 2h --reason "load test"
  quotactl alert silence --org acme --match "labels.session=ci-*" --for 7d --reason "new pipeline")");
  silence->callback(
      [=, &globals] { *work = [=, &globals] { return RunSilence(globals, *flags); }; });

  const auto end_flags = std::make_shared<SilenceFlags>();
  CLI::App* unsilence = alert.add_subcommand("unsilence", "End a silence before its time");
  end_flags->org.AddTo(*unsilence);
  unsilence->add_option("SILENCE", end_flags->id, "Its id, such as S-3")->required();
  end_flags->request_id.AddTo(*unsilence);
  unsilence->footer(R"(Examples:
  quotactl alert unsilence S-3 --org acme)");
  unsilence->callback(
      [=, &globals] { *work = [=, &globals] { return RunUnsilence(globals, *end_flags); }; });

  const auto list_flags = std::make_shared<ListFlags>();
  CLI::App* list = alert.add_subcommand("silences", "List silences, newest first");
  list_flags->org.AddTo(*list);
  list->add_flag("--ended", list_flags->ended, "Also those that have ended");
  list->add_option("--most", list_flags->most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->footer(R"(Examples:
  quotactl alert silences --org acme
  quotactl alert silences --org acme --ended --json)");
  list->callback(
      [=, &globals] { *work = [=, &globals] { return RunList(globals, *list_flags); }; });
}

}  // namespace quotaplane::quotactl
