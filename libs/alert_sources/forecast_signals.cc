#include "libs/alert_sources/forecast_signals.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/alert_sources/amount_words.h"
#include "libs/alert_sources/rule_signal.h"
#include "libs/base/absl_view.h"
#include "libs/policy/alert_match.h"

namespace quotaplane {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

// "7 days", "11 hours".
std::string LengthWords(int64_t us) {
  if (us >= 2 * kDayUs) return absl::StrCat(us / kDayUs, " days");
  if (us >= 2 * kHourUs) return absl::StrCat(us / kHourUs, " hours");
  return absl::StrCat(us / 60'000'000, " minutes");
}

std::string SummaryOf(const LimitForecast& forecast) {
  return absl::StrCat("At the present rate limit ", forecast.limit_id, " of ", forecast.scope,
                      " ends on ", TimeWords(forecast.forecast.exhausted_at_us), ", ",
                      LengthWords(forecast.margin_us()),
                      " before its period does: ", AmountWords(forecast.used, forecast.unit),
                      " of ", AmountWords(forecast.amount, forecast.unit), " are used, and ",
                      AmountWords(forecast.forecast.per_day, forecast.unit), " a day");
}

}  // namespace

std::string ForecastKey(const LimitForecast& forecast) {
  const std::string_view bytes = forecast.counter.view();
  return absl::StrCat("forecast/", absl::BytesToHexString({bytes.data(), bytes.size()}), "/",
                      forecast.resets_at_us, "/", forecast.limit_id);
}

std::optional<Signal> ForecastSignal(const LimitForecast& forecast, const Policy& policy,
                                     int64_t now_us) {
  AlertFacts facts;
  facts.on = AlertOn::kForecast;
  facts.scope = SubjectOf(forecast.dimensions);
  facts.limit_id = forecast.limit_id;
  facts.margin_us = forecast.margin_us();
  const AlertRule* const rule = RuleFor(AlertRulesOf(policy.document()), facts);
  if (rule == nullptr) return std::nullopt;
  Signal signal = SignalOf(*rule);
  signal.org = forecast.org;
  signal.scope = FitText(forecast.scope, kMaxScopeBytes);
  signal.dimensions = forecast.dimensions;
  signal.dimensions.emplace_back("limit", forecast.limit_id);
  signal.key = ForecastKey(forecast);
  signal.occurrence = absl::StrCat("day/", forecast.forecast.exhausted_at_us / kDayUs);
  signal.summary = FitText(SummaryOf(forecast), kMaxSummaryBytes);
  signal.unit = forecast.unit;
  signal.expected = forecast.forecast.used_at_reset;
  signal.actual = forecast.used;
  signal.amount = forecast.amount;
  signal.at_us = now_us;
  return signal;
}

std::optional<ForecastKeyParts> ParseForecastKey(std::string_view key) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(AbslView(key), absl::MaxSplits('/', 3));
  ForecastKeyParts parsed;
  if (parts.size() != 4 || parts[0] != "forecast" || parts[1].size() != 32 ||
      !absl::SimpleAtoi(parts[2], &parsed.resets_at_us)) {
    return std::nullopt;
  }
  parsed.counter = std::string(parts[1]);
  parsed.limit_id = std::string(parts[3]);
  return parsed;
}

Signal ForecastEnd(const Signal& alert, std::string_view because, int64_t now_us) {
  Signal signal = alert;
  signal.over = true;
  signal.over_because = FitText(because, kMaxOverBecauseBytes);
  signal.action = std::nullopt;
  signal.occurrence = absl::StrCat("over/", alert.at_us);
  signal.at_us = now_us;
  return signal;
}

}  // namespace quotaplane
