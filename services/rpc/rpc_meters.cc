#include "services/rpc/rpc_meters.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace quotaplane {
namespace {

using metrics::Family;
using metrics::Labels;

// "QuotaService/Reserve" of "/quotaplane.v1.QuotaService/Reserve".
std::string MethodLabel(std::string_view path) {
  const size_t method = path.rfind('/');
  if (method == std::string_view::npos) return std::string(path);
  const size_t service = path.substr(0, method).find_last_of("./");
  return std::string(path.substr(service == std::string_view::npos ? 0 : service + 1));
}

// What is told of a method from the start, as 0: a rate over a series that begins with its first
// call misses that call, and a series that is not there looks like one that was forgotten. Not all
// that can happen is: seventy methods by 17 codes and 27 buckets would be more series than all else
// that a process tells.
struct Expected {
  std::vector<CallOutcome> answers;
  bool durations = false;  // of these answers
  std::vector<absl::StatusCode> errors;
};

Expected ExpectedOf(std::string_view method) {
  using enum absl::StatusCode;
  if (method == kUnknownMethod) return {{}, false, {kUnimplemented}};
  if (!method.starts_with("QuotaService/") && !method.starts_with("PingService/")) {
    return {{CallOutcome::kNone}, false, {}};
  }
  // Gateways' calls. The errors are those that the objectives of Reserve count as failures
  // (helm/quotaplane/files/rules/reserve.yaml).
  Expected expected = {
      {CallOutcome::kNone},
      true,
      {kUnknown, kDeadlineExceeded, kResourceExhausted, kInternal, kUnavailable, kDataLoss}};
  if (method.ends_with("/Reserve") || method.ends_with("/Extend") || method.ends_with("/Check")) {
    expected.answers = {CallOutcome::kAllow, CallOutcome::kAllowSoft, CallOutcome::kDeny};
  }
  return expected;
}

template <typename T>
bool Has(const std::vector<T>& all, T one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

std::string_view CallOutcomeName(CallOutcome outcome) {
  switch (outcome) {
    case CallOutcome::kNone:
      return "none";
    case CallOutcome::kAllow:
      return "allow";
    case CallOutcome::kAllowSoft:
      return "allow_soft";
    case CallOutcome::kDeny:
      return "deny";
    case CallOutcome::kError:
      break;
  }
  return "error";
}

void MethodMeter::Count(CallOutcome outcome, int code, Clock::time_point began) {
  durations_[static_cast<size_t>(outcome)].Record(Clock::now() - began);
  if (outcome != CallOutcome::kError) return;
  // gRPC's own are these; anything else is UNKNOWN.
  const size_t known = code > 0 && code < static_cast<int>(kCodes) ? static_cast<size_t>(code) : 2;
  errors_[known].fetch_add(1, std::memory_order_relaxed);
}

MethodMeter* RpcMeters::Of(const std::string& path) {
  const MutexLock lock(mutex_);
  std::unique_ptr<MethodMeter>& meter = meters_[MethodLabel(path)];
  if (meter == nullptr) meter = std::make_unique<MethodMeter>();
  return meter.get();
}

std::vector<Family> RpcMeters::Collect() const {
  Family requests =
      metrics::Counters("quotaplane_rpc_requests_total", "Calls answered, by what they came to.");
  Family durations = metrics::Histograms(
      "quotaplane_rpc_duration_seconds",
      "From a call's arrival to its answer's departure; of a stream to its end.");
  const MutexLock lock(mutex_);
  for (const auto& [method, meter] : meters_) {
    const Expected expected = ExpectedOf(method);
    for (size_t i = 0; i < kCallOutcomes; ++i) {
      const LatencyHistogram::Snapshot latency = meter->durations_[i].Read();
      const auto outcome = static_cast<CallOutcome>(i);
      const bool happened = latency.count() > 0, awaited = Has(expected.answers, outcome);
      if (!happened && !awaited) continue;
      const std::string name(CallOutcomeName(outcome));
      if (happened || expected.durations) {
        durations.samples.push_back(
            metrics::LatencySample(latency, {{"method", method}, {"decision", name}}));
      }
      if (outcome == CallOutcome::kError) continue;
      requests.samples.push_back({static_cast<double>(latency.count()),
                                  {{"method", method}, {"decision", name}, {"code", "OK"}}});
    }
    for (size_t code = 0; code < meter->errors_.size(); ++code) {
      const int64_t count = meter->errors_[code].load(std::memory_order_relaxed);
      if (count == 0 && !Has(expected.errors, static_cast<absl::StatusCode>(code))) continue;
      requests.samples.push_back(
          {static_cast<double>(count),
           {{"method", method},
            {"decision", "error"},
            {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}}});
    }
  }
  return {std::move(requests), std::move(durations)};
}

}  // namespace quotaplane
