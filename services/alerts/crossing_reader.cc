#include "services/alerts/crossing_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libs/alert_sources/crossing_signals.h"
#include "libs/alerts/alert_store.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr int kAtOnce = 500;
constexpr absl::Duration kLongestPause = absl::Seconds(5);

}  // namespace

CrossingReader::CrossingReader(CrossingSource* source, PoliciesOf policies, Record record,
                               absl::Duration pause)
    : source_(source),
      policies_(std::move(policies)),
      record_(std::move(record)),
      pause_(pause),
      thread_([this] { Run(); }) {}

CrossingReader::~CrossingReader() {
  stop_.Notify();
  thread_.join();
}

void CrossingReader::Run() {
  absl::Duration pause = pause_;
  std::string last_error;
  while (!stop_.WaitForNotificationWithTimeout(pause)) {
    absl::StatusOr<size_t> taken = Round();
    while (taken.ok() && *taken > 0 && !stop_.HasBeenNotified()) taken = Round();
    away_ = !taken.ok();
    if (taken.ok()) {
      pause = pause_;
      last_error.clear();
      continue;
    }
    source_->Reopen();
    pause = std::min(2 * pause, kLongestPause);
    if (taken.status().ToString() == last_error) continue;
    last_error = taken.status().ToString();
    LogError("crossings wait to be told: {}", last_error);
  }
}

absl::StatusOr<size_t> CrossingReader::Round() {
  QP_ASSIGN_OR_RETURN(const std::vector<CrossingSource::Message> messages, source_->Read(kAtOnce));
  if (messages.empty()) return 0;
  const std::shared_ptr<const PolicySet> policies = policies_();
  std::vector<Signal> signals;
  for (const CrossingSource::Message& message : messages) {
    absl::StatusOr<std::vector<Signal>> of = CrossingSignals(message.crossing, *policies);
    if (!of.ok()) {
      ++unreadable_;
      LogError("a crossing cannot be told: {}", of.status().ToString());
      continue;
    }
    std::move(of->begin(), of->end(), std::back_inserter(signals));
  }
  for (size_t i = 0; i < signals.size(); i += kMaxSignalsAtOnce) {
    const size_t count = std::min(kMaxSignalsAtOnce, signals.size() - i);
    QP_RETURN_IF_ERROR(record_(absl::MakeConstSpan(signals).subspan(i, count)));
  }
  QP_RETURN_IF_ERROR(source_->Acknowledge(messages));
  taken_ += static_cast<int64_t>(messages.size());
  return messages.size();
}

}  // namespace quotaplane
