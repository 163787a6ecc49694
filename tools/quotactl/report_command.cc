#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/client/json.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/report_call.h"
#include "tools/quotactl/report_flags.h"
#include "tools/quotactl/report_render.h"

namespace quotaplane::quotactl {
namespace {

using Stub = client::Connection::ReportStub;

struct Output {
  bool csv = false;

  void AddTo(CLI::App& command) {
    command.add_flag("--csv", csv, "Print CSV: money in USD, exact, and no line for the total");
  }
  absl::Status Check(const Globals& globals) const {
    if (csv && globals.json) {
      return absl::InvalidArgumentError("--csv and --json: give the one or the other");
    }
    return absl::OkStatus();
  }
};

void AddGroupBy(CLI::App& command, std::vector<std::string>* group_by) {
  command
      .add_option("--group-by", *group_by,
                  "Dimensions, with commas: team, project, user, model, meter, cost_center, "
                  "api_key, labels.NAME")
      ->delimiter(',')
      ->group("Report");
}

// Prints the report by `table` or `csv`, or its JSON.
template <typename Report, typename Table, typename Csv>
int PrintReport(const Globals& globals, const Output& output, const Report& report, Table table,
                Csv csv) {
  if (globals.json || !output.csv) {
    Print(globals, report, globals.json ? "" : table(terminal::Style::For(STDOUT_FILENO)));
  } else {
    std::fputs(csv().c_str(), stdout);
  }
  return client::kDone;
}

struct UsageReportFlags {
  ReportFlags report;
  Output output;
  std::vector<std::string> group_by;
  std::string granularity, order_by;
  int top = 0;

  absl::StatusOr<v1::QueryUsageRequest> Build() const {
    v1::QueryUsageRequest request;
    QP_RETURN_IF_ERROR(FillSelection(report, absl::Now(), &request));
    request.set_time_zone(report.zone);
    request.mutable_group_by()->Add(group_by.begin(), group_by.end());
    constexpr std::pair<const char*, v1::Granularity> kGranularities[] = {
        {"", v1::GRANULARITY_UNSPECIFIED},
        {"hour", v1::GRANULARITY_HOUR},
        {"day", v1::GRANULARITY_DAY},
        {"week", v1::GRANULARITY_WEEK},
        {"month", v1::GRANULARITY_MONTH}};
    for (const auto& [name, value] : kGranularities) {
      if (granularity == name) request.set_granularity(value);
    }
    request.set_order_by(order_by);
    request.set_top(top);
    return request;
  }
};

int RunUsage(const Globals& globals, const UsageReportFlags& flags) {
  if (const absl::Status fit = flags.output.Check(globals); !fit.ok()) {
    return ReportError(globals, fit);
  }
  const absl::StatusOr<v1::QueryUsageRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  v1::QueryUsageResponse report;
  const std::optional<int> failed = QueryAllUsage(globals, *request, &report);
  if (failed.has_value()) return *failed;
  const ReportLayout layout = {flags.group_by, request->granularity(), *flags.report.Zone()};
  return PrintReport(
      globals, flags.output, report,
      [&](const terminal::Style& style) { return UsageAsTable(report, layout, style); },
      [&] { return UsageAsCsv(report, layout); });
}

void AddUsageReport(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command =
      report.add_subcommand("usage", "Cost and usage, by any dimensions and periods");
  const auto flags = std::make_shared<UsageReportFlags>();
  flags->report.AddTo(*command);
  AddGroupBy(*command, &flags->group_by);
  command
      ->add_option("--granularity", flags->granularity, "A row for each hour, day, week or month")
      ->check(CLI::IsMember({"hour", "day", "week", "month"}))
      ->group("Report");
  command
      ->add_option(
          "--order-by", flags->order_by,
          "cost, requests, denied, overrun, tokens, quantity.METER or group, with \" desc\" "
          "behind it for the largest first; \"cost desc\" by default")
      ->group("Report");
  command
      ->add_option("--top", flags->top, "Only the first so many groups, and all others as one row")
      ->check(CLI::NonNegativeNumber)
      ->group("Report");
  flags->output.AddTo(*command);
  command->footer(
      R"(A request counts once, in the group of its first line: by model that is the model of its first attempt.
By api_key and by labels every entry is read, which takes longer than sums by the other dimensions.

Examples:
  # What has each team spent this month, on which models?
  quotactl report usage --org acme --group-by team,model

  # October day by day, as Berlin's calendar has it, for a spreadsheet
  quotactl report usage --month 2026-10 --zone Europe/Berlin --granularity day --csv

  # The search team's Claude calls by agent since the 1st, the ten largest
  quotactl report usage --from 2026-11-01 --filter team=search --filter 'model=claude-*' \
      --group-by labels.agent --top 10)");
  command->callback([=, &globals] { *work = [=, &globals] { return RunUsage(globals, *flags); }; });
}

struct TopFlags {
  ReportFlags report;
  Output output;
  std::string dimension = "user";
  int top = 10;
};

int RunTop(const Globals& globals, const TopFlags& flags) {
  v1::ListTopSpendersRequest request;
  absl::Status fit = flags.output.Check(globals);
  if (fit.ok()) fit = FillSelection(flags.report, absl::Now(), &request);
  if (!fit.ok()) return ReportError(globals, fit);
  request.set_dimension(flags.dimension);
  request.set_top(flags.top);
  v1::ListTopSpendersResponse report;
  const std::optional<int> failed = CallReport(globals, &Stub::ListTopSpenders, request, &report);
  if (failed.has_value()) return *failed;
  return PrintReport(
      globals, flags.output, report,
      [&](const terminal::Style& style) { return SpendersAsTable(report, flags.dimension, style); },
      [&] { return SpendersAsCsv(report, flags.dimension); });
}

void AddTop(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command = report.add_subcommand("top", "Who spent the most");
  const auto flags = std::make_shared<TopFlags>();
  flags->report.AddTo(*command);
  command->add_option("--by", flags->dimension, "team, project, user, model, …, or labels.NAME")
      ->capture_default_str()
      ->group("Report");
  command->add_option("--top", flags->top, "How many; all others are one row")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Report");
  flags->output.AddTo(*command);
  command->footer(
      R"(Examples:
  # The ten users of this month
  quotactl report top --org acme

  # The agents of the support team in October
  quotactl report top --by labels.agent --filter team=support --month 2026-10)");
  command->callback([=, &globals] { *work = [=, &globals] { return RunTop(globals, *flags); }; });
}

struct CompareFlags {
  ReportFlags report;
  BaseFlags base;
  Output output;
  std::vector<std::string> group_by;
  int top = 0;

  absl::StatusOr<v1::ComparePeriodsRequest> Build() const {
    const absl::Time now = absl::Now();
    v1::ComparePeriodsRequest request;
    QP_RETURN_IF_ERROR(FillSelection(report, now, &request));
    QP_ASSIGN_OR_RETURN(const Span current, report.Range(now));
    QP_ASSIGN_OR_RETURN(const absl::TimeZone zone, report.Zone());
    QP_ASSIGN_OR_RETURN(const Span before, base.Range(current, zone));
    SetTime(before.from, request.mutable_base_from_time());
    SetTime(before.to, request.mutable_base_to_time());
    request.mutable_group_by()->Add(group_by.begin(), group_by.end());
    request.set_top(top);
    return request;
  }
};

int RunCompare(const Globals& globals, const CompareFlags& flags) {
  if (const absl::Status fit = flags.output.Check(globals); !fit.ok()) {
    return ReportError(globals, fit);
  }
  const absl::StatusOr<v1::ComparePeriodsRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  v1::ComparePeriodsResponse report;
  const std::optional<int> failed = CallReport(globals, &Stub::ComparePeriods, *request, &report);
  if (failed.has_value()) return *failed;
  return PrintReport(
      globals, flags.output, report,
      [&](const terminal::Style& style) {
        return ComparisonAsTable(report, flags.group_by, style);
      },
      [&] { return ComparisonAsCsv(report, flags.group_by); });
}

void AddCompare(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command =
      report.add_subcommand("compare", "What changed since the month, or the time, before");
  const auto flags = std::make_shared<CompareFlags>();
  flags->report.AddTo(*command);
  flags->base.AddTo(*command);
  AddGroupBy(*command, &flags->group_by);
  command->add_option("--top", flags->top, "Only the so many largest changes, up or down")
      ->check(CLI::NonNegativeNumber)
      ->group("Report");
  flags->output.AddTo(*command);
  command->footer(
      R"(The largest changes come first, up or down. Nothing is scaled: a month under way is compared as it is.

Examples:
  # Which teams drove October's bill, against September?
  quotactl report compare --org acme --month 2026-10 --group-by team --top 5

  # The models of these seven days, against the seven before
  quotactl report compare --from 2026-11-09 --to 2026-11-16 --group-by model)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunCompare(globals, *flags); }; });
}

}  // namespace

void AddReport(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* report =
      app.add_subcommand("report", "What was spent: reports, exports and statements of the ledger");
  report->require_subcommand(1);
  AddUsageReport(*report, globals, work);
  AddTop(*report, globals, work);
  AddCompare(*report, globals, work);
  AddReportExports(*report, globals, work);
  AddStatements(*report, globals, work);
  AddReconcile(*report, globals, work);
}

}  // namespace quotaplane::quotactl
