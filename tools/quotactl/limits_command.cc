#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/next_step.h"
#include "tools/quotactl/policy_render.h"

namespace quotaplane::quotactl {
namespace {

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

struct SetFlags {
  OrgFlag org;
  ReasonFlag reason;
  std::string setting, limit, on_outage, zone;
};

absl::StatusOr<v1::SetLimitRequest> Build(const SetFlags& flags) {
  v1::SetLimitRequest request;
  request.set_org(flags.org.org);
  request.set_request_id(NewId());
  QP_ASSIGN_OR_RETURN(*request.mutable_set(), ParseSetting("SETTING", flags.setting));
  request.mutable_set()->set_limit_id(flags.limit);
  request.mutable_set()->set_on_outage(flags.on_outage);
  request.mutable_set()->set_time_zone(flags.zone);
  request.set_reason(flags.reason.reason);
  return request;
}

std::string SetAsText(const v1::SetLimitResponse& response) {
  const v1::PolicyVersion& version = response.version();
  const terminal::Style style = OutStyle();
  std::string text = ChangesAsText(response.changes(), 0, style);
  if (version.state() == v1::POLICY_STATE_DRAFT) {
    absl::StrAppend(&text, "written as version ", version.version(), "\n",
                    NextStep(version, style));
  } else {
    absl::StrAppend(&text, style.Paint(terminal::Tone::kGood, "in force"), ": limit ",
                    response.limit_id(), ", version ", version.version(), "\n");
  }
  return text;
}

int RunSet(const Globals& globals, const SetFlags& flags) {
  const absl::StatusOr<v1::SetLimitRequest> request = Build(flags);
  if (!request.ok()) return ReportError(globals, request.status());
  return WriteAndPrint(globals, &AdminStub::SetLimit, *request, SetAsText);
}

int RunList(const Globals& globals, const SubjectFlags& flags) {
  const absl::StatusOr<v1::Subject> subject = flags.Build();
  if (!subject.ok()) return ReportError(globals, subject.status());
  v1::ListEffectiveLimitsRequest request;
  request.set_org(subject->org());
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) (*request.mutable_subject())[name] = value;
  };
  add("team", subject->team());
  add("project", subject->project());
  add("user", subject->user());
  add("api_key", subject->api_key());
  add("model", subject->model());
  for (const auto& [key, value] : subject->labels()) add(("labels." + key).c_str(), value);
  return ReadAndPrint(globals, &AdminStub::ListEffectiveLimits, request,
                      [](const v1::ListEffectiveLimitsResponse& response) {
                        return LimitsAsText(response.limits(), absl::Now(), OutStyle());
                      });
}

struct GetFlags {
  OrgFlag org;
  std::string limit, scope = "org";
};

int RunGet(const Globals& globals, const GetFlags& flags) {
  const absl::StatusOr<Scope> scope = ParseScope("--scope", flags.scope);
  if (!scope.ok()) return ReportError(globals, scope.status());
  v1::GetLimitRequest request;
  request.set_org(flags.org.org);
  request.set_limit_id(flags.limit);
  request.mutable_scope()->insert(scope->begin(), scope->end());
  return ReadAndPrint(globals, &AdminStub::GetLimit, request, [](const v1::EffectiveLimit& limit) {
    Limits one;
    *one.Add() = limit;
    return LimitsAsText(one, absl::Now(), OutStyle());
  });
}

void AddSet(CLI::App& limits, const Globals& globals, Work* work) {
  CLI::App* command = limits.add_subcommand(
      "set", "Give a scope an amount: a new version of the policy underneath");
  const auto flags = std::make_shared<SetFlags>();
  flags->org.AddTo(*command);
  command->add_option("SETTING", flags->setting, "\"SCOPE: AMOUNT UNIT a WINDOW\"")->required();
  command->add_option(
      "--limit", flags->limit,
      "The id of the limit that is meant; by default the one that counts just that");
  command->add_option("--on-outage", flags->on_outage,
                      "Of a limit that is new: allow or deny, while the counter store is away");
  command->add_option("--zone", flags->zone,
                      "Of a limit that is new: the IANA time zone of its calendar window");
  flags->reason.AddTo(*command);
  command->footer(
      R"(In force at once, on every server within a second; a draft where the active policy asks for approvals.
SCOPE is DIMENSION=VALUE, several with commas; none is the whole org. Where no limit counts this unit over this window and
these dimensions, a new one is made, which needs --on-outage.

Examples:
  quotactl limits set "team=search: 5000 usd a month" --org acme --on-outage deny --reason "Q1 budget"
  quotactl limits set "user=alice: 500 usd a month" --org acme --limit user-month
  quotactl limits set "team=search,user=ci: 100000 requests a day" --org acme --on-outage allow)");
  command->callback([=, &globals] { *work = [=, &globals] { return RunSet(globals, *flags); }; });
}

}  // namespace

void AddLimits(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* limits = app.add_subcommand("limits", "Set caps, and see which ones hold for whom");
  limits->require_subcommand(1);
  AddSet(*limits, globals, work);

  CLI::App* list = limits->add_subcommand(
      "list", "Every limit that applies to a subject, its amount now, and where that is written");
  const auto subject = std::make_shared<SubjectFlags>();
  subject->AddTo(*list);
  list->footer(R"(Examples:
  quotactl limits list --org acme --team search --user alice --model claude-sonnet-4-5
  quotactl limits list --org acme --user alice --json)");
  list->callback([=, &globals] { *work = [=, &globals] { return RunList(globals, *subject); }; });

  CLI::App* get = limits->add_subcommand("get", "One limit, as it stands for a scope");
  const auto flags = std::make_shared<GetFlags>();
  flags->org.AddTo(*get);
  get->add_option("LIMIT", flags->limit, "Its id")->required();
  get->add_option("--scope", flags->scope, "A value for each dimension that it counts over")
      ->capture_default_str();
  get->footer(R"(Examples:
  quotactl limits get user-month --org acme --scope user=alice
  quotactl limits get org-month --org acme)");
  get->callback([=, &globals] { *work = [=, &globals] { return RunGet(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
