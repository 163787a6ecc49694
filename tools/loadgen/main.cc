// loadgen: sends a made-up company's requests through a running server, and says what came of them.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/client/failure.h"
#include "tools/loadgen/driver.h"
#include "tools/loadgen/limit_watch.h"
#include "tools/loadgen/patience.h"
#include "tools/loadgen/report.h"
#include "tools/loadgen/schedule.h"
#include "tools/loadgen/timeline.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::loadgen {
namespace {

constexpr char kFooter[] =
    R"(Six teams and sixty people chat, run agents, search and run nightly batches; some calls are retried, fall back to
another model, outgrow their estimate, or are given back. The same seed sends the same requests.

Examples:
  quotaplane serve --policy tools/loadgen/demo_policy.yaml
  loadgen --requests 4000

  # Another company, more of it at once, the result as JSON
  loadgen --org initech --seed 7 --requests 50000 --concurrency 32 --json

  # Two replicas, a hundred requests a second, whatever happens to either
  loadgen --server 127.0.0.1:7411,127.0.0.1:7421 --requests 6000 --duration 60 --concurrency 32 \
      --timeline calls.jsonl)";

struct Flags {
  std::string server = "127.0.0.1:7411";
  std::string org = "acme";
  uint64_t seed = 1;
  DriveOptions drive;
  double duration_s = 0;
  std::string shape;
  std::string timeline;
  bool json = false;
  client::SecurityFlags security;
};

void AddFlags(CLI::App& app, Flags* flags) {
  app.add_option("--server", flags->server,
                 "HOST:PORT of the server; several as IPv4 addresses with commas, which take turns")
      ->envname("QUOTAPLANE_SERVER")
      ->capture_default_str();
  app.add_option("--org", flags->org, "The company's name")->capture_default_str();
  app.add_option("--seed", flags->seed, "Who works there, and what they send")
      ->capture_default_str();
  app.add_option("--requests", flags->drive.requests, "How many")
      ->check(CLI::Range(int64_t{1}, int64_t{100'000'000}))
      ->capture_default_str();
  app.add_option("--concurrency", flags->drive.concurrency, "Calls in flight")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--open-calls", flags->drive.open_calls,
                 "Reservations that each of them keeps open, as model calls take their time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI::Option* const duration =
      app.add_option("--duration", flags->duration_s,
                     "Seconds over which the requests are spread, each sent when it is due, and "
                     "measured from then; without it, as fast as --concurrency allows")
          ->check(CLI::Range(0.1, 864'000.0));
  app.add_option("--shape", flags->shape,
                 "A file with a number a line: the relative rates of equal parts of the duration")
      ->needs(duration);
  app.add_option("--timeline", flags->timeline,
                 "Goes on past calls that fail, writes what came of each quarter of a second into "
                 "this file, in JSON, and looks at everybody's limits meanwhile");
  app.add_flag("--json", flags->json, "Print the result as JSON");
  flags->security.AddTo(app);
  app.footer(kFooter);
}

int Fail(const client::Connection& connection, const grpc::Status& status) {
  const client::Failure failure = client::Explain(status, connection.server(), connection.timeout(),
                                                  terminal::Style::For(STDERR_FILENO));
  std::fputs(failure.text.c_str(), stderr);
  return failure.exit_code;
}

// The limits in usd of a subject, without those in `known`.
grpc::Status ReadBudgets(const client::Connection& connection, const v1::Subject& subject,
                         const std::set<std::string>& known, Budgets* budgets) {
  v1::GetUsageRequest request;
  *request.mutable_subject() = subject;
  v1::GetUsageResponse response;
  grpc::Status status = UntilAnswered(absl::Now() + kPatience, [&] {
    return connection.CallPatiently(&client::Connection::Stub::GetUsage, request, &response);
  });
  for (const v1::LimitUsage& limit : response.limits()) {
    if (limit.unit() == "usd" && !known.contains(limit.limit_id())) {
      budgets->limits.push_back(limit);
    }
  }
  return status;
}

grpc::Status ReadAllBudgets(const client::Connection& connection, const Workload& workload,
                            Report* report) {
  v1::Subject subject;
  subject.set_org(report->org);
  Budgets of_org;
  grpc::Status status = ReadBudgets(connection, subject, {}, &of_org);
  std::set<std::string> known;
  for (const v1::LimitUsage& limit : of_org.limits) known.insert(limit.limit_id());
  for (const std::string& team : workload.company().teams()) {
    if (!status.ok()) return status;
    subject.set_team(team);
    report->budgets.push_back({.team = team, .limits = {}});
    status = ReadBudgets(connection, subject, known, &report->budgets.back());
  }
  report->budgets.push_back(std::move(of_org));
  return status;
}

absl::StatusOr<std::optional<Schedule>> ScheduleOf(const Flags& flags) {
  if (flags.duration_s == 0) return std::nullopt;
  std::vector<double> shape = {1};
  if (!flags.shape.empty()) {
    QP_ASSIGN_OR_RETURN(shape, ReadShape(flags.shape));
  }
  QP_ASSIGN_OR_RETURN(Schedule schedule,
                      Schedule::Make(shape, flags.drive.requests, absl::Seconds(flags.duration_s)));
  return schedule;
}

// One person's limits on one model a fiftieth of a second: everybody's every five seconds.
constexpr absl::Duration kLookPause = absl::Milliseconds(20);

int Run(Flags flags) {
  absl::BitGen random;
  flags.drive.run_id = absl::StrFormat("%016x", absl::Uniform<uint64_t>(random));
  const absl::StatusOr<client::Security> security = client::Resolve(flags.security, flags.server);
  if (!security.ok()) {
    std::fprintf(stderr, "%s\n", std::string(security.status().message()).c_str());
    return absl::IsInvalidArgument(security.status()) ? client::kWrongUse : client::kFailed;
  }
  const client::Connection connection(flags.server, absl::Seconds(10), *security);
  const Workload workload(flags.org, flags.seed);
  const absl::StatusOr<std::optional<Schedule>> schedule = ScheduleOf(flags);
  if (!schedule.ok()) {
    std::fprintf(stderr, "%s\n", std::string(schedule.status().message()).c_str());
    return client::kWrongUse;
  }
  if (schedule->has_value()) flags.drive.schedule = &**schedule;
  std::optional<Timeline> timeline;
  std::optional<LimitWatch> watch;
  if (!flags.timeline.empty()) {
    flags.drive.timeline = &timeline.emplace(absl::Now());
    watch.emplace(connection, workload, flags.org, kLookPause);
  }

  DriveProgress progress;
  DriveResult result;
  const absl::Time start = absl::Now();
  {
    const terminal::Progress shown([&] {
      const int64_t done = progress.requests.load(std::memory_order_relaxed);
      return absl::StrCat("  … requests  ", terminal::FormatCount(done), " of ",
                          terminal::FormatCount(flags.drive.requests), "  ",
                          done * 100 / flags.drive.requests, "%  refused ",
                          terminal::FormatCount(progress.refused.load(std::memory_order_relaxed)));
    });
    result = Drive(connection, workload, flags.drive, &progress);
  }
  if (result.failure.has_value() && !timeline.has_value()) {
    return Fail(connection, *result.failure);
  }

  Report report{.org = flags.org,
                .tally = std::move(result.tally),
                .elapsed = absl::Now() - start,
                .budgets = {},
                .repeated_calls = connection.retries(),
                .first_failure = result.failure.has_value()
                                     ? absl::StrCat(client::ReasonOf(*result.failure), " ",
                                                    result.failure->error_message())
                                     : "",
                .limits = {}};
  if (timeline.has_value()) {
    std::ofstream file(flags.timeline, std::ios::trunc);
    if (!(file << timeline->AsJsonLines()) || !file.flush()) {
      std::fprintf(stderr, "%s cannot be written\n", flags.timeline.c_str());
      return client::kFailed;
    }
    const grpc::Status looked = watch->Finish(&report.limits);
    if (!looked.ok()) return Fail(connection, looked);
  }
  const grpc::Status status = ReadAllBudgets(connection, workload, &report);
  if (!status.ok()) return Fail(connection, status);
  const std::string text =
      flags.json ? ReportAsJson(report) : ReportAsText(report, terminal::Style::For(STDOUT_FILENO));
  std::fputs(text.c_str(), stdout);
  return client::kDone;
}

int Main(int argc, char** argv) {
  // Debian builds Abseil with its search for lock cycles on, which takes some 5 % of the processor.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("Sends a made-up company's requests through a running Quotaplane server.",
               "loadgen");
  Flags flags;
  AddFlags(app, &flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? client::kDone : client::kWrongUse;
  }
  return Run(std::move(flags));
}

}  // namespace
}  // namespace quotaplane::loadgen

int main(int argc, char** argv) {
  try {
    return quotaplane::loadgen::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "loadgen: %s\n", error.what());
    return quotaplane::client::kFailed;
  }
}
