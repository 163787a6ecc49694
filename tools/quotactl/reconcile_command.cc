#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/reconcile_input.h"
#include "tools/quotactl/reconcile_render.h"
#include "tools/quotactl/report_call.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

constexpr int kDiffers = 1;

struct ReconcileFlags {
  ReportFlags report;
  std::vector<std::string> files, map, models;
  std::string provider, tolerance = "0.01";
  bool csv = false;

  absl::StatusOr<reconcile::Options> Build(const reconcile::ProviderReport& provided) const;
};

// The days that are asked for, as far as the export is about them; those of the export, where none
// are.
absl::Status SetDays(const ReportFlags& flags, const reconcile::ProviderReport& provided,
                     reconcile::Options* options) {
  absl::CivilDay first, end;
  if (provided.from.has_value()) {
    first = *provided.from;
    end = *provided.to;
  } else if (!provided.rows.empty()) {
    const auto [low, high] =
        std::minmax_element(provided.rows.begin(), provided.rows.end(),
                            [](const auto& a, const auto& b) { return a.day < b.day; });
    first = low->day;
    end = high->day + 1;
  } else {
    return absl::InvalidArgumentError("the export has nothing in it, and no day that it is about");
  }
  options->from = first;
  options->to = end;
  if (flags.month.empty() && flags.from.empty() && flags.to.empty()) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(const Span span, flags.Range(absl::Now()));
  QP_ASSIGN_OR_RETURN(const auto days, WholeDays(span.from, span.to));
  options->from = days.first;
  options->to = days.second;
  if (!provided.from.has_value()) return absl::OkStatus();
  options->from = std::max(options->from, first);
  options->to = std::min(options->to, end);
  if (options->from < options->to) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the export is about ", absl::FormatCivilTime(first), " to ",
                   absl::FormatCivilTime(end - 1), ": none of the days that are asked for"));
}

absl::StatusOr<reconcile::Options> ReconcileFlags::Build(
    const reconcile::ProviderReport& provided) const {
  reconcile::Options options;
  QP_RETURN_IF_ERROR(SetDays(report, provided, &options));
  QP_ASSIGN_OR_RETURN(options.tolerance, ParseTolerance(tolerance));
  for (const std::string& glob : models.empty() ? ModelsOf(provider) : models) {
    options.models.emplace_back(glob);
  }
  return options;
}

absl::StatusOr<v1::QueryUsageRequest> LedgerRequest(const ReportFlags& flags,
                                                    const reconcile::Options& options) {
  v1::QueryUsageRequest request;
  request.set_org(flags.org.org);
  SetTime(absl::FromCivil(options.from, absl::UTCTimeZone()), request.mutable_from_time());
  SetTime(absl::FromCivil(options.to, absl::UTCTimeZone()), request.mutable_to_time());
  QP_ASSIGN_OR_RETURN(const std::vector<v1::Filter> filters, flags.Filters());
  request.mutable_filters()->Add(filters.begin(), filters.end());
  request.add_group_by("model");
  request.add_group_by("meter");
  request.set_granularity(v1::GRANULARITY_DAY);
  request.set_order_by("group");
  return request;
}

int RunReconcile(const Globals& globals, const ReconcileFlags& flags) {
  if (flags.csv && globals.json) {
    return ReportError(globals,
                       absl::InvalidArgumentError("--csv and --json: give the one or the other"));
  }
  const absl::StatusOr<reconcile::ProviderReport> provided =
      ReadProviderFiles(flags.files, flags.provider, flags.map);
  if (!provided.ok()) return ReportError(globals, provided.status());
  const absl::StatusOr<reconcile::Options> options = flags.Build(*provided);
  if (!options.ok()) return ReportError(globals, options.status());
  const absl::StatusOr<v1::QueryUsageRequest> request = LedgerRequest(flags.report, *options);
  if (!request.ok()) return ReportError(globals, request.status());
  v1::QueryUsageResponse ledger;
  const std::optional<int> failed = QueryAllUsage(globals, *request, &ledger);
  if (failed.has_value()) return *failed;
  const absl::StatusOr<reconcile::Outcome> outcome =
      reconcile::Reconcile(*provided, LedgerRows(ledger), *options);
  if (!outcome.ok()) return ReportError(globals, outcome.status());
  const std::string text =
      globals.json ? OutcomeAsJson(*outcome, *options)
      : flags.csv  ? OutcomeAsCsv(*outcome)
                   : OutcomeAsTable(*outcome, *options, terminal::Style::For(STDOUT_FILENO));
  std::fputs(text.c_str(), stdout);
  return outcome->differences.empty() ? client::kDone : kDiffers;
}

constexpr char kFooter[] =
    R"(Exit code: 0 where all is equal within --tolerance, 1 where something differs (or the server failed), 2 for a file or
flag that is not understood.

Give usage and costs together, each page as a file: from both, a difference of tokens and one of prices are told apart.
Days are UTC's, as they are in exports.

Examples:
  # October, as Anthropic has it
  quotactl report reconcile usage.json costs.json --provider anthropic --org acme --month 2026-10

  # What OpenAI's export covers; a tenth of a percent does not matter
  quotactl report reconcile usage-1.json usage-2.json --provider openai --tolerance 0.1%

  # Any CSV: which column is what
  quotactl report reconcile bill.csv --provider csv --map day=Date --map model=SKU --map 'cost=Cost (USD)' \
      --map input_with_cached=Prompt --map cache_read=Cached --map output=Completion)";

}  // namespace

void AddReconcile(CLI::App& report, const Globals& globals, Work* work) {
  CLI::App* command = report.add_subcommand(
      "reconcile", "What a provider's export says otherwise than the ledger, and why");
  const auto flags = std::make_shared<ReconcileFlags>();
  command->add_option("FILE", flags->files, "The export's files: usage, costs, every page")
      ->required()
      ->group("Export");
  command->add_option("--provider", flags->provider, "Whose format: anthropic, openai or csv")
      ->required()
      ->check(CLI::IsMember({"anthropic", "openai", "csv"}))
      ->group("Export");
  command
      ->add_option("--map", flags->map,
                   "WHAT=TITLE of a CSV's column, repeatable: day, model, tier, cost (USD), "
                   "cost_cents, input_with_cached, or a meter such as input; by default columns "
                   "are what their titles say")
      ->allow_extra_args(false)
      ->group("Export");
  flags->report.AddUtcTo(*command);
  command
      ->add_option("--models", flags->models,
                   "Globs, with commas, of the ledger's models that this provider serves; by "
                   "default those of its name, and all for csv")
      ->delimiter(',')
      ->group("Range");
  command
      ->add_option("--tolerance", flags->tolerance,
                   "What may differ: USD per day and model, or a percentage of costs and tokens")
      ->capture_default_str()
      ->group("Report");
  command->add_flag("--csv", flags->csv, "Print the differences as CSV: money in USD, exact");
  command->footer(kFooter);
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunReconcile(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
