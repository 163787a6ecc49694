#include "tools/loadgen/driver.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/client/decision.h"
#include "tools/loadgen/patience.h"

namespace quotaplane::loadgen {
namespace {

using Stub = client::Connection::Stub;

struct Shared {
  const client::Connection& connection;
  const Workload& workload;
  const DriveOptions& options;
  DriveProgress& progress;
  const absl::Time start = absl::Now();
  std::atomic<int64_t> next = 0;
  std::atomic<bool> stopping = false;
};

// One thread of a gateway.
class Worker {
 public:
  explicit Worker(Shared& shared) : shared_(shared) {}

  void Run() {
    bool going = true;
    while (going && !shared_.stopping) {
      const int64_t index = shared_.next.fetch_add(1);
      if (index >= shared_.options.requests) break;
      going = MayGoOn(Begin(index));
      if (going && open_.size() >= static_cast<size_t>(shared_.options.open_calls)) {
        going = MayGoOn(EndOldest());
      }
      shared_.progress.requests.fetch_add(1, std::memory_order_relaxed);
    }
    while (going && !open_.empty()) going = MayGoOn(EndOldest());
    if (!going) shared_.stopping = true;
  }

  const Tally& tally() const { return tally_; }
  const std::optional<grpc::Status>& failure() const { return failure_; }

 private:
  struct Open {
    std::string id;
    PlannedRequest plan;
    int64_t held_nano_usd = 0;
  };

  bool MayGoOn(const grpc::Status& status) {
    if (status.ok()) return true;
    ++tally_.failed;
    if (!failure_.has_value()) failure_ = status;
    return shared_.options.timeline != nullptr;
  }

  void WriteDown(const char* call, absl::Time due, const char* outcome) const {
    if (shared_.options.timeline == nullptr) return;
    shared_.options.timeline->Add(call, due, outcome, absl::Now() - due);
  }

  template <typename Request, typename Response>
  grpc::Status Timed(client::Connection::Method<Request, Response> method, const Request& request,
                     Response* response, Latencies* latencies) {
    const auto start = std::chrono::steady_clock::now();
    grpc::Status status = shared_.connection.CallPatiently(method, request, response);
    latencies->Add(absl::FromChrono(std::chrono::steady_clock::now() - start));
    return status;
  }

  grpc::Status Reserve(const Open& open, v1::ReserveResponse* response) {
    v1::ReserveRequest request;
    request.set_reservation_id(open.id);
    *request.mutable_subject() = open.plan.subject;
    *request.mutable_estimate() = open.plan.estimate;
    request.set_service_tier(open.plan.service_tier);
    return Timed(&Stub::Reserve, request, response, &tally_.reserve);
  }

  // The time at which a request is due; waits for it.
  absl::Time AwaitTurn(int64_t index) {
    if (shared_.options.schedule == nullptr) return absl::Now();
    const absl::Time due = shared_.start + shared_.options.schedule->DueAt(index);
    absl::SleepFor(due - absl::Now());
    return due;
  }

  static const char* OutcomeOf(const grpc::Status& status, const v1::ReserveResponse& response) {
    if (!status.ok()) return "failed";
    if (response.outage()) return "outage";
    return response.decision() == v1::DECISION_DENY ? "refused" : "allowed";
  }

  // An answer lists soft and shadow limits too; those never refuse.
  void Count(const v1::ReserveResponse& response, Effect effect) {
    for (const v1::Exceeded& each : response.exceeded()) {
      if (effect != Effect::kNoticed && client::OnlyNotices(each)) continue;
      ++tally_.by_limit[LimitEffect{each.limit_id(), each.unit(), effect}];
    }
  }

  grpc::Status Begin(int64_t index) {
    Open open{absl::StrCat("load-", shared_.options.run_id, "-", index),
              shared_.workload.At(index)};
    const absl::Time due = AwaitTurn(index);
    TeamTally& team = tally_.by_team[open.plan.subject.team()];
    ++tally_.requests;
    ++team.requests;

    v1::ReserveResponse response;
    grpc::Status status = Reserve(open, &response);
    WriteDown("reserve", due, OutcomeOf(status, response));
    if (!status.ok()) return status;
    if (response.decision() == v1::DECISION_DENY && !response.downgrade_model().empty()) {
      Count(response, Effect::kDowngraded);
      // Another request than the one refused, hence another id.
      open.id += "-downgraded";
      open.plan.subject.set_model(response.downgrade_model());
      const absl::Time again = absl::Now();
      status = Reserve(open, &response);
      WriteDown("reserve", again, OutcomeOf(status, response));
      if (!status.ok()) return status;
      if (response.decision() != v1::DECISION_DENY) ++tally_.downgraded;
    }
    if (response.decision() == v1::DECISION_DENY) {
      ++tally_.refused;
      ++team.refused;
      if (response.outage()) {
        ++tally_.outage;
      } else {
        Count(response, Effect::kRefused);
      }
      shared_.progress.refused.fetch_add(1, std::memory_order_relaxed);
      return status;
    }
    ++tally_.allowed;
    if (response.decision() == v1::DECISION_ALLOW_SOFT) {
      ++tally_.allowed_soft;
      Count(response, Effect::kNoticed);
    }
    open.held_nano_usd = response.outage() ? 0 : response.estimated_cost_nano_usd();
    open_.push_back(std::move(open));
    return status;
  }

  grpc::Status EndOldest() {
    Open open = std::move(open_.front());
    open_.pop_front();
    if (open.plan.ending == Ending::kRelease) {
      v1::ReleaseRequest request;
      request.set_reservation_id(open.id);
      request.set_org(open.plan.subject.org());
      v1::ReleaseResponse response;
      ++tally_.released;
      return shared_.connection.CallPatiently(&Stub::Release, request, &response);
    }
    if (open.plan.larger_estimate.has_value()) {
      if (const grpc::Status status = Extend(&open); !MayGoOn(status)) return status;
    }
    return Commit(open);
  }

  grpc::Status Extend(Open* open) {
    v1::ExtendRequest request;
    request.set_reservation_id(open->id);
    *request.mutable_subject() = open->plan.subject;
    request.set_sequence(1);
    *request.mutable_estimate() = *open->plan.larger_estimate;
    request.set_service_tier(open->plan.service_tier);
    v1::ExtendResponse response;
    const grpc::Status status = shared_.connection.CallPatiently(&Stub::Extend, request, &response);
    if (!status.ok()) return status;
    ++(response.decision() == v1::DECISION_DENY ? tally_.cut : tally_.extended);
    if (response.decision() != v1::DECISION_DENY) {
      open->held_nano_usd = std::max(open->held_nano_usd, response.estimated_cost_nano_usd());
    }
    return status;
  }

  // Whoever spools a commit does not know yet what was held; the client does.
  void CountExcusable(const Open& open, const v1::CommitResponse& response) {
    tally_.spooled += response.spooled();
    const bool without_hold = response.late() || response.unreserved();
    tally_.unheld += without_hold;
    const int64_t unheld_nano_usd =
        without_hold         ? response.cost_nano_usd()
        : response.spooled() ? std::max<int64_t>(0, response.cost_nano_usd() - open.held_nano_usd)
                             : response.overrun_nano_usd();
    TeamTally& team = tally_.by_team[open.plan.subject.team()];
    if (without_hold || response.spooled()) {
      team.excusable_nano_usd += unheld_nano_usd;
      return;
    }
    LargestSum& overruns =
        overruns_.try_emplace(open.plan.subject.team(), shared_.options.open_calls + 1)
            .first->second;
    team.excusable_nano_usd -= overruns.sum();
    overruns.Add(unheld_nano_usd);
    team.excusable_nano_usd += overruns.sum();
  }

  grpc::Status Commit(const Open& open) {
    v1::CommitRequest request;
    request.set_reservation_id(open.id);
    *request.mutable_subject() = open.plan.subject;
    request.mutable_attempts()->Assign(open.plan.attempts.begin(), open.plan.attempts.end());
    v1::CommitResponse response;
    const absl::Time due = absl::Now();
    grpc::Status status = Timed(&Stub::Commit, request, &response, &tally_.commit);
    if (shared_.options.timeline != nullptr && IsAway(status)) {
      status = UntilAnswered(due + kPatience, [&] {
        return shared_.connection.CallPatiently(&Stub::Commit, request, &response);
      });
    }
    WriteDown("commit", due, !status.ok() ? "failed" : response.spooled() ? "spooled" : "charged");
    if (!status.ok()) return status;
    ++tally_.committed;
    CountExcusable(open, response);
    tally_.spent_nano_usd += response.cost_nano_usd();
    tally_.by_team[open.plan.subject.team()].spent_nano_usd += response.cost_nano_usd();
    if (response.overrun_tokens() > 0) ++tally_.overruns;
    if (open.plan.ending == Ending::kCommitTwice) {
      ++tally_.retries;
      status = shared_.connection.CallPatiently(&Stub::Commit, request, &response);
    }
    return status;
  }

  Shared& shared_;
  std::deque<Open> open_;
  Tally tally_;
  std::map<std::string, LargestSum> overruns_;  // by team
  std::optional<grpc::Status> failure_;
};

}  // namespace

DriveResult Drive(const client::Connection& connection, const Workload& workload,
                  const DriveOptions& options, DriveProgress* progress) {
  Shared shared{connection, workload, options, *progress};
  std::deque<Worker> workers;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.concurrency; ++i) {
    threads.emplace_back([&worker = workers.emplace_back(shared)] { worker.Run(); });
  }
  for (std::thread& thread : threads) thread.join();

  DriveResult result;
  for (const Worker& worker : workers) {
    result.tally.Merge(worker.tally());
    if (!result.failure.has_value()) result.failure = worker.failure();
  }
  return result;
}

}  // namespace quotaplane::loadgen
