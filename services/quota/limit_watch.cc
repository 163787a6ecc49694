#include "services/quota/limit_watch.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

namespace quotaplane {
namespace {

constexpr int64_t kAskedWithinUs = int64_t{3'600} * 1'000'000;
constexpr size_t kAtOnce = 16;
constexpr std::chrono::seconds kLookTimeout{2};
constexpr double kMicro = 1e-6;

std::vector<Subject> SubjectsOf(const std::vector<UseCounts::Use>& uses, int64_t since_us) {
  std::vector<Subject> subjects;
  for (const UseCounts::Use& use : uses) {
    if (use.last_us < since_us) continue;
    if (use.org == kOverflow && use.model == kOverflow && use.team == kOverflow) continue;
    subjects.push_back({use.org, use.team, use.project, "", "", use.model, {}});
  }
  return subjects;
}

// Empty where the limit does not count over it.
std::string ValueOf(DimensionKind kind, const LimitUsage& usage, const Subject& subject) {
  for (const Dimension& dimension : usage.per) {
    if (dimension.kind == kind) return std::string(dimension.ValueIn(subject, subject.model));
  }
  return "";
}

}  // namespace

LimitWatch::LimitWatch(Admission* admission, const UseCounts* uses, absl::Duration every)
    : admission_(admission), uses_(uses), thread_([this, every] { Run(every); }) {}

LimitWatch::~LimitWatch() {
  stop_.Notify();
  thread_.join();
}

void LimitWatch::Run(absl::Duration every) {
  while (!stop_.WaitForNotificationWithTimeout(every)) {
    std::vector<Seen> seen = Look();
    const size_t all = seen.size();
    if (all > kMostLimits) {
      const auto more_used = [](const Seen& a, const Seen& b) {
        return a.used_ratio > b.used_ratio;
      };
      std::nth_element(seen.begin(), seen.begin() + kMostLimits, seen.end(), more_used);
      seen.resize(kMostLimits);
    }
    const MutexLock lock(mutex_);
    left_out_ = all - seen.size();
    seen_ = std::move(seen);
  }
}

std::vector<LimitWatch::Seen> LimitWatch::Look() const {
  const std::vector<Subject> subjects =
      SubjectsOf(uses_->Read(), admission_->EstimatedNowUs() - kAskedWithinUs);
  const SteadyTime deadline = std::chrono::steady_clock::now() + kLookTimeout;
  std::map<std::tuple<std::string, std::string, std::string>, Seen> found;
  for (size_t from = 0; from < subjects.size() && !stop_.HasBeenNotified(); from += kAtOnce) {
    const size_t count = std::min(kAtOnce, subjects.size() - from);
    using Answer = absl::StatusOr<std::vector<LimitUsage>>;
    std::vector<std::future<Answer>> answers;
    for (size_t i = 0; i < count; ++i) {
      // Shared, since it may still be at work when the answer has been taken.
      const auto answered = std::make_shared<std::promise<Answer>>();
      answers.push_back(answered->get_future());
      admission_->GetUsage(subjects[from + i], deadline,
                           [answered](Answer answer) { answered->set_value(std::move(answer)); });
    }
    for (size_t i = 0; i < count; ++i) {
      const Answer answer = answers[i].get();
      if (!answer.ok()) continue;
      for (const LimitUsage& usage : *answer) {
        if (usage.amount <= 0) continue;
        const Subject& subject = subjects[from + i];
        Seen seen = {subject.org,
                     usage.limit_id,
                     usage.scope,
                     ValueOf(DimensionKind::kTeam, usage, subject),
                     ValueOf(DimensionKind::kProject, usage, subject),
                     ValueOf(DimensionKind::kModel, usage, subject),
                     static_cast<double>(usage.used) / static_cast<double>(usage.amount),
                     usage.forecast.has_value() ? usage.forecast->exhausted_at_us : 0};
        found.insert_or_assign({subject.org, usage.limit_id, usage.scope}, std::move(seen));
      }
    }
  }
  std::vector<Seen> all;
  all.reserve(found.size());
  for (auto& [key, seen] : found) all.push_back(std::move(seen));
  return all;
}

std::vector<metrics::Family> LimitWatch::Collect() const {
  metrics::Family ratio = metrics::Gauges(
      "quotaplane_limit_utilization_ratio",
      "Used and held of a limit's amount; of limits that are not per user, key or label.");
  metrics::Family exhaustion = metrics::Gauges(
      "quotaplane_budget_exhaustion_timestamp_seconds",
      "When such a budget is used up at the present pace, where that is before its period ends.");
  const MutexLock lock(mutex_);
  for (const Seen& seen : seen_) {
    metrics::Labels labels = {{"org", seen.org},         {"limit", seen.limit},
                              {"scope", seen.scope},     {"team", seen.team},
                              {"project", seen.project}, {"model", seen.model}};
    if (seen.exhausted_at_us > 0) {
      exhaustion.samples.push_back({static_cast<double>(seen.exhausted_at_us) * kMicro, labels});
    }
    ratio.samples.push_back({seen.used_ratio, std::move(labels)});
  }
  return {std::move(ratio), std::move(exhaustion),
          metrics::Gauge("quotaplane_limit_utilization_left_out",
                         "Limits and scopes that were left out, since there are too many.",
                         static_cast<double>(left_out_))};
}

}  // namespace quotaplane
