#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/quotactl/access_render.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/limit_units.h"
#include "tools/quotactl/next_step.h"
#include "tools/quotactl/report_flags.h"
#include "tools/terminal/format.h"

namespace quotaplane::quotactl {
namespace {

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

// How amounts are written. Whoever may not read the policy sees bare numbers.
LimitUnits ReadUnits(const Globals& globals, const std::string& org) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  v1::GetPolicyRequest request;
  request.set_org(org);
  v1::PolicyVersion active;
  if (!connection.ok() || !connection->Call(&AdminStub::GetPolicy, request, &active).ok()) {
    return {};
  }
  return UnitsOf(active.yaml());
}

std::string ExceptionText(const Globals& globals, const v1::Exception& exception) {
  return ExceptionAsText(exception, ReadUnits(globals, exception.org()), absl::Now(), OutStyle());
}

// Of one that was just changed.
auto WrittenText(const Globals& globals) {
  return [&globals](const v1::Exception& exception) {
    return ExceptionText(globals, exception) + NextStep(exception, OutStyle());
  };
}

struct RequestFlags {
  OrgFlag org;
  ReasonFlag reason;
  std::string scope = "org", from, until;
  std::vector<std::string> raises;
};

// The limit's unit says how its amount is written, so the server is asked for it.
std::optional<int> ReadRaise(const Globals& globals, const RequestFlags& flags, const Scope& scope,
                             const std::string& text, v1::LimitRaise* raise) {
  const absl::StatusOr<RaiseText> parsed = ParseRaise("--raise", text);
  if (!parsed.ok()) return ReportError(globals, parsed.status());
  v1::GetLimitRequest request;
  request.set_org(flags.org.org);
  request.set_limit_id(parsed->limit_id);
  request.mutable_scope()->insert(scope.begin(), scope.end());
  v1::EffectiveLimit limit;
  const auto failed = CallOnce(globals, &AdminStub::GetLimit, request, &limit);
  if (failed.has_value()) return failed;
  const absl::StatusOr<int64_t> amount = ParseAmount("--raise", limit.unit(), parsed->amount);
  if (!amount.ok()) return ReportError(globals, amount.status());
  // Where another exception holds, its amount is not the policy's: the server knows that one.
  if (!limit.has_until_time() && *amount <= limit.amount()) {
    return ReportError(globals,
                       absl::InvalidArgumentError(absl::StrCat(
                           "--raise: \"", text, "\" raises nothing: ", parsed->limit_id, " is ",
                           terminal::FormatAmount(limit.unit(), limit.amount()), " already")));
  }
  raise->set_limit_id(parsed->limit_id);
  raise->set_amount(*amount);
  return std::nullopt;
}

int RunRequest(const Globals& globals, const RequestFlags& flags) {
  const absl::Time now = absl::Now();
  const absl::StatusOr<Scope> scope = ParseScope("--scope", flags.scope);
  if (!scope.ok()) return ReportError(globals, scope.status());
  v1::RequestExceptionRequest request;
  request.set_org(flags.org.org);
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  request.mutable_scope()->insert(scope->begin(), scope->end());
  const absl::StatusOr<absl::Time> until = ParseUntil("--until", flags.until, now);
  if (!until.ok()) return ReportError(globals, until.status());
  SetTime(*until, request.mutable_end_time());
  if (!flags.from.empty()) {
    const absl::StatusOr<absl::Time> from = ParseUntil("--from", flags.from, now);
    if (!from.ok()) return ReportError(globals, from.status());
    SetTime(*from, request.mutable_start_time());
  }
  for (const std::string& text : flags.raises) {
    const auto failed = ReadRaise(globals, flags, *scope, text, request.add_raises());
    if (failed.has_value()) return *failed;
  }
  return WriteAndPrint(globals, &AdminStub::RequestException, request, WrittenText(globals));
}

struct DecideFlags {
  OrgFlag org;
  ReasonFlag reason;
  YesFlag yes;
  std::string id;
};

std::optional<int> ReadException(const Globals& globals, const DecideFlags& flags,
                                 v1::Exception* exception) {
  v1::GetExceptionRequest request;
  request.set_org(flags.org.org);
  request.set_exception_id(flags.id);
  return CallOnce(globals, &AdminStub::GetException, request, exception);
}

using Decide = Method<AdminStub, v1::DecideExceptionRequest, v1::Exception>;

int RunDecide(const Globals& globals, const DecideFlags& flags, Decide decide, bool ask) {
  v1::Exception present;
  if (const auto failed = ReadException(globals, flags, &present); failed.has_value()) {
    return *failed;
  }
  if (ask) {
    const auto no = flags.yes.Confirm(
        globals, absl::StrCat("End the exception ", flags.id, " for ", ScopeWords(present.scope()),
                              " of ", flags.org.org, " now?"));
    if (no.has_value()) return *no;
  }
  v1::DecideExceptionRequest request;
  request.set_org(flags.org.org);
  request.set_exception_id(flags.id);
  request.set_etag(present.etag());
  request.set_request_id(NewId());
  request.set_comment(flags.reason.reason);
  return WriteAndPrint(globals, decide, request, WrittenText(globals));
}

int RunShow(const Globals& globals, const DecideFlags& flags) {
  v1::Exception exception;
  if (const auto failed = ReadException(globals, flags, &exception); failed.has_value()) {
    return *failed;
  }
  Print(globals, exception, globals.json ? "" : ExceptionText(globals, exception));
  return client::kDone;
}

struct ListFlags {
  OrgFlag org;
  std::vector<std::string> states;
  int most = 100;
};

int RunList(const Globals& globals, const ListFlags& flags) {
  v1::ListExceptionsRequest request;
  request.set_org(flags.org.org);
  for (const std::string& word : flags.states) {
    for (int state = 1; v1::ExceptionState_IsValid(state); ++state) {
      if (StateWord(static_cast<v1::ExceptionState>(state)) == word) {
        request.add_states(static_cast<v1::ExceptionState>(state));
      }
    }
  }
  v1::ListExceptionsResponse response;
  const auto failed =
      ReadPages(globals, &AdminStub::ListExceptions, request,
                &v1::ListExceptionsResponse::mutable_exceptions, flags.most, &response);
  if (failed.has_value()) return *failed;
  if (globals.json) {
    Print(globals, response, "");
  } else {
    const LimitUnits units =
        response.exceptions().empty() ? LimitUnits() : ReadUnits(globals, flags.org.org);
    Print(globals, response, ExceptionsAsText(response, units, OutStyle()));
  }
  return client::kDone;
}

void AddRequest(CLI::App& exception, const Globals& globals, Work* work) {
  CLI::App* command = exception.add_subcommand("request", "Ask for more, for one scope and a time");
  const auto flags = std::make_shared<RequestFlags>();
  flags->org.AddTo(*command);
  command
      ->add_option("--scope", flags->scope,
                   "A value for each dimension that any of the limits counts over")
      ->capture_default_str();
  command
      ->add_option(
          "--raise", flags->raises,
          "LIMIT=AMOUNT, the total in its unit (USD, or a count); repeatable: every window "
          "that it is meant for")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--until", flags->until, "When it ends: 8h, 2026-12-01, 2026-12-01T18:00")
      ->required();
  command->add_option("--from", flags->from, "When it begins; by default once it is approved");
  flags->reason.AddTo(*command, true);
  command->footer(
      R"(Somebody else has to approve it: quotactl exception approve. It ends by itself.

Examples:
  quotactl exception request --org acme --scope user=alice --raise user-month=900 --until 3d \
      --reason "release week"
  quotactl exception request --org acme --scope team=search --raise team-day=200 --raise team-month=6000 \
      --from 2026-12-01 --until 2026-12-04 --reason "load test")");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunRequest(globals, *flags); }; });
}

template <typename Run>
CLI::App* AddOne(CLI::App& exception, const Globals& globals, Work* work, const char* name,
                 const char* help, const char* footer, const std::shared_ptr<DecideFlags>& flags,
                 Run run) {
  CLI::App* command = exception.add_subcommand(name, help);
  flags->org.AddTo(*command);
  command->add_option("EXCEPTION", flags->id, "Its id")->required();
  command->footer(footer);
  command->callback([=, &globals] { *work = [=, &globals] { return run(globals, *flags); }; });
  return command;
}

}  // namespace

void AddException(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* exception =
      app.add_subcommand("exception", "More than the policy gives, for one scope and a time");
  exception->require_subcommand(1);
  AddRequest(*exception, globals, work);
  const auto add = [&](const char* name, const char* help, const char* footer, auto run) {
    const auto flags = std::make_shared<DecideFlags>();
    CLI::App* const command = AddOne(*exception, globals, work, name, help, footer, flags, run);
    return std::pair(command, flags);
  };
  const auto approve = add("approve", "Agree; in force from then on", R"(Not by who requested it.

Examples:
  quotactl exception list --org acme --state requested
  quotactl exception approve 01jdm3v5k8q2xw9c7e4r6t0y1a --org acme --reason "fine for a week")",
                           [](const Globals& g, const DecideFlags& flags) {
                             return RunDecide(g, flags, &AdminStub::ApproveException, false);
                           });
  approve.second->reason.AddTo(*approve.first);
  const auto deny = add("deny", "Say no", R"(Examples:
  quotactl exception deny 01jdm3v5k8q2xw9c7e4r6t0y1a --org acme --reason "use the batch tier")",
                        [](const Globals& g, const DecideFlags& flags) {
                          return RunDecide(g, flags, &AdminStub::DenyException, false);
                        });
  deny.second->reason.AddTo(*deny.first);
  const auto revoke = add("revoke", "End it now, or withdraw a request",
                          R"(Whoever requested it may; others need the role admin or approver.

Examples:
  quotactl exception revoke 01jdm3v5k8q2xw9c7e4r6t0y1a --org acme --yes)",
                          [](const Globals& g, const DecideFlags& flags) {
                            return RunDecide(g, flags, &AdminStub::RevokeException, true);
                          });
  revoke.second->reason.AddTo(*revoke.first);
  revoke.second->yes.AddTo(*revoke.first);
  add("show", "Show one", R"(Examples:
  quotactl exception show 01jdm3v5k8q2xw9c7e4r6t0y1a --org acme)",
      RunShow);

  CLI::App* list = exception->add_subcommand("list", "List them, newest first");
  const auto flags = std::make_shared<ListFlags>();
  flags->org.AddTo(*list);
  list->add_option("--state", flags->states,
                   "Only these: requested, denied, scheduled, active, expired, revoked; repeatable")
      ->check(CLI::IsMember({"requested", "denied", "scheduled", "active", "expired", "revoked"}))
      ->allow_extra_args(false);
  list->add_option("--most", flags->most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->footer(R"(Examples:
  quotactl exception list --org acme
  quotactl exception list --org acme --state requested --state active --json)");
  list->callback([=, &globals] { *work = [=, &globals] { return RunList(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
