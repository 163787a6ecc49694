#include "tools/loadgen/limit_watch.h"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <mutex>

#include "absl/time/clock.h"
#include "tools/loadgen/patience.h"

namespace quotaplane::loadgen {
namespace {

// Those of the workload.
constexpr const char* kModels[] = {"claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-5",
                                   "gpt-5-mini"};

}  // namespace

LimitWatch::LimitWatch(const client::Connection& connection, const Workload& workload,
                       std::string org, absl::Duration pause)
    : connection_(connection),
      workload_(workload),
      org_(std::move(org)),
      pause_(pause),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

LimitWatch::~LimitWatch() = default;

size_t LimitWatch::turns() const {
  return workload_.company().people().size() * std::size(kModels);
}

void LimitWatch::Run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  for (size_t turn = 0; !stop.stop_requested(); turn = (turn + 1) % turns()) {
    // While the store is away there is nothing to see.
    (void)Look(turn);
    stopped.wait_for(lock, stop, absl::ToChronoNanoseconds(pause_), [] { return false; });
  }
}

grpc::Status LimitWatch::Look(size_t turn) {
  const std::vector<client::Person>& people = workload_.company().people();
  const client::Person& person = people[turn % people.size()];
  v1::GetUsageRequest request;
  v1::Subject& subject = *request.mutable_subject();
  subject.set_org(org_);
  subject.set_team(person.team);
  subject.set_project(person.project);
  subject.set_user(person.user);
  subject.set_api_key(person.api_key);
  subject.set_model(kModels[turn / people.size()]);
  v1::GetUsageResponse response;
  grpc::Status status =
      connection_.CallPatiently(&client::Connection::Stub::GetUsage, request, &response);
  if (!status.ok()) return status;
  for (const v1::LimitUsage& limit : response.limits()) {
    const int64_t excess = limit.used() - limit.amount();
    const auto [found, is_new] = seen_.try_emplace({limit.limit_id(), limit.scope()});
    SeenLimit& seen = found->second;
    seen.worst_excess = is_new ? excess : std::max(seen.worst_excess, excess);
    seen.last = limit;
    ++seen.looks;
  }
  return status;
}

grpc::Status LimitWatch::Finish(std::vector<SeenLimit>* seen) {
  thread_.request_stop();
  thread_.join();
  for (size_t turn = 0; turn < turns(); ++turn) {
    grpc::Status status = UntilAnswered(absl::Now() + kPatience, [&] { return Look(turn); });
    if (!status.ok()) return status;
  }
  for (auto& [key, limit] : seen_) seen->push_back(std::move(limit));
  seen_.clear();
  return grpc::Status::OK;
}

}  // namespace quotaplane::loadgen
