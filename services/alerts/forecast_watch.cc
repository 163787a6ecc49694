#include "services/alerts/forecast_watch.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/alert_sources/forecast_signals.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kRoundTimeout = absl::Seconds(45);
constexpr absl::Duration kLook = absl::Seconds(1);

}  // namespace

ForecastWatch::ForecastWatch(sql::Database* database, const AlertStore* alerts, CounterStore* store,
                             ForecastTable* table, ForecastWatchOptions options)
    : database_(database),
      alerts_(alerts),
      options_(std::move(options)),
      round_(database, store, table),
      thread_([this] { Run(); }) {}

ForecastWatch::~ForecastWatch() {
  stop_.Notify();
  thread_.join();
}

ForecastResult ForecastWatch::last() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

void ForecastWatch::Run() {
  absl::Time next = absl::InfinitePast();
  while (!stop_.WaitForNotificationWithTimeout(kLook)) {
    if (!options_.leading()) {
      ends_.Forget();
      absl::MutexLock lock(&mutex_);
      last_ = ForecastResult();
      continue;
    }
    if (absl::Now() < next) continue;
    next = absl::Now() + options_.every;
    const absl::Status round = Round();
    if (!round.ok() && round.ToString() != last_error_) {
      LogError("forecasts wait: {}", round.ToString());
    }
    last_error_ = round.ok() ? "" : round.ToString();
  }
}

absl::Status ForecastWatch::Round() {
  const std::shared_ptr<const PolicySet> policies = options_.policies();
  const int64_t now_us = options_.store_now_us();
  QP_ASSIGN_OR_RETURN(ForecastResult result,
                      round_.Run(*policies, now_us, absl::Now() + kRoundTimeout));
  std::vector<Signal> signals;
  for (const LimitForecast& forecast : result.ending) {
    // What is used up already is told by its threshold.
    if (forecast.used >= forecast.amount) continue;
    std::optional<Signal> signal =
        ForecastSignal(forecast, *policies->For(forecast.org).policy, now_us);
    if (signal.has_value()) signals.push_back(*std::move(signal));
  }
  for (size_t i = 0; i < signals.size(); i += kMaxSignalsAtOnce) {
    const size_t count = std::min(kMaxSignalsAtOnce, signals.size() - i);
    QP_RETURN_IF_ERROR(options_.record(absl::MakeConstSpan(signals).subspan(i, count)));
  }
  Report(result);
  ends_.Begin(result, *policies, now_us);
  {
    absl::MutexLock lock(&mutex_);
    last_ = std::move(result);
  }
  return EndOthers();
}

void ForecastWatch::Report(const ForecastResult& result) {
  std::string unread;
  if (!result.unread.empty()) {
    const auto& [org, why] = *result.unread.begin();
    unread = absl::StrCat(result.unread.size(), " orgs have no new forecasts, \"", org,
                          "\" first: ", why);
  }
  if (!unread.empty() && unread != last_unread_) LogError("{}", unread);
  last_unread_ = std::move(unread);
}

absl::Status ForecastWatch::EndOthers() {
  AlertFilter open;
  open.states = {AlertState::kFiring, AlertState::kAcknowledged, AlertState::kSilenced};
  open.kinds = {AlertKind::kForecast};
  int64_t before = 0;
  while (true) {
    QP_ASSIGN_OR_RETURN(const std::vector<Alert> alerts,
                        alerts_->List(*database_, open, before, kMaxSignalsAtOnce));
    if (alerts.empty()) return absl::OkStatus();
    before = alerts.back().number;
    const std::vector<Signal> ends = ends_.Of(alerts);
    if (!ends.empty()) QP_RETURN_IF_ERROR(options_.record(ends));
    if (alerts.size() < kMaxSignalsAtOnce) return absl::OkStatus();
  }
}

}  // namespace quotaplane
