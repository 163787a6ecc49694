#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/money/money.h"
#include "tools/quotactl/books_render.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

using Stub = client::Connection::LedgerStub;

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

// Who, and why: what every correction is asked.
struct AuditFlags {
  std::string reason, actor;

  void AddReason(CLI::App& command) {
    command.add_option("--reason", reason, "Why; stands in the ledger")->required()->group("Audit");
  }
  void AddActor(CLI::App& command) {
    const char* const user = std::getenv("USER");
    if (user != nullptr) actor = user;
    command.add_option("--actor", actor, "Who does it, for the audit; by default who you are here")
        ->capture_default_str()
        ->group("Audit");
  }
};

struct AdjustFlags {
  OrgFlag org;
  AuditFlags audit;
  std::string id, of, cost;
  std::optional<int64_t> line;
  int64_t quantity = 0;
  bool all = false;

  absl::StatusOr<v1::AdjustRequest> Build() const {
    v1::AdjustRequest request;
    request.set_adjustment_id(id.empty() ? NewId() : id);
    request.set_org(org.org);
    request.set_reservation_id(of);
    if (line.has_value()) request.set_line(*line);
    request.set_take_back_all(all);
    if (!cost.empty()) {
      const absl::StatusOr<int64_t> nano = ParseUsd(cost);
      if (!nano.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--cost: \"", cost, "\" is no amount of USD; write it as -1.25"));
      }
      request.set_cost_nano_usd(*nano);
    }
    request.set_quantity(quantity);
    request.set_reason(audit.reason);
    request.set_actor(audit.actor);
    return request;
  }
};

int RunAdjust(const Globals& globals, const AdjustFlags& flags) {
  const absl::StatusOr<v1::AdjustRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  return CallAndPrint(globals, &Stub::Adjust, *request, [](const v1::AdjustResponse& response) {
    return AdjustAsText(response, OutStyle());
  });
}

struct RerateFlags {
  ReportFlags report;
  AuditFlags audit;
  bool dry_run = false;

  absl::StatusOr<v1::RerateRequest> Build() const {
    v1::RerateRequest request;
    QP_ASSIGN_OR_RETURN(const Span range, report.Range(absl::Now()));
    SetTime(range.from, request.mutable_from_time());
    SetTime(range.to, request.mutable_to_time());
    QP_ASSIGN_OR_RETURN(const std::vector<v1::Filter> filters, report.Filters());
    for (const v1::Filter& filter : filters) {
      auto* const names = filter.dimension() == "model"  ? request.mutable_models()
                          : filter.dimension() == "team" ? request.mutable_teams()
                          : filter.dimension() == "user" ? request.mutable_users()
                                                         : nullptr;
      if (names == nullptr || filter.globs_size() > 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("--filter: ", filter.dimension(),
                         " cannot be re-rated by; there are exact values of "
                         "model, team and user"));
      }
      names->MergeFrom(filter.values());
    }
    request.set_org(report.org.org);
    request.set_reason(audit.reason);
    request.set_actor(audit.actor);
    request.set_dry_run(dry_run);
    return request;
  }
};

int RunRerate(const Globals& globals, const RerateFlags& flags) {
  const absl::StatusOr<v1::RerateRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  return CallAndPrint(globals, &Stub::Rerate, *request, [&](const v1::RerateResponse& response) {
    return RerateAsText(response, flags.dry_run, OutStyle());
  });
}

struct EraseFlags {
  OrgFlag org;
  AuditFlags audit;
  std::string user;
  bool yes = false;
};

// Whether whoever sits there wants it.
bool Confirmed(const EraseFlags& flags) {
  std::fprintf(stderr, "Erase the user %s of the org %s? This cannot be undone. [y/N] ",
               flags.user.c_str(), flags.org.org.c_str());
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

int RunErase(const Globals& globals, const EraseFlags& flags) {
  if (!flags.yes && !Confirmed(flags)) {
    return ReportError(globals, absl::CancelledError("nothing was erased"));
  }
  v1::EraseUserRequest request;
  request.set_org(flags.org.org);
  request.set_user(flags.user);
  request.set_actor(flags.audit.actor);
  return CallAndPrint(
      globals, &Stub::EraseUser, request,
      [&](const v1::EraseUserResponse& response) { return ErasureAsText(flags.user, response); });
}

}  // namespace

void AddAdjust(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command =
      app.add_subcommand("adjust", "Correct a charge: take back, or add, cost or quantity");
  const auto flags = std::make_shared<AdjustFlags>();
  flags->org.AddTo(*command);
  command->add_option("--of", flags->of, "Reservation id, or record id, of the charge")
      ->required()
      ->group("Charge");
  command
      ->add_option("--line", flags->line,
                   "Which of its lines, from 0; by default the whole charge, in proportion")
      ->group("Charge");
  command->add_option("--cost", flags->cost, "USD to add; negative takes back: -1.25")
      ->group("Correction");
  command
      ->add_option("--quantity", flags->quantity,
                   "Units to add to the line; negative takes back. Needs --line")
      ->group("Correction");
  command->add_flag("--all", flags->all, "Take back everything that is left of it")
      ->group("Correction");
  command
      ->add_option("--id", flags->id,
                   "The adjustment's own id: with it, the same call again changes nothing; by "
                   "default a new one")
      ->group("Correction");
  flags->audit.AddReason(*command);
  flags->audit.AddActor(*command);
  command->footer(
      R"(Nothing is updated: the correction is an entry of its own, which names the charge, in the month in which it is made.
Live counters move with it where the charge is in their present period. Never below 0, with all corrections together.

Examples:
  # The provider credited 1.25 USD for a call that failed half-way
  quotactl adjust --org acme --of req-1 --cost -1.25 --reason provider-credit --id credit-4711

  # A call that must not be charged at all
  quotactl adjust --org acme --of req-2 --all --reason our-outage)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunAdjust(globals, *flags); }; });
}

void AddRerate(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "rerate", "Price a time again by the server's price book; the differences are corrections");
  const auto flags = std::make_shared<RerateFlags>();
  flags->report.AddTo(*command);
  command->add_flag("--dry-run", flags->dry_run, "Say what would change, and write nothing");
  flags->audit.AddReason(*command);
  flags->audit.AddActor(*command);
  command->footer(
      R"(Put the price book with the right prices in force first (docs/prices.md): each charge is priced by what the book has for
its day. Usage of models that it does not know, and charges that somebody adjusted by hand, stay as they are. The same
again changes nothing. A long time takes a while: give it --timeout 10m.

Examples:
  quotactl rerate --org acme --month 2026-10 --dry-run --reason new-contract

  # One model, for one team
  quotactl rerate --month 2026-10 --filter model=claude-sonnet-4-5 --filter team=search \
      --reason new-contract)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunRerate(globals, *flags); }; });
}

void AddEraseUser(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "erase-user", "Replace a user's name by a pseudonym everywhere in the ledger, for good");
  const auto flags = std::make_shared<EraseFlags>();
  flags->org.AddTo(*command);
  command->add_option("--user", flags->user, "The name, as requests gave it")->required();
  command->add_flag("--yes", flags->yes, "Do not ask");
  flags->audit.AddActor(*command);
  command->footer(
      R"(Totals and all reports by other dimensions stay as they are. Usage that is on its way gets the pseudonym too. What the
name does later is a new person's. It takes about a minute for ten million entries: give it --timeout 10m.

Examples:
  quotactl erase-user --org acme --user alice@example.com

  # In a script, which nobody can ask
  quotactl erase-user --org acme --user alice@example.com --yes --actor privacy-desk)");
  command->callback([=, &globals] { *work = [=, &globals] { return RunErase(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
