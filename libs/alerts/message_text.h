// A message in the form of each kind of receiver.
//
// Names in it are other people's: users, models, sessions. None of them can add a header to a mail,
// mention a channel in a chat, or end a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/alerts/delivery_queue.h"
#include "libs/alerts/receivers.h"

namespace quotaplane {

// "3 threshold alerts of acme", "[critical] A-17 firing: …": what chat and mail say.
struct MessageText {
  std::string title;
  std::vector<std::string> lines;  // one per item, and one for those that are not listed
};
MessageText TextOf(const AlertMessage& message);

// The body of an incoming webhook of Slack (and of Mattermost, Rocket.Chat).
std::string SlackJson(const AlertMessage& message);

// Header and body of a mail; lines end in CRLF. The same message gives the same text.
std::string EmailText(const AlertMessage& message, const EmailReceiver& receiver);

// The body of POST /api/v2/alerts of an Alertmanager: each alert by its labels (alertname, alert,
// org, kind, rule, severity, and its dimensions), firing for kFiresForUs unless it is told again
// (alert_sync.h). An alert that became worse has another label then; the one of before is ended.
inline constexpr int64_t kFiresForUs = int64_t{3600} * 1'000'000;
std::string AlertmanagerJson(const AlertMessage& message, int64_t now_us);

}  // namespace quotaplane
