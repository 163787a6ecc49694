// quotactl: the public API by hand. Where to look:
//   globals     --server, --json, --timeout; printing of results and errors; exit codes
//   flags       subject and usage flags -> protobuf
//   render      protobuf -> text
//   *_command*  one subcommand (or a few of a kind) each
//   trace, replay   the work behind `quotactl replay`
//   report_*    flags and tables of `quotactl report`
//   books_*     verify, rebuild-counters, ledger; correct_command: adjust, rerate, erase-user
//   statement_* closing months, and statements
//   login_command, token_command   who is calling; health_command: whether anybody answers
//   anomaly_command   detectors, offline: series_csv, scorecard_render
//   calls       a service's methods as commands call them; follow: streams that go on
//   admin_*     flags of what changes what is in force: policy_version, policy_try, limits,
//               exception, key, price_book, state and audit commands; policy_render, access_render:
//               their tables; next_step: what to type next; audit_walk: the chain
//   alert_*     alerts: flags, words, tables, what to do next; silence and delivery commands too
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "libs/rpc/library_log.h"
#include "tools/quotactl/commands.h"

namespace {

using quotaplane::client::kFailed;
using quotaplane::client::kWrongUse;

constexpr char kFooter[] =
    R"(Exit code: 0 allowed or done, 3 denied, 2 wrong use (bad flags, or the server says that a field is wrong),
1 anything else.

The life of one request:
  quotactl reserve --id req-1 --org acme --team search --user alice --model claude-sonnet-4-5 \
      --input-tokens 1200 --max-output-tokens 800
  quotactl commit --id req-1 --org acme --team search --user alice --model claude-sonnet-4-5 \
      --input-tokens 1200 --output-tokens 412
  quotactl usage --org acme --team search --user alice

What was spent, afterwards:
  quotactl report usage --org acme --month 2026-11 --group-by team
  quotactl report statement --org acme --month 2026-11 --preview

Whether counters and ledger agree, and how far the ledger is:
  quotactl verify
  quotactl ledger status

Who may spend what, changed under version control (docs/control.md):
  quotactl limits set "team=search: 5000 usd a month" --org acme --on-outage deny
  quotactl policy history --org acme
  quotactl audit verify --org acme

What is wrong with spend, as it is found:
  quotactl alert watch --org acme
  quotactl alert show A-17 --org acme

quotactl SUBCOMMAND --help shows each one's flags, with examples. Colour is left out where NO_COLOR is set.)";

void AddGlobals(CLI::App& app, quotaplane::quotactl::Globals* globals) {
  app.add_option("--server", globals->server, "HOST:PORT of the server")
      ->envname("QUOTAPLANE_SERVER")
      ->capture_default_str();
  app.add_option("--timeout", globals->timeout, "How long a call may take: 500ms, 10s, 1m")
      ->capture_default_str();
  app.add_flag("--json", globals->json, "Print the answer as JSON, errors too");
  globals->security.AddTo(app);
}

// CLI11 says only that a subcommand is required where there is one that it does not know.
std::string ExplainWrongUse(const CLI::App* app, const CLI::Error& error) {
  const std::vector<std::string> strays = app->remaining(/*recurse=*/true);
  if (std::string_view(error.what()) != "A subcommand is required" || strays.empty()) {
    return CLI::FailureMessage::simple(app, error);
  }
  return "There is no subcommand \"" + strays.front() + "\".\nRun with --help for the list.\n";
}

int Main(int argc, char** argv) {
  quotaplane::IgnoreWhatLibrariesSay();
  CLI::App app(
      "Talks to a Quotaplane server: may this request run, what may it spend, what has it cost?",
      "quotactl");
  quotaplane::quotactl::Globals globals;
  quotaplane::quotactl::Work work;
  app.require_subcommand(1);
  // The flags of this level are accepted after a subcommand as well.
  app.fallthrough();
  AddGlobals(app, &globals);
  quotaplane::quotactl::AddReserve(app, globals, &work);
  quotaplane::quotactl::AddCommit(app, globals, &work);
  quotaplane::quotactl::AddRelease(app, globals, &work);
  quotaplane::quotactl::AddExtend(app, globals, &work);
  quotaplane::quotactl::AddRecord(app, globals, &work);
  quotaplane::quotactl::AddCheck(app, globals, &work);
  quotaplane::quotactl::AddUsage(app, globals, &work);
  quotaplane::quotactl::AddReport(app, globals, &work);
  quotaplane::quotactl::AddVerify(app, globals, &work);
  quotaplane::quotactl::AddRebuildCounters(app, globals, &work);
  quotaplane::quotactl::AddAdjust(app, globals, &work);
  quotaplane::quotactl::AddRerate(app, globals, &work);
  quotaplane::quotactl::AddEraseUser(app, globals, &work);
  quotaplane::quotactl::AddLedger(app, globals, &work);
  quotaplane::quotactl::AddReplay(app, globals, &work);
  quotaplane::quotactl::AddPolicy(app, globals, &work);
  quotaplane::quotactl::AddPrices(app, globals, &work);
  quotaplane::quotactl::AddHealth(app, globals, &work);
  quotaplane::quotactl::AddLogin(app, globals, &work);
  quotaplane::quotactl::AddToken(app, globals, &work);
  quotaplane::quotactl::AddLimits(app, globals, &work);
  quotaplane::quotactl::AddException(app, globals, &work);
  quotaplane::quotactl::AddKey(app, globals, &work);
  quotaplane::quotactl::AddState(app, globals, &work);
  quotaplane::quotactl::AddAudit(app, globals, &work);
  quotaplane::quotactl::AddLog(app, globals, &work);
  quotaplane::quotactl::AddAlert(app, globals, &work);
  quotaplane::quotactl::AddAnomaly(app, globals, &work);
  app.footer(kFooter);
  app.failure_message(ExplainWrongUse);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  return work();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quotactl: %s\n", error.what());
    return kFailed;
  }
}
