#include "tools/quotactl/replay.h"

#include <fstream>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/money/money.h"
#include "tools/client/company.h"
#include "tools/client/decision.h"
#include "tools/client/failure.h"
#include "tools/quotactl/trace.h"

namespace quotaplane::quotactl {
namespace {

using Stub = client::Connection::Stub;

class Replayer {
 public:
  Replayer(const client::Connection& connection, const ReplayOptions& options,
           ReplayProgress* progress)
      : connection_(connection),
        options_(options),
        company_(options.seed),
        progress_(*progress),
        file_(options.path, std::ios::binary),
        reader_(file_, options.path) {}

  absl::StatusOr<ReplayResult> Run() {
    {
      absl::MutexLock lock(&mutex_);
      QP_RETURN_IF_ERROR(reader_.ReadHeader());
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.concurrency; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    absl::MutexLock lock(&mutex_);
    QP_RETURN_IF_ERROR(trace_error_);
    return std::move(result_);
  }

 private:
  void Work() {
    TraceRow row;
    while (Take(&row)) {
      if (grpc::Status status = ReplayRow(row); !status.ok()) {
        absl::MutexLock lock(&mutex_);
        if (!result_.failure.has_value()) result_.failure = std::move(status);
      }
      progress_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  // False at the end of the trace, and once something has failed.
  bool Take(TraceRow* row) {
    absl::MutexLock lock(&mutex_);
    if (result_.failure.has_value() || !trace_error_.ok()) return false;
    const absl::StatusOr<bool> more = reader_.Next(row);
    if (!more.ok()) trace_error_ = more.status();
    return more.ok() && *more;
  }

  v1::Subject SubjectOf(const TraceRow& row) const {
    client::Random random(options_.seed, static_cast<uint64_t>(row.line));
    const client::Person& person = company_.Pick(random);
    v1::Subject subject;
    subject.set_org(options_.org);
    subject.set_team(person.team);
    subject.set_project(person.project);
    subject.set_user(person.user);
    subject.set_api_key(person.api_key);
    subject.set_model(options_.model);
    return subject;
  }

  grpc::Status ReplayRow(const TraceRow& row) {
    v1::ReserveRequest reserve;
    reserve.set_reservation_id(absl::StrCat("replay-", options_.run_id, "-", row.line));
    *reserve.mutable_subject() = SubjectOf(row);
    auto& meters = *reserve.mutable_estimate()->mutable_meters();
    meters["input"] = row.context_tokens;
    meters["output"] = row.generated_tokens;

    v1::ReserveResponse reserved;
    grpc::Status status = connection_.CallPatiently(&Stub::Reserve, reserve, &reserved);
    if (!status.ok() && !EndedInAnEarlierRun(status)) return status;
    if (status.ok() && reserved.decision() == v1::DECISION_DENY) {
      AddDenied(reserved);
      return grpc::Status::OK;
    }

    v1::CommitRequest commit;
    commit.set_reservation_id(reserve.reservation_id());
    *commit.mutable_subject() = reserve.subject();
    *commit.add_attempts()->mutable_usage() = reserve.estimate();
    v1::CommitResponse committed;
    status = connection_.CallPatiently(&Stub::Commit, commit, &committed);
    return status.ok() ? AddCommitted(row, committed) : status;
  }

  // A run taken up again meets its own ids; their Commit says what they cost.
  static bool EndedInAnEarlierRun(const grpc::Status& status) {
    const std::string reason = client::ReasonOf(status);
    return reason == "RESERVATION_COMMITTED" || reason == "RESERVATION_EXPIRED";
  }

  void AddDenied(const v1::ReserveResponse& response) {
    absl::MutexLock lock(&mutex_);
    ++result_.totals.requests;
    ++result_.totals.denied;
    for (const v1::Exceeded& each : response.exceeded()) {
      if (!client::OnlyNotices(each)) ++result_.totals.denied_by[each.limit_id()];
    }
  }

  grpc::Status AddCommitted(const TraceRow& row, const v1::CommitResponse& response) {
    absl::MutexLock lock(&mutex_);
    ReplayTotals& totals = result_.totals;
    const auto cost = CheckedAdd(totals.cost_nano_usd, response.cost_nano_usd());
    if (!cost.has_value()) {
      return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "the costs add up to more than 2^63-1");
    }
    ++totals.requests;
    ++totals.committed;
    totals.input_tokens += row.context_tokens;
    totals.output_tokens += row.generated_tokens;
    totals.cost_nano_usd = *cost;
    return grpc::Status::OK;
  }

  const client::Connection& connection_;
  const ReplayOptions& options_;
  const client::Company company_;
  ReplayProgress& progress_;

  absl::Mutex mutex_;
  std::ifstream file_ ABSL_GUARDED_BY(mutex_);
  TraceReader reader_ ABSL_GUARDED_BY(mutex_);
  absl::Status trace_error_ ABSL_GUARDED_BY(mutex_);
  ReplayResult result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<ReplayResult> Replay(const client::Connection& connection,
                                    const ReplayOptions& options, ReplayProgress* progress) {
  return Replayer(connection, options, progress).Run();
}

}  // namespace quotaplane::quotactl
