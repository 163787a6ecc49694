// What the hot path costs: an empty call, Reserve, Commit and the pair on one server, its Redis and
// this client sharing one machine. Ratios within a run are the result; absolute times are the
// machine's.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/bench/hotpath/measure.h"
#include "tests/bench/hotpath/report.h"
#include "tests/bench/machine.h"

namespace {

bool Write(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text << std::flush;
  if (!out) std::fprintf(stderr, "hotpath_bench: cannot write %s\n", path.c_str());
  return static_cast<bool>(out);
}

}  // namespace

int main(int argc, char** argv) {
  quotaplane::bench::Plan plan;
  std::string commit = "unknown";
  std::string json_file;
  std::string picture_file;
  CLI::App app("Measures the hot path of a quotaplane server; run it by tools/bench hotpath");
  app.add_option("--program", plan.program, "The quotaplane binary")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--assets", plan.assets, "The directory of the policies and prices")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--json", json_file, "Where the results go")->required();
  app.add_option("--picture", picture_file, "Where the histogram goes (HTML)")->required();
  app.add_option("--commit", commit, "The commit that is measured, for the record");
  app.add_option("--users", plan.users)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--memory-users", plan.memory_users)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--rounds", plan.rounds)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--cell-seconds", plan.cell_s)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--open-seconds", plan.open_s)->check(CLI::PositiveNumber)->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  quotaplane::bench::Results results = quotaplane::bench::Measure(plan);
  results.machine.commit = commit;
  results.machine.cpu = quotaplane::bench::CpuModel();
  results.machine.cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  results.machine.date = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());

  std::cout << quotaplane::bench::TextReport(results);
  const bool written = Write(json_file, quotaplane::bench::JsonReport(results)) &&
                       Write(picture_file, quotaplane::bench::HtmlPicture(results));
  return written ? 0 : 1;
}
