#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/config/litellm_import.h"
#include "libs/config/price_book_reader.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/read_file.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::FormatCount;
using terminal::Table;

struct ImportFlags {
  std::string path, from, out;
  bool verbose = false;
};

struct Imported {
  LitellmImport import;
  std::string yaml;
};

absl::StatusOr<absl::CivilDay> ParseDay(const std::string& text) {
  absl::CivilDay day;
  if (!absl::ParseCivilTime(text, &day)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--from: \"", text, "\" is no day; write it as 2026-11-01"));
  }
  return day;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

absl::StatusOr<Imported> Import(const ImportFlags& flags) {
  absl::CivilDay day = absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  if (!flags.from.empty()) {
    QP_ASSIGN_OR_RETURN(day, ParseDay(flags.from));
  }
  QP_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.path));
  Imported imported;
  const auto import =
      ImportLitellm(text, absl::ToUnixMicros(absl::FromCivil(day, absl::UTCTimeZone())));
  if (!import.ok()) {
    // A file that is not what it should be is no wrong use of this program.
    return absl::FailedPreconditionError(absl::StrCat(flags.path, ": ", import.status().message()));
  }
  imported.import = *import;
  QP_ASSIGN_OR_RETURN(const auto book,
                      PriceBook::Build(absl::StrCat("import-", absl::FormatCivilTime(day)),
                                       imported.import.entries));
  imported.yaml = WritePriceBook(*book);
  return imported;
}

// Reason -> how often, and one example.
struct ReasonCount {
  int64_t count = 0;
  std::string example;
};

std::string NameOf(const LitellmImport::Skipped& skipped) {
  return skipped.key.empty() ? skipped.model : absl::StrCat(skipped.model, ": ", skipped.key);
}

std::map<std::string, ReasonCount> ByReason(const LitellmImport& import) {
  std::map<std::string, ReasonCount> reasons;
  for (const LitellmImport::Skipped& skipped : import.skipped) {
    ReasonCount& reason = reasons[skipped.reason];
    if (reason.count++ == 0) reason.example = NameOf(skipped);
  }
  return reasons;
}

std::string ReportAsText(const LitellmImport& import, bool verbose, const terminal::Style& style) {
  std::string text = absl::StrCat(
      FormatCount(static_cast<int64_t>(import.entries.size())),
      " models imported; of their token prices ", FormatCount(import.exact_prices), " are exact, ",
      FormatCount(import.rounded_prices), " were rounded up to a nano-USD per million.\n");
  if (import.skipped.empty()) return text;
  Table reasons({{"SKIPPED", Align::kRight}, {"WHY"}, {"FOR EXAMPLE"}});
  for (const auto& [reason, counted] : ByReason(import)) {
    reasons.AddRow({FormatCount(counted.count), reason, counted.example});
  }
  absl::StrAppend(&text, "\n", reasons.Render(style));
  if (verbose) {
    Table all({{"MODEL"}, {"KEY"}, {"WHY"}});
    for (const LitellmImport::Skipped& skipped : import.skipped) {
      all.AddRow({skipped.model, skipped.key, skipped.reason});
    }
    absl::StrAppend(&text, "\n", all.Render(style));
  }
  return text;
}

std::string ReportAsJson(const LitellmImport& import, bool verbose) {
  nlohmann::ordered_json json = {{"models", import.entries.size()},
                                 {"exact_prices", import.exact_prices},
                                 {"rounded_prices", import.rounded_prices},
                                 {"skipped", import.skipped.size()}};
  json["skipped_by_reason"] = nlohmann::ordered_json::object();
  for (const auto& [reason, counted] : ByReason(import)) {
    json["skipped_by_reason"][reason] = counted.count;
  }
  if (verbose) {
    json["skipped_keys"] = nlohmann::ordered_json::array();
    for (const LitellmImport::Skipped& skipped : import.skipped) {
      json["skipped_keys"].push_back(
          {{"model", skipped.model}, {"key", skipped.key}, {"reason", skipped.reason}});
    }
  }
  // The map is somebody else's: what is not UTF-8 in it must not end the report.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int RunImport(const Globals& globals, const ImportFlags& flags) {
  const absl::StatusOr<Imported> imported = Import(flags);
  if (!imported.ok()) return ReportError(globals, imported.status());
  const bool yaml_to_stdout = flags.out.empty() && !globals.json;
  if (yaml_to_stdout) {
    std::fputs(imported->yaml.c_str(), stdout);
  } else if (!flags.out.empty()) {
    const absl::Status written = WriteFile(flags.out, imported->yaml);
    if (!written.ok()) return ReportError(globals, written);
  }
  FILE* const report_to = yaml_to_stdout ? stderr : stdout;
  const std::string report = globals.json ? ReportAsJson(imported->import, flags.verbose)
                                          : ReportAsText(imported->import, flags.verbose,
                                                         terminal::Style::For(fileno(report_to)));
  std::fputs(report.c_str(), report_to);
  return client::kDone;
}

}  // namespace

void AddPrices(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* prices = app.add_subcommand("prices", "Work on price books");
  prices->require_subcommand(1);
  CLI::App* command = prices->add_subcommand(
      "import", "Turn the community price map (LiteLLM format, JSON) into a price book");
  const auto flags = std::make_shared<ImportFlags>();
  command->add_option("FILE", flags->path, "The price map")->required();
  command->add_option("--from", flags->from,
                      "The day from which the prices hold; today (UTC) by default");
  command->add_option("--out", flags->out, "Where the price book goes; stdout by default");
  command->add_flag("--verbose", flags->verbose,
                    "List everything that was skipped, not only the reasons");
  command->footer(
      R"(Needs no server. The price book goes to --out or stdout, the report on what was skipped and why to the other
of stdout and stderr. With --json stdout has the report, and the price book needs --out.

Examples:
  quotactl prices import model_prices.json --from 2026-11-01 --out prices.yaml
  quotaplane serve --prices prices.yaml

  # Only the report: what would not come over?
  quotactl prices import model_prices.json --json --verbose)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunImport(globals, *flags); }; });
  AddPriceBooks(*prices, globals, work);
}

}  // namespace quotaplane::quotactl
