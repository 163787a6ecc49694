#include "tools/loadgen/driver.h"

#include <chrono>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/client/decision.h"

namespace quotaplane::loadgen {
namespace {

using Stub = client::Connection::Stub;

struct Shared {
  const client::Connection& connection;
  const Workload& workload;
  const DriveOptions& options;
  DriveProgress& progress;
  std::atomic<int64_t> next = 0;
  std::atomic<bool> stopping = false;
};

// One thread of a gateway.
class Worker {
 public:
  explicit Worker(Shared& shared) : shared_(shared) {}

  void Run() {
    grpc::Status status;
    while (status.ok() && !shared_.stopping) {
      const int64_t index = shared_.next.fetch_add(1);
      if (index >= shared_.options.requests) break;
      status = Begin(index);
      if (status.ok() && open_.size() >= static_cast<size_t>(shared_.options.open_calls)) {
        status = EndOldest();
      }
      shared_.progress.requests.fetch_add(1, std::memory_order_relaxed);
    }
    while (status.ok() && !open_.empty()) status = EndOldest();
    if (!status.ok()) {
      shared_.stopping = true;
      failure_ = std::move(status);
    }
  }

  const Tally& tally() const { return tally_; }
  const std::optional<grpc::Status>& failure() const { return failure_; }

 private:
  struct Open {
    std::string id;
    PlannedRequest plan;
  };

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
    TeamTally& team = tally_.by_team[open.plan.subject.team()];
    ++tally_.requests;
    ++team.requests;

    v1::ReserveResponse response;
    grpc::Status status = Reserve(open, &response);
    if (!status.ok()) return status;
    if (response.decision() == v1::DECISION_DENY && !response.downgrade_model().empty()) {
      Count(response, Effect::kDowngraded);
      // Another request than the one refused, hence another id.
      open.id += "-downgraded";
      open.plan.subject.set_model(response.downgrade_model());
      status = Reserve(open, &response);
      if (!status.ok()) return status;
      if (response.decision() != v1::DECISION_DENY) ++tally_.downgraded;
    }
    if (response.decision() == v1::DECISION_DENY) {
      Count(response, Effect::kRefused);
      ++tally_.refused;
      ++team.refused;
      shared_.progress.refused.fetch_add(1, std::memory_order_relaxed);
      return status;
    }
    ++tally_.allowed;
    if (response.decision() == v1::DECISION_ALLOW_SOFT) {
      ++tally_.allowed_soft;
      Count(response, Effect::kNoticed);
    }
    open_.push_back(std::move(open));
    return status;
  }

  grpc::Status EndOldest() {
    const Open open = std::move(open_.front());
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
      if (grpc::Status status = Extend(open); !status.ok()) return status;
    }
    return Commit(open);
  }

  grpc::Status Extend(const Open& open) {
    v1::ExtendRequest request;
    request.set_reservation_id(open.id);
    *request.mutable_subject() = open.plan.subject;
    request.set_sequence(1);
    *request.mutable_estimate() = *open.plan.larger_estimate;
    request.set_service_tier(open.plan.service_tier);
    v1::ExtendResponse response;
    const grpc::Status status = shared_.connection.CallPatiently(&Stub::Extend, request, &response);
    ++(response.decision() == v1::DECISION_DENY ? tally_.cut : tally_.extended);
    return status;
  }

  grpc::Status Commit(const Open& open) {
    v1::CommitRequest request;
    request.set_reservation_id(open.id);
    *request.mutable_subject() = open.plan.subject;
    request.mutable_attempts()->Assign(open.plan.attempts.begin(), open.plan.attempts.end());
    v1::CommitResponse response;
    grpc::Status status = Timed(&Stub::Commit, request, &response, &tally_.commit);
    if (!status.ok()) return status;
    ++tally_.committed;
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
