#include "libs/alerts/alert_json.h"

#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::ordered_json;

void PutText(Json* json, const char* name, std::string_view text) {
  if (!text.empty()) (*json)[name] = text;
}
void PutTime(Json* json, const char* name, int64_t us) {
  if (us != 0) (*json)[name] = TimeText(us);
}
void PutNumber(Json* json, const char* name, const std::optional<int64_t>& number) {
  if (number.has_value()) (*json)[name] = *number;
}

Json ActionJson(const TakenAction& action) {
  const bool freeze = action.wanted.kind == WantedAction::Kind::kFreeze;
  Json json = {{"kind", freeze ? "freeze" : "throttle"}, {"state", ActionStateName(action.state)}};
  if (!freeze) json["share_permille"] = action.wanted.share_permille;
  json["for_seconds"] = action.wanted.for_us / 1'000'000;
  PutTime(&json, "from", action.from_us);
  PutTime(&json, "until", action.until_us);
  return json;
}

}  // namespace

std::string TimeText(int64_t us) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", absl::FromUnixMicros(us), absl::UTCTimeZone());
}

std::string AlertJson(const Alert& alert, NoticeEvent event) {
  const Signal& signal = alert.signal;
  Json json = {{"alert", AlertName(alert.number)},
               {"event", NoticeEventName(event)},
               {"state", AlertStateName(alert.state)},
               {"org", signal.org},
               {"kind", AlertKindName(signal.kind)},
               {"severity", SeverityName(signal.severity)},
               {"opened_severity", SeverityName(alert.opened_severity)},
               {"rule", signal.rule_id}};
  PutText(&json, "scope", signal.scope);
  PutText(&json, "summary", signal.summary);
  PutText(&json, "unit", signal.unit);
  PutNumber(&json, "expected", signal.expected);
  PutNumber(&json, "actual", signal.actual);
  PutNumber(&json, "amount", signal.amount);
  Json& dimensions = json["dimensions"] = Json::object();
  for (const auto& [name, value] : signal.dimensions) dimensions[name] = value;
  if (!signal.contributors.empty()) {
    Json& contributors = json["contributors"] = Json::array();
    for (const Contributor& one : signal.contributors) {
      contributors.push_back({{"dimension", one.dimension},
                              {"value", one.value},
                              {"expected", one.expected},
                              {"actual", one.actual}});
    }
  }
  json["tellings"] = alert.tellings;
  PutTime(&json, "opened_at", alert.opened_at_us);
  PutTime(&json, "at", signal.at_us);
  PutTime(&json, "resolved_at", alert.resolved_at_us);
  PutText(&json, "resolved_by", alert.resolved_by);
  if (alert.action.state != ActionState::kNone) json["action"] = ActionJson(alert.action);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string MessageJson(const AlertMessage& message) {
  Json json = {{"id", message.id},
               {"receiver", message.receiver},
               {"org", message.org},
               {"kind", AlertKindName(message.kind)},
               {"created_at", TimeText(message.created_at_us)},
               {"count", message.count},
               {"more", message.count - static_cast<int64_t>(message.items.size())}};
  if (message.test) json["test"] = true;
  Json& alerts = json["alerts"] = Json::array();
  for (const MessageItem& item : message.items) {
    Json alert = Json::parse(item.json, nullptr, false);
    if (!alert.is_discarded()) alerts.push_back(std::move(alert));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace quotaplane
