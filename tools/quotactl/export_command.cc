#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/report_flags.h"
#include "tools/quotactl/target.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::quotactl {
namespace {

using terminal::FormatCount;

struct ExportFlags {
  ReportFlags report;
  std::string format = "csv", out;
  std::string invoice_issuer, provider, publisher;
};

// How far an export has come; read by the progress line's thread.
struct Progressed {
  std::atomic<int64_t> entries = 0;
  std::atomic<int64_t> position_s = 0;
};

std::string ProgressLine(const Progressed& progressed, const v1::ExportUsageRequest& request,
                         absl::Time start) {
  const int64_t from = request.from_time().seconds(), to = request.to_time().seconds();
  // A month under way ends now, as far as entries go.
  const int64_t end = std::max(std::min(to, absl::ToUnixSeconds(absl::Now())), from + 1);
  const int64_t past = std::clamp(progressed.position_s.load() - from, int64_t{0}, end - from);
  return absl::StrCat("export  ", FormatCount(progressed.entries.load()), " entries  ",
                      past * 100 / (end - from), "%  ", terminal::FormatSpan(absl::Now() - start));
}

// Reads the stream into `target`. `last` is the last chunk that came.
absl::Status Receive(grpc::ClientReader<v1::ExportUsageResponse>& stream, Target* target,
                     Progressed* progressed, v1::ExportUsageResponse* last) {
  while (stream.Read(last)) {
    const absl::Status written = target->Write(last->data());
    if (!written.ok()) return written;
    progressed->entries = last->entries();
    progressed->position_s = last->position_time().seconds();
  }
  return absl::OkStatus();
}

int RunExport(const Globals& globals, const ExportFlags& flags, v1::ExportFormat format) {
  v1::ExportUsageRequest request;
  const absl::Status fit = FillSelection(flags.report, absl::Now(), &request);
  if (!fit.ok()) return ReportError(globals, fit);
  request.set_format(format);
  request.set_invoice_issuer_name(flags.invoice_issuer);
  request.set_provider_name(flags.provider);
  request.set_publisher_name(flags.publisher);
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  Target target(flags.out);
  if (const absl::Status open = target.Check(); !open.ok()) return ReportError(globals, open);

  Progressed progressed;
  v1::ExportUsageResponse last;
  grpc::ClientContext context;
  absl::Status written;
  grpc::Status status;
  const absl::Time start = absl::Now();
  {
    const terminal::Progress progress([&] { return ProgressLine(progressed, request, start); });
    const auto stream = connection->reports()->ExportUsage(&context, request);
    written = Receive(*stream, &target, &progressed, &last);
    if (!written.ok()) context.TryCancel();
    status = stream->Finish();
  }
  if (!written.ok()) return ReportError(globals, written);
  if (!status.ok()) return ReportError(globals, *connection, status);
  if (!last.last()) {
    return ReportError(globals, absl::DataLossError("the export ended before it was whole"));
  }
  if (const absl::Status done = target.Finish(); !done.ok()) return ReportError(globals, done);
  std::fprintf(stderr, "%s entries, %s\n", FormatCount(last.entries()).c_str(),
               terminal::FormatMoney(last.cost_nano_usd()).c_str());
  return client::kDone;
}

void AddOut(CLI::App& command, ExportFlags* flags) {
  command
      .add_option("--out", flags->out,
                  "The file; it appears when it is whole. Standard output by default")
      ->group("Export");
}

void AddFocus(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command = report.add_subcommand(
      "focus", "Export as FOCUS 1.2, the FinOps format for cost and usage (CSV)");
  const auto flags = std::make_shared<ExportFlags>();
  flags->report.AddTo(*command);
  AddOut(*command, flags.get());
  const auto name = [&](const char* flag, std::string* value, const char* column) {
    command->add_option(flag, *value, column + std::string("; Quotaplane by default"))
        ->group("Export");
  };
  name("--invoice-issuer", &flags->invoice_issuer, "InvoiceIssuerName");
  name("--provider", &flags->provider, "ProviderName");
  name("--publisher", &flags->publisher, "PublisherName");
  command->footer(
      R"(One row for each meter of each call. FOCUS has UTC months: the month is meant so unless --zone is given.
Progress and totals go to stderr. --timeout does not apply: an export takes as long as it takes.

Examples:
  # October for the FinOps tool
  quotactl report focus --org acme --month 2026-10 --out acme-2026-10.csv

  # The support team's first week, under the platform team's name
  quotactl report focus --from 2026-10-01 --to 2026-10-08 --filter team=support --invoice-issuer Platform)");
  command->callback([=, &globals] {
    *work = [=, &globals] { return RunExport(globals, *flags, v1::EXPORT_FORMAT_FOCUS_1_2); };
  });
}

void AddExport(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command =
      report.add_subcommand("export", "Export every entry of the ledger as CSV or JSON lines");
  const auto flags = std::make_shared<ExportFlags>();
  flags->report.AddTo(*command);
  command->add_option("--format", flags->format, "csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str()
      ->group("Export");
  AddOut(*command, flags.get());
  command->footer(
      R"(All columns of the ledger, in the order of time; money in USD, exact to the nano. Progress and totals go to
stderr. --timeout does not apply: an export takes as long as it takes.

Examples:
  quotactl report export --org acme --month 2026-10 --out october.csv

  # What alice's calls cost, one by one
  quotactl report export --filter user=alice --format jsonl --out alice.jsonl)");
  command->callback([=, &globals] {
    *work = [=, &globals] {
      return RunExport(
          globals, *flags,
          flags->format == "csv" ? v1::EXPORT_FORMAT_CSV : v1::EXPORT_FORMAT_JSON_LINES);
    };
  });
}

}  // namespace

void AddReportExports(CLI::App& report, const Globals& globals, Work* work) {
  AddFocus(report, globals, work);
  AddExport(report, globals, work);
}

}  // namespace quotaplane::quotactl
