#include "tools/quotactl/alert_words.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tools/terminal/format.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Tone;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// "20%", "12.5%"
std::string ShareWords(int permille) {
  const std::string tenths = permille % 10 == 0 ? "" : absl::StrCat(".", permille % 10);
  return absl::StrCat(permille / 10, tenths, "%");
}

}  // namespace

std::string Word(v1::AlertState state) {
  switch (state) {
    case v1::ALERT_STATE_FIRING:
      return "firing";
    case v1::ALERT_STATE_ACKNOWLEDGED:
      return "acknowledged";
    case v1::ALERT_STATE_SILENCED:
      return "silenced";
    case v1::ALERT_STATE_RESOLVED:
      return "resolved";
    default:
      return "?";
  }
}

std::string Word(v1::AlertKind kind) {
  switch (kind) {
    case v1::ALERT_KIND_THRESHOLD:
      return "threshold";
    case v1::ALERT_KIND_FORECAST:
      return "forecast";
    case v1::ALERT_KIND_ANOMALY:
      return "anomaly";
    case v1::ALERT_KIND_RUNAWAY:
      return "runaway";
    case v1::ALERT_KIND_OPERATIONS:
      return "operations";
    default:
      return "?";
  }
}

std::string Word(v1::AlertSeverity severity) {
  switch (severity) {
    case v1::ALERT_SEVERITY_INFO:
      return "info";
    case v1::ALERT_SEVERITY_WARNING:
      return "warning";
    case v1::ALERT_SEVERITY_CRITICAL:
      return "critical";
    default:
      return "?";
  }
}

std::string Word(v1::DeliveryState state) {
  switch (state) {
    case v1::DELIVERY_STATE_PENDING:
      return "pending";
    case v1::DELIVERY_STATE_DELIVERED:
      return "delivered";
    case v1::DELIVERY_STATE_DEAD:
      return "dead";
    default:
      return "?";
  }
}

std::string Word(v1::AlertFeedback feedback) {
  switch (feedback) {
    case v1::ALERT_FEEDBACK_EXPECTED:
      return "expected";
    case v1::ALERT_FEEDBACK_NOT_EXPECTED:
      return "not-expected";
    default:
      return "?";
  }
}

Tone ToneOf(v1::AlertState state) {
  switch (state) {
    case v1::ALERT_STATE_FIRING:
      return Tone::kBad;
    case v1::ALERT_STATE_ACKNOWLEDGED:
      return Tone::kWarning;
    case v1::ALERT_STATE_RESOLVED:
      return Tone::kGood;
    default:
      return Tone::kFaint;
  }
}

Tone ToneOf(v1::AlertSeverity severity) {
  switch (severity) {
    case v1::ALERT_SEVERITY_CRITICAL:
      return Tone::kBad;
    case v1::ALERT_SEVERITY_WARNING:
      return Tone::kWarning;
    default:
      return Tone::kPlain;
  }
}

Tone ToneOf(v1::DeliveryState state) {
  switch (state) {
    case v1::DELIVERY_STATE_DEAD:
      return Tone::kBad;
    case v1::DELIVERY_STATE_DELIVERED:
      return Tone::kGood;
    default:
      return Tone::kWarning;
  }
}

std::string AmountWords(const v1::Alert& alert, int64_t amount) {
  const std::string text = terminal::FormatAmount(alert.unit(), amount);
  if (alert.unit().empty() || alert.unit() == "usd") return text;
  return absl::StrCat(text, " ", absl::StrReplaceAll(alert.unit(), {{"_", " "}}));
}

std::string ActionWords(const v1::AlertAction& action) {
  const std::string what = action.kind() == v1::AlertAction::KIND_FREEZE
                               ? "frozen"
                               : absl::StrCat("throttled to ", ShareWords(action.share_permille()));
  if (action.kind() == v1::AlertAction::KIND_UNSPECIFIED || action.ended()) return "";
  if (!action.has_start_time()) return absl::StrCat("to be ", what);
  return absl::StrCat(
      what, " until ",
      absl::FormatTime("%Y-%m-%d %H:%M", TimeOf(action.end_time()), absl::UTCTimeZone()));
}

std::string MatcherWords(const v1::Silence& silence) {
  return absl::StrJoin(silence.matchers(), ", ",
                       [](std::string* out, const v1::AlertMatcher& matcher) {
                         absl::StrAppend(out, matcher.name(), "=", matcher.glob());
                       });
}

bool Holds(const v1::Silence& silence, absl::Time now) {
  return silence.ended_by().empty() && TimeOf(silence.end_time()) > now;
}

}  // namespace quotaplane::quotactl
