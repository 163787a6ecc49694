#include "libs/alerts/alert_dispatch.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "libs/alerts/alert_sync.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// Few, since those that a killed sender had claimed wait until its lease is over.
constexpr size_t kClaimed = 4;
constexpr absl::Duration kLeaseReserve = absl::Seconds(20);
// Looks between two sweeps for messages to receivers that nobody knows.
constexpr int64_t kLooksPerSweep = 60;

double Chance() {
  const uint64_t bits = RandomDigest().low64();
  return static_cast<double>(bits >> 11) / static_cast<double>(uint64_t{1} << 53);
}

std::vector<std::string> NamesOf(const Receivers& receivers) {
  std::vector<std::string> names;
  for (const Receiver& receiver : receivers.all()) names.push_back(receiver.name);
  return names;
}

// What a receiver answered may repeat the message, which names people: that is shown with the
// delivery only.
std::string ForLog(const std::string& error) {
  return absl::StartsWith(error, "HTTP status ") ? error.substr(0, error.find(':')) : error;
}

}  // namespace

AlertDispatch::AlertDispatch(sql::Database* database, AlertDispatchOptions options)
    : database_(database), queue_(database), options_(std::move(options)) {
  threads_.emplace_back([this] { Look(); });
  threads_.emplace_back([this] { Sync(); });
  for (size_t i = 0; i < options_.senders; ++i) {
    threads_.emplace_back([this] { Serve(); });
  }
}

AlertDispatch::~AlertDispatch() {
  {
    const MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void AlertDispatch::Wake() {
  {
    const MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

AlertDispatch::Stats AlertDispatch::stats() const {
  return {.sent = sent_, .failed = failed_, .dead = dead_, .syncs = syncs_, .troubles = troubles_};
}

void AlertDispatch::Look() {
  for (int64_t looks = 0; !stop_; ++looks) {
    Note(LookOnce());
    if (looks % kLooksPerSweep == 0) {
      const absl::StatusOr<int64_t> given_up =
          queue_.GiveUpUnknown(NamesOf(*options_.receivers()), options_.now_us());
      Note(given_up.status());
      if (given_up.ok()) dead_ += *given_up;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(options_.interval),
                      [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return woken_ || stop_; });
    woken_ = false;
  }
}

absl::Status AlertDispatch::LookOnce() {
  const std::vector<std::string> names = NamesOf(*options_.receivers());
  if (names.empty()) return absl::OkStatus();
  QP_ASSIGN_OR_RETURN(std::vector<std::string> due, queue_.DueReceivers(names, options_.now_us()));
  {
    const MutexLock lock(mutex_);
    for (std::string& receiver : due) {
      if (taken_.insert(receiver).second) due_.push_back(std::move(receiver));
    }
  }
  changed_.notify_all();
  return absl::OkStatus();
}

void AlertDispatch::Serve() {
  for (;;) {
    std::string name;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock,
                    [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_ || !due_.empty(); });
      if (stop_) return;
      name = std::move(due_.front());
      due_.pop_front();
    }
    // Held as long as it is served, whatever is in force meanwhile.
    const std::shared_ptr<const Receivers> receivers = options_.receivers();
    if (const Receiver* receiver = receivers->Find(name)) Note(ServeReceiver(*receiver));
    const MutexLock lock(mutex_);
    taken_.erase(name);
  }
}

void AlertDispatch::Sync() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, absl::ToChronoNanoseconds(options_.sync_every),
                      [this] { return stop_.load(); });
    if (stop_) return;
    lock.unlock();
    const absl::Status synced =
        SyncAlerts(*database_, *options_.receivers(), options_.now_us(), options_.timeout, &stop_);
    // The queue tells of what fails, too.
    if (!synced.ok()) LogWarning("what fires was not told again: {}", synced.ToString());
    if (synced.ok()) ++syncs_;
    lock.lock();
  }
}

absl::Status AlertDispatch::ServeReceiver(const Receiver& receiver) {
  const absl::Duration lease = static_cast<double>(kClaimed) * options_.timeout + kLeaseReserve;
  while (!stop_) {
    QP_ASSIGN_OR_RETURN(const DeliveryQueue::Claim claim,
                        queue_.Take(receiver.name, receiver.synced(), options_.now_us(),
                                    absl::ToInt64Microseconds(lease), kClaimed));
    for (const AlertMessage& message : claim.messages) {
      const absl::StatusOr<bool> go_on = SendOne(receiver, claim, message);
      if (go_on.ok() && *go_on) continue;
      // What is not given back waits for the lease to end.
      Note(queue_.Release(claim.lease));
      return go_on.status();
    }
    if (claim.messages.empty()) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> AlertDispatch::SendOne(const Receiver& receiver,
                                            const DeliveryQueue::Claim& claim,
                                            const AlertMessage& message) {
  const SendResult result =
      SendMessage(receiver, message, options_.now_us(), options_.timeout, &stop_);
  const int64_t now_us = options_.now_us();
  switch (result.outcome) {
    case SendResult::Outcome::kSent:
      ++sent_;
      return queue_.MarkSent(claim.lease, message, now_us);
    case SendResult::Outcome::kRefused:
      ++dead_;
      LogError("receiver {} refused message {}: {}", receiver.name, message.id,
               ForLog(result.error));
      return queue_.MarkDead(claim.lease, message, result.error, now_us);
    case SendResult::Outcome::kRetry:
      break;
  }
  if (stop_) return false;  // broken off by ourselves
  ++failed_;
  LogWarning("receiver {} does not take message {}: {}", receiver.name, message.id,
             ForLog(result.error));
  QP_RETURN_IF_ERROR(
      queue_.MarkFailed(claim.lease, message, result.error, result.wait_us, Chance(), now_us)
          .status());
  return false;
}

void AlertDispatch::Note(const absl::Status& status) {
  if (status.ok()) return;
  ++troubles_;
  std::string error = status.ToString();
  const MutexLock lock(mutex_);
  // Once, not every second.
  if (error != last_error_) LogError("messages of alerts wait: {}", error);
  last_error_ = std::move(error);
}

}  // namespace quotaplane
