#include <memory>
#include <nlohmann/json.hpp>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/replay.h"
#include "tools/quotactl/trace.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::FormatCount;
using terminal::Table;

std::string NewRunId() {
  absl::BitGen random;
  return absl::StrFormat("%016x", absl::Uniform<uint64_t>(random));
}

std::string TotalsAsJson(const ReplayTotals& totals) {
  const nlohmann::ordered_json json = {{"requests", totals.requests},
                                       {"committed", totals.committed},
                                       {"denied", totals.denied},
                                       {"input_tokens", totals.input_tokens},
                                       {"output_tokens", totals.output_tokens},
                                       {"cost_nano_usd", totals.cost_nano_usd}};
  return json.dump() + "\n";
}

std::string TotalsAsText(const ReplayTotals& totals, const std::string& run_id,
                         absl::Duration elapsed, const terminal::Style& style) {
  Table facts({{""}, {"", Align::kRight}});
  facts.AddRow({"requests", FormatCount(totals.requests)});
  facts.AddRow({"committed", FormatCount(totals.committed)});
  facts.AddRow({"denied", FormatCount(totals.denied)});
  facts.AddRow({"input tokens committed", FormatCount(totals.input_tokens)});
  facts.AddRow({"output tokens committed", FormatCount(totals.output_tokens)});
  facts.AddRow({"cost", terminal::FormatMoney(totals.cost_nano_usd)});
  std::string text = facts.Render(style);
  if (!totals.denied_by.empty()) {
    Table denied({{"DENIED BY"}, {"REQUESTS", Align::kRight}});
    for (const auto& [limit, requests] : totals.denied_by) {
      denied.AddRow({limit, FormatCount(requests)});
    }
    absl::StrAppend(&text, "\n", denied.Render(style));
  }
  const double seconds = absl::ToDoubleSeconds(elapsed);
  absl::StrAppend(&text, "\nin ", terminal::FormatSpan(elapsed), ", ",
                  FormatCount(static_cast<int64_t>(static_cast<double>(totals.requests) / seconds)),
                  " requests a second; run ", run_id, "\n");
  return text;
}

int RunReplay(const Globals& globals, ReplayOptions options) {
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  const absl::StatusOr<TraceSummary> trace = CheckTrace(options.path);
  if (!trace.ok()) return ReportError(globals, trace.status());
  if (options.run_id.empty()) options.run_id = NewRunId();

  ReplayProgress done = 0;
  const absl::Time start = absl::Now();
  absl::StatusOr<ReplayResult> result;
  {
    const terminal::Progress progress([&] {
      const int64_t rows = done.load(std::memory_order_relaxed);
      return absl::StrCat("replay  ", FormatCount(rows), " of ", FormatCount(trace->rows), "  ",
                          trace->rows == 0 ? 100 : rows * 100 / trace->rows, "%  ",
                          terminal::FormatSpan(absl::Now() - start));
    });
    result = Replay(*connection, options, &done);
  }
  const absl::Duration elapsed = absl::Now() - start;
  if (!result.ok()) return ReportError(globals, result.status());
  if (result->failure.has_value()) {
    const int code = ReportError(globals, *connection, *result->failure);
    std::fprintf(
        stderr,
        "The replay stopped after %s of %s requests. To go on without charging a line twice: "
        "the same command with --run-id %s\n",
        FormatCount(result->totals.requests).c_str(), FormatCount(trace->rows).c_str(),
        options.run_id.c_str());
    return code;
  }
  const std::string text = globals.json ? TotalsAsJson(result->totals)
                                        : TotalsAsText(result->totals, options.run_id, elapsed,
                                                       terminal::Style::For(STDOUT_FILENO));
  std::fputs(text.c_str(), stdout);
  return client::kDone;
}

}  // namespace

void AddReplay(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "replay", "Send a recorded trace of model calls through the server and add up what it costs");
  struct Flags {
    OrgFlag org;
    ReplayOptions options;
  };
  const auto flags = std::make_shared<Flags>();
  ReplayOptions& options = flags->options;
  command
      ->add_option("FILE", options.path,
                   "CSV with the columns TIMESTAMP, ContextTokens, GeneratedTokens")
      ->required();
  command->add_option("--model", options.model, "Model of every call")->capture_default_str();
  flags->org.AddTo(*command);
  command->add_option("--concurrency", options.concurrency, "Calls in flight")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of the rule that gives each line a team and a user")
      ->capture_default_str();
  command->add_option("--run-id", options.run_id,
                      "Take up an earlier run; its lines are not charged again. Random by default");
  command->footer(
      R"(Each line is reserved with its tokens as the estimate and, where allowed, committed with the same. The
trace names no users: a seeded rule gives each line one of 60 people in six teams. Nothing is sent unless
the whole file is understood. Denied requests do not make the exit code 3: a replay that ends is done.

Examples:
  # What would this hour have cost, and which limits would it have met?
  quotactl replay trace.csv --org acme

  # 64 calls in flight, the totals as JSON
  quotactl replay trace.csv --model claude-haiku-4-5 --concurrency 64 --json)");
  command->callback([=, &globals] {
    *work = [=, &globals] {
      flags->options.org = flags->org.org;
      return RunReplay(globals, flags->options);
    };
  });
}

}  // namespace quotaplane::quotactl
