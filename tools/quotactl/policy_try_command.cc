// What a version would do: plan and backtest.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tools/client/json.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/policy_render.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::quotactl {
namespace {

struct TryFlags {
  OrgFlag org;
  int64_t version = 0;
  int days = 30;
};

int RunPlan(const Globals& globals, const TryFlags& flags) {
  v1::PlanPolicyRequest request;
  request.set_org(flags.org.org);
  request.set_version(flags.version);
  return ReadAndPrint(globals, &AdminStub::PlanPolicy, request,
                      [](const v1::PlanPolicyResponse& plan) {
                        return PlanAsText(plan, absl::Now(), terminal::Style::For(STDOUT_FILENO));
                      });
}

// How far it is; read by the progress line's thread.
struct Progressed {
  std::atomic<double> part = 0;
  std::atomic<int64_t> entries = 0;
};

int RunBacktest(const Globals& globals, const TryFlags& flags) {
  v1::BacktestPolicyRequest request;
  request.set_org(flags.org.org);
  request.set_version(flags.version);
  request.set_days(flags.days);
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  v1::BacktestPolicyResponse chunk;
  grpc::ClientContext context;
  grpc::Status status;
  {
    Progressed progressed;
    const absl::Time start = absl::Now();
    const terminal::Progress progress([&] {
      return absl::StrFormat("backtest  %3.0f%%  %s entries  %s", 100 * progressed.part.load(),
                             terminal::FormatCount(progressed.entries),
                             terminal::FormatSpan(absl::Now() - start));
    });
    const auto stream = connection->admin()->BacktestPolicy(&context, request);
    while (stream->Read(&chunk)) {
      progressed.part = chunk.progress();
      progressed.entries = chunk.entries();
    }
    status = stream->Finish();
  }
  if (!status.ok()) return ReportError(globals, *connection, status);
  if (!chunk.has_result()) {
    return ReportError(globals, absl::DataLossError("the answer ended in the middle"));
  }
  Print(globals, chunk.result(),
        BacktestAsText(chunk.result(), terminal::Style::For(STDOUT_FILENO)));
  return client::kDone;
}

}  // namespace

void AddPolicyTrials(CLI::App& policy, const Globals& globals, Work* work) {
  CLI::App* plan = policy.add_subcommand(
      "plan", "What a version would change, for whom, and who would be over at once");
  const auto plan_flags = std::make_shared<TryFlags>();
  plan_flags->org.AddTo(*plan);
  plan->add_option("VERSION", plan_flags->version, "Its number")->required();
  plan->footer(
      R"(Looks at what the ledger has of the present periods. A large ledger takes a while: give it --timeout 2m.

Examples:
  quotactl policy plan 7 --org acme
  quotactl policy plan 7 --org acme --json > plan.json)");
  plan->callback(
      [=, &globals] { *work = [=, &globals] { return RunPlan(globals, *plan_flags); }; });

  CLI::App* backtest = policy.add_subcommand(
      "backtest", "Replay a version over the ledger's last days: what would it have refused?");
  const auto flags = std::make_shared<TryFlags>();
  flags->org.AddTo(*backtest);
  backtest->add_option("VERSION", flags->version, "Its number; 0: the active one")->required();
  backtest->add_option("--days", flags->days, "How many, up to now")->capture_default_str();
  backtest->footer(
      R"(Judges each charge as the request that it was would have been, at the moment at which it was charged; docs/backtest.md
says what a replay cannot know. --timeout does not apply; ^C ends it.

Examples:
  quotactl policy backtest 7 --org acme --days 30
  quotactl policy backtest 7 --org acme --days 90 --json > backtest.json)");
  backtest->callback(
      [=, &globals] { *work = [=, &globals] { return RunBacktest(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
