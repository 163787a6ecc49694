#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/anomaly/scorecard.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/read_file.h"
#include "tools/quotactl/scorecard_render.h"
#include "tools/quotactl/series_csv.h"

namespace quotaplane::quotactl {
namespace {

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = (path == "-" ? std::fflush(file) : std::fclose(file)) == 0;
  if (!written || !closed) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": cannot be written"));
  }
  return absl::OkStatus();
}

int RunScore(const Globals& globals, const std::string& input, const std::string& output) {
  const absl::StatusOr<std::string> text = ReadFile(input);
  if (!text.ok()) return ReportError(globals, text.status());
  const absl::StatusOr<std::vector<SeriesRow>> rows = ParseSeries(*text, input);
  if (!rows.ok()) return ReportError(globals, rows.status());
  const absl::Status written = WriteFile(output, RenderScores(*rows, ScoreSeries(*rows)));
  return written.ok() ? client::kDone : ReportError(globals, written);
}

struct SimulateFlags {
  uint64_t seed = 1;
  int companies = 1;
  int weeks = 4;
};

int RunSimulate(const Globals& globals, const SimulateFlags& flags) {
  anomaly::Scorecard all;
  for (int i = 0; i < flags.companies; ++i) {
    anomaly::JudgeOptions options;
    options.company.seed = flags.seed + static_cast<uint64_t>(i);
    options.company.judged_weeks = flags.weeks;
    const absl::StatusOr<anomaly::Scorecard> card = anomaly::Judge(options);
    if (!card.ok()) return ReportError(globals, card.status());
    all.Add(*card);
  }
  const std::string text = globals.json ? ScorecardAsJson(all)
                                        : ScorecardAsText(all, terminal::Style::For(STDOUT_FILENO));
  std::fputs(text.c_str(), stdout);
  return client::kDone;
}

void AddScore(CLI::App& anomaly, const Globals& globals, Work* work) {
  CLI::App* command =
      anomaly.add_subcommand("score", "Score each value of a series by how unusual it is");
  struct Flags {
    std::string input, output = "-";
  };
  const auto flags = std::make_shared<Flags>();
  command->add_option("--input", flags->input, "CSV with the columns timestamp and value")
      ->required();
  command
      ->add_option("--output", flags->output, "File for timestamp,value,anomaly_score; - is stdout")
      ->capture_default_str();
  command->footer(
      R"(The detector is the server's. Each row is scored by those up to it, in [0,1); an alarm begins at 0.5, and what
follows it stays low unless it is more unusual still. The first 99 rows have the score 0. Timestamps are
2014-04-10 00:04:00, RFC 3339 or seconds since 1970, in order and about evenly apart.

Examples:
  quotactl anomaly score --input series.csv --output scores.csv
  quotactl anomaly score --input series.csv --output scores.csv --json)");
  command->callback([=, &globals] {
    *work = [=, &globals] { return RunScore(globals, flags->input, flags->output); };
  });
}

void AddSimulate(CLI::App& anomaly, const Globals& globals, Work* work) {
  CLI::App* command = anomaly.add_subcommand(
      "simulate", "Judge the detectors on made-up companies whose incidents are known");
  const auto flags = std::make_shared<SimulateFlags>();
  command->add_option("--seed", flags->seed, "Of the first company")->capture_default_str();
  command->add_option("--companies", flags->companies, "How many, of seeds one after the other")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--weeks", flags->weeks, "Weeks that are judged, after two of learning")
      ->check(CLI::Range(1, 52))
      ->capture_default_str();
  command->footer(
      R"(A company takes some five seconds. The same seed gives the same scorecard. docs/anomalies.md says what happens
in a company and what its figures mean.

Examples:
  quotactl anomaly simulate --seed 7
  quotactl anomaly simulate --seed 1001 --companies 40 --json)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunSimulate(globals, *flags); }; });
}

}  // namespace

void AddAnomaly(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* anomaly =
      app.add_subcommand("anomaly", "Try the anomaly detectors on files or made-up companies");
  anomaly->require_subcommand(1);
  AddScore(*anomaly, globals, work);
  AddSimulate(*anomaly, globals, work);
}

}  // namespace quotaplane::quotactl
