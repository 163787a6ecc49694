#include "services/alerts/forecast_ends.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/alert_sources/forecast_signals.h"

namespace quotaplane {
namespace {

std::string NameOf(const std::string& org, const std::string& key) {
  return absl::StrCat(org, "\n", key);
}

}  // namespace

void ForecastEnds::Begin(const ForecastResult& result, const PolicySet& policies, int64_t now_us) {
  now_us_ = now_us;
  limits_.SetTime(policies, now_us);
  unread_.clear();
  for (const auto& [org, why] : result.unread) unread_.insert(org);
  some_left_out_ = result.ending_left_out > 0;
  for (const LimitForecast& forecast : result.ending) {
    seen_us_[NameOf(forecast.org, ForecastKey(forecast))] = now_us;
  }
  for (auto it = seen_us_.begin(); it != seen_us_.end();) {
    it = now_us - it->second >= 2 * kOverAfterUs ? seen_us_.erase(it) : std::next(it);
  }
}

std::vector<Signal> ForecastEnds::Of(const std::vector<Alert>& alerts) {
  std::vector<Signal> ends;
  for (const Alert& alert : alerts) {
    const std::string because = Reason(alert.signal);
    if (!because.empty()) ends.push_back(ForecastEnd(alert.signal, because, now_us_));
  }
  return ends;
}

std::string ForecastEnds::Reason(const Signal& alert) {
  const std::optional<ForecastKeyParts> key = ParseForecastKey(alert.key);
  if (!key.has_value()) return "nobody can say of what it is";
  if (key->resets_at_us <= now_us_) return "its period has ended";
  // One that was told by somebody else before is given the same time.
  int64_t& seen_us = seen_us_.try_emplace(NameOf(alert.org, alert.key), now_us_).first->second;
  const LimitNow now = limits_.Of(alert, key->limit_id, key->counter);
  if (now.limit == nullptr) return now.gone;
  if (some_left_out_ || unread_.count(alert.org) > 0) seen_us = now_us_;
  if (seen_us < now_us_ && alert.amount.has_value() && now.amount != *alert.amount) {
    return AmountNowWords(now);
  }
  return now_us_ - seen_us >= kOverAfterUs ? "at the present rate it lasts" : "";
}

}  // namespace quotaplane
