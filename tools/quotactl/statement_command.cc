#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/config/chargeback_reader.h"
#include "tools/client/json.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/report_flags.h"
#include "tools/quotactl/statement_render.h"
#include "tools/quotactl/target.h"

namespace quotaplane::quotactl {
namespace {

using Stub = client::Connection::ReportStub;

constexpr int kPageSize = 5'000;

// Which month of which org, and by which rules: of a close and of a preview.
struct MonthFlags {
  OrgFlag org;
  std::string month, zone = "UTC", rules;

  void AddTo(CLI::App& command, const char* month_help) {
    org.AddTo(command);
    command.add_option("--month", month, month_help)->group("Statement");
    command.add_option("--zone", zone, "IANA time zone of the months: the one an org began with")
        ->envname("QUOTAPLANE_ZONE")
        ->capture_default_str()
        ->group("Statement");
    command
        .add_option("--rules", rules,
                    "Fees, shared costs, markup and currency in YAML (docs/reports.md); without it "
                    "usage alone, in USD")
        ->group("Statement");
  }

  // `months` before the present one where none is given.
  absl::StatusOr<std::string> Month(int months) const {
    absl::TimeZone loaded;
    if (zone.empty() || !absl::LoadTimeZone(zone, &loaded)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--zone: \"", zone, "\" is no time zone; write it as Europe/Berlin"));
    }
    if (!month.empty()) {
      QP_RETURN_IF_ERROR(ParseMonth("--month", month, loaded).status());
      return month;
    }
    const absl::CivilMonth now(absl::ToCivilDay(absl::Now(), loaded));
    return absl::FormatCivilTime(now - months);
  }

  absl::StatusOr<v1::PreviewMonthRequest> Build(int months) const {
    v1::PreviewMonthRequest request;
    request.set_org(org.org);
    QP_ASSIGN_OR_RETURN(*request.mutable_month(), Month(months));
    request.set_time_zone(zone);
    if (!rules.empty()) {
      QP_ASSIGN_OR_RETURN(const ChargebackRules read, LoadChargebackRulesFile(rules));
      *request.mutable_rules() = RulesToProto(read);
    }
    return request;
  }
};

// Makes one call; an exit code where it failed.
template <typename Request, typename Response>
std::optional<int> CallOnce(const Globals& globals, const client::Connection& connection,
                            client::Connection::ReportMethod<Request, Response> method,
                            const Request& request, Response* response) {
  const grpc::Status status = connection.Call(method, request, response);
  if (!status.ok()) return ReportError(globals, connection, status);
  return std::nullopt;
}

struct CloseFlags {
  MonthFlags month;
  bool yes = false;
};

// Asks on the terminal; nobody there to ask is an error.
absl::Status Confirm(const v1::PreviewMonthRequest& month) {
  if (isatty(STDIN_FILENO) == 0) {
    return absl::InvalidArgumentError("--yes: is needed where nobody can be asked");
  }
  std::fprintf(stderr, "Close %s of %s? This is final. [y/N] ", month.month().c_str(),
               month.org().c_str());
  std::string answer;
  std::getline(std::cin, answer);
  answer = absl::AsciiStrToLower(answer);
  if (answer == "y" || answer == "yes") return absl::OkStatus();
  return absl::CancelledError("nothing was closed");
}

int RunClose(const Globals& globals, const CloseFlags& flags) {
  const absl::StatusOr<v1::PreviewMonthRequest> month = flags.month.Build(1);
  if (!month.ok()) return ReportError(globals, month.status());
  if (globals.json && !flags.yes) {
    return ReportError(globals, absl::InvalidArgumentError("--yes: is needed with --json"));
  }
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  const terminal::Style style = terminal::Style::For(STDOUT_FILENO);
  if (!flags.yes) {
    v1::PreviewMonthResponse preview;
    const auto failed = CallOnce(globals, *connection, &Stub::PreviewMonth, *month, &preview);
    if (failed.has_value()) return *failed;
    std::fputs(SummariesAsTable(preview.statements(), style).c_str(), stdout);
    std::fflush(stdout);
    if (const absl::Status said = Confirm(*month); !said.ok()) return ReportError(globals, said);
  }
  v1::CloseMonthRequest request;
  request.set_org(month->org());
  request.set_month(month->month());
  request.set_time_zone(month->time_zone());
  *request.mutable_rules() = month->rules();
  request.set_request_id(NewId());
  v1::CloseMonthResponse response;
  // A close that takes longer than --timeout goes on; its id makes asking again harmless.
  const grpc::Status status = connection->CallPatiently(&Stub::CloseMonth, request, &response);
  if (!status.ok()) return ReportError(globals, *connection, status);
  Print(globals, response,
        absl::StrCat(SummariesAsTable(response.statements(), style), "\n", month->month(),
                     " is closed.\n"));
  return client::kDone;
}

void AddClose(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command = report.add_subcommand(
      "close", "Close a month: freeze a statement for each cost center, for good");
  const auto flags = std::make_shared<CloseFlags>();
  flags->month.AddTo(*command, "The month YYYY-MM; by default the last one that is over");
  command->add_flag("--yes", flags->yes, "Close without showing the month and asking first")
      ->group("Statement");
  command->footer(
      R"(The month is shown, then asked about, then closed. Statements are numbered and never change: usage that arrives
later, and corrections, are in the statements of the next month. Months are closed in their order, and in one time zone.

Examples:
  # October, with seats, shared costs and the rate of the month
  quotactl report close --org acme --month 2026-10 --zone Europe/Berlin --rules chargeback.yaml

  # In a job
  quotactl report close --month 2026-10 --rules chargeback.yaml --yes --json)");
  command->callback([=, &globals] { *work = [=, &globals] { return RunClose(globals, *flags); }; });
}

struct StatementFlags {
  MonthFlags month;
  std::string cost_center, format = "table", out;
  bool unassigned = false, preview = false;
  int64_t number = 0;
  const CLI::Option* cost_center_given = nullptr;

  bool OneCenter() const { return unassigned || cost_center_given->count() > 0; }
  // --json is short for --format json.
  std::string Format(const Globals& globals) const { return globals.json ? "json" : format; }

  absl::Status Check() const {
    const auto wrong = [](const char* what) { return absl::InvalidArgumentError(what); };
    if (unassigned && cost_center_given->count() > 0) {
      return wrong("--cost-center and --unassigned: give the one or the other");
    }
    if (number != 0 && (preview || OneCenter() || !month.month.empty())) {
      return wrong("--number: says it all; leave out the others");
    }
    if (!preview && !month.rules.empty()) {
      return wrong("--rules: is for --preview; a statement has those that it was closed with");
    }
    return absl::OkStatus();
  }
};

v1::StatementFormat FormatOf(const std::string& name) {
  if (name == "csv") return v1::STATEMENT_FORMAT_CSV;
  if (name == "html") return v1::STATEMENT_FORMAT_HTML;
  return v1::STATEMENT_FORMAT_JSON;  // which tables are made of, too
}

// No colours in a file.
terminal::Style StyleFor(const std::string& path) {
  return path.empty() ? terminal::Style::For(STDOUT_FILENO) : terminal::Style(false);
}

int WriteOut(const Globals& globals, const std::string& path, const std::string& data) {
  Target target(path);
  absl::Status status = target.Check();
  if (status.ok()) status = target.Write(data);
  if (status.ok()) status = target.Finish();
  return status.ok() ? client::kDone : ReportError(globals, status);
}

// Takes a file from a stream of chunks.
template <typename Open>
int WriteFile(const Globals& globals, const client::Connection& connection,
              const StatementFlags& flags, Open open) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + connection.timeout()));
  const auto stream = open(&context);
  std::string file;
  v1::StatementChunk chunk;
  while (stream->Read(&chunk)) file += chunk.data();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return ReportError(globals, connection, status);
  if (!chunk.last()) {
    return ReportError(globals, absl::DataLossError("the statement ended before it was whole"));
  }
  const std::string format = flags.Format(globals);
  if (format == "json") file += '\n';
  if (format == "table") {
    const absl::StatusOr<std::string> table = StatementAsTable(file, StyleFor(flags.out));
    if (!table.ok()) return ReportError(globals, table.status());
    file = *table;
  }
  return WriteOut(globals, flags.out, file);
}

int WriteList(const Globals& globals, const StatementFlags& flags,
              const google::protobuf::Message& response, const Summaries& statements) {
  const std::string format = flags.Format(globals);
  if (format == "html") {
    return ReportError(globals, absl::InvalidArgumentError(
                                    "--format html: is for one statement; give its --number, or "
                                    "--month and --cost-center"));
  }
  return WriteOut(globals, flags.out,
                  format == "json"  ? client::ToJson(response)
                  : format == "csv" ? SummariesAsCsv(statements)
                                    : SummariesAsTable(statements, StyleFor(flags.out)));
}

int GetOne(const Globals& globals, const client::Connection& connection,
           const StatementFlags& flags, int64_t number) {
  v1::GetStatementRequest request;
  request.set_org(flags.month.org.org);
  request.set_number(number);
  request.set_format(FormatOf(flags.Format(globals)));
  return WriteFile(globals, connection, flags, [&](grpc::ClientContext* context) {
    return connection.reports()->GetStatement(context, request);
  });
}

int RunPreview(const Globals& globals, const client::Connection& connection,
               const StatementFlags& flags) {
  const absl::StatusOr<v1::PreviewMonthRequest> month = flags.month.Build(0);
  if (!month.ok()) return ReportError(globals, month.status());
  if (flags.OneCenter()) {
    v1::PreviewStatementRequest request;
    *request.mutable_month() = *month;
    request.set_cost_center(flags.cost_center);
    request.set_format(FormatOf(flags.Format(globals)));
    return WriteFile(globals, connection, flags, [&](grpc::ClientContext* context) {
      return connection.reports()->PreviewStatement(context, request);
    });
  }
  v1::PreviewMonthResponse response;
  const auto failed = CallOnce(globals, connection, &Stub::PreviewMonth, *month, &response);
  return failed.has_value() ? *failed : WriteList(globals, flags, response, response.statements());
}

int RunStatement(const Globals& globals, const StatementFlags& flags) {
  if (const absl::Status fit = flags.Check(); !fit.ok()) return ReportError(globals, fit);
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  if (flags.preview) return RunPreview(globals, *connection, flags);
  if (flags.number != 0) return GetOne(globals, *connection, flags, flags.number);
  v1::ListStatementsRequest request;
  request.set_org(flags.month.org.org);
  request.set_month(flags.month.month);
  if (flags.OneCenter()) request.set_cost_center(flags.cost_center);
  request.set_page_size(kPageSize);
  v1::ListStatementsResponse all;
  do {
    v1::ListStatementsResponse page;
    const auto failed = CallOnce(globals, *connection, &Stub::ListStatements, request, &page);
    if (failed.has_value()) return *failed;
    all.mutable_statements()->MergeFrom(page.statements());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  // A month has one of a cost center.
  if (!flags.OneCenter() || flags.month.month.empty()) {
    return WriteList(globals, flags, all, all.statements());
  }
  if (all.statements().empty()) {
    return ReportError(globals, absl::NotFoundError(
                                    "no such statement: the cost center has none in this month, or "
                                    "the month is not closed (--preview shows it)"));
  }
  return GetOne(globals, *connection, flags, all.statements(0).number());
}

void AddStatement(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command = report.add_subcommand(
      "statement", "Statements of closed months, and previews of those under way");
  const auto flags = std::make_shared<StatementFlags>();
  flags->month.AddTo(*command,
                     "A month YYYY-MM; all closed ones by default, in a preview the present one");
  flags->cost_center_given =
      command->add_option("--cost-center", flags->cost_center, "That of one cost center")
          ->group("Statement");
  command->add_flag("--unassigned", flags->unassigned, "That of what has no cost center")
      ->group("Statement");
  command->add_option("--number", flags->number, "The one with this number")
      ->check(CLI::PositiveNumber)
      ->group("Statement");
  command
      ->add_flag("--preview", flags->preview,
                 "What a close would make of the month now: it may change, and stores nothing")
      ->group("Statement");
  command
      ->add_option("--format", flags->format,
                   "table, json (the document as it is stored), csv, or html (a page to print)")
      ->check(CLI::IsMember({"table", "json", "csv", "html"}))
      ->capture_default_str()
      ->group("Output");
  command
      ->add_option("--out", flags->out,
                   "The file; it appears when it is whole. Standard output by default")
      ->group("Output");
  command->footer(
      R"(Without --number, and without --month and --cost-center (or --unassigned), statements are listed.

Examples:
  # Which statements has October?
  quotactl report statement --org acme --month 2026-10

  # One of them as a page, for a browser or a printer
  quotactl report statement --month 2026-10 --cost-center R-100 --format html --out R-100.html

  # How does the present month stand, by the rules it will be closed with?
  quotactl report statement --preview --rules chargeback.yaml)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunStatement(globals, *flags); }; });
}

}  // namespace

void AddStatements(CLI::App& report, const Globals& globals, Work* work) {
  AddStatement(report, globals, work);
  AddClose(report, globals, work);
}

}  // namespace quotaplane::quotactl
