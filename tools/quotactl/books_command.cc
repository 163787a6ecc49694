#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/quotactl/books_render.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/read_file.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::quotactl {
namespace {

struct BooksFlags {
  std::string org, patience = "10s", policy;
  bool all = false, dry_run = false;

  void AddTo(CLI::App& command) {
    command.add_option("--org", org, "Only this one; by default every org that was ever charged");
    command
        .add_option(
            "--patience", patience,
            "How long to wait, for each org, until its charges are in the ledger; up to 60s")
        ->capture_default_str();
  }
};

// How far a stream has come; read by the progress line's thread.
struct Progressed {
  std::atomic<int64_t> done = 0, total = 0;
};

// Reads the whole stream that `open` opens.
template <typename Response, typename Open>
int ReceiveBooks(const Globals& globals, const char* what, Open open, Books* books) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  Progressed progressed;
  Response chunk;
  bool whole = false;
  grpc::ClientContext context;
  grpc::Status status;
  const absl::Time start = absl::Now();
  {
    const terminal::Progress progress([&] {
      return absl::StrCat(what, "  ", terminal::FormatCount(progressed.done), " of ",
                          terminal::FormatCount(progressed.total), " orgs  ",
                          terminal::FormatSpan(absl::Now() - start));
    });
    const auto stream = open(connection->ledger(), &context);
    while (stream->Read(&chunk)) {
      books->rows.insert(books->rows.end(), chunk.rows().begin(), chunk.rows().end());
      if (chunk.has_org()) books->orgs.push_back(chunk.org());
      books->limits = chunk.limits();
      progressed.done = chunk.orgs_done();
      progressed.total = chunk.orgs_total();
      whole = chunk.last();
    }
    status = stream->Finish();
  }
  if (!status.ok()) return ReportError(globals, *connection, status);
  if (!whole) return ReportError(globals, absl::DataLossError("the answer ended in the middle"));
  return client::kDone;
}

void PrintBooks(const Globals& globals, const Books& books, BooksKind kind) {
  const std::string text = globals.json
                               ? BooksAsJson(books)
                               : BooksAsText(books, kind, terminal::Style::For(STDOUT_FILENO));
  std::fputs(text.c_str(), stdout);
}

int RunVerify(const Globals& globals, const BooksFlags& flags) {
  const absl::StatusOr<absl::Duration> patience = ParseSpan("--patience", flags.patience);
  if (!patience.ok()) return ReportError(globals, patience.status());
  v1::VerifyRequest request;
  request.set_org(flags.org);
  request.set_all_counters(flags.all);
  *request.mutable_patience() = ToProto(*patience);
  Books books;
  const int received = ReceiveBooks<v1::VerifyResponse>(
      globals, "verify", [&](auto* stub, auto* context) { return stub->Verify(context, request); },
      &books);
  if (received != client::kDone) return received;
  PrintBooks(globals, books, BooksKind::kVerify);
  return books.balanced() ? client::kDone : client::kFailed;
}

int RunRebuild(const Globals& globals, const BooksFlags& flags) {
  const absl::StatusOr<absl::Duration> patience = ParseSpan("--patience", flags.patience);
  if (!patience.ok()) return ReportError(globals, patience.status());
  v1::RebuildCountersRequest request;
  request.set_org(flags.org);
  request.set_dry_run(flags.dry_run);
  *request.mutable_patience() = ToProto(*patience);
  if (!flags.policy.empty()) {
    const absl::StatusOr<std::string> policy = ReadFile(flags.policy);
    if (!policy.ok()) return ReportError(globals, policy.status());
    request.set_policy_yaml(*policy);
  }
  Books books;
  const int received = ReceiveBooks<v1::RebuildCountersResponse>(
      globals, "rebuild",
      [&](auto* stub, auto* context) { return stub->RebuildCounters(context, request); }, &books);
  if (received != client::kDone) return received;
  PrintBooks(globals, books, flags.dry_run ? BooksKind::kDryRun : BooksKind::kRebuild);
  return books.known() ? client::kDone : client::kFailed;
}

int RunStatus(const Globals& globals) {
  return CallAndPrint(globals, &client::Connection::LedgerStub::GetStatus, v1::GetStatusRequest(),
                      [](const v1::GetStatusResponse& response) {
                        return StatusAsText(response, absl::Now(),
                                            terminal::Style::For(STDOUT_FILENO));
                      });
}

}  // namespace

void AddVerify(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "verify", "Do the books balance? The ledger's sum against every counter, to the nano");
  const auto flags = std::make_shared<BooksFlags>();
  flags->AddTo(*command);
  command->add_flag("--all", flags->all, "Show the counters that agree, too");
  command->footer(
      R"(Compares the present period of every counter over a calendar window or a lifetime, while charges go on. The limits are
those of the server's policy. Where they differ, the counter's drift is what it has above (+) or below (-) the ledger.
Exit code: 0 the books balance, 1 they do not, or an org's books are unknown. --timeout does not apply.

Examples:
  quotactl verify

  # One org, every counter
  quotactl verify --org acme --all

  # For a script, which also looks at the exit code
  quotactl verify --json > books.json)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunVerify(globals, *flags); }; });
}

void AddRebuildCounters(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "rebuild-counters", "Move counters that differ from the ledger to what it says");
  const auto flags = std::make_shared<BooksFlags>();
  flags->AddTo(*command);
  command->add_flag("--dry-run", flags->dry_run, "Say what would be moved, and move nothing");
  command->add_option("--policy", flags->policy,
                      "A policy file that is to take force soon: fills its counters as well");
  command->footer(
      R"(After a loss of Redis, or to end a drift that `quotactl verify` shows. The server does it by itself for limits that are
new and for partitions that were lost; charges go on meanwhile, and none is lost or counted twice.
With --policy, new limits know what was spent in their period before the policy takes force anywhere.
Exit code: 0 done, 1 some org's books could not be compared. --timeout does not apply.

Examples:
  quotactl rebuild-counters --dry-run
  quotactl rebuild-counters --org acme

  # A new monthly cap that shall know this month's spend from its first request on: before the file is put in place
  quotactl rebuild-counters --policy new-policy.yaml)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunRebuild(globals, *flags); }; });
}

void AddLedger(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* ledger = app.add_subcommand("ledger", "How the ledger is doing");
  ledger->require_subcommand(1);
  CLI::App* command = ledger->add_subcommand(
      "status", "What waits for the ledger, what was put aside, when the books were compared");
  command->footer(R"(Of the process that answers; several share the work.

Examples:
  quotactl ledger status

  # How many charges wait, for a script
  quotactl ledger status --json > status.json)");
  command->callback([=, &globals] { *work = [&globals] { return RunStatus(globals); }; });
}

}  // namespace quotaplane::quotactl
