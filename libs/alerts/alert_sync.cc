#include "libs/alerts/alert_sync.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_json.h"
#include "libs/alerts/alert_store.h"
#include "libs/alerts/sender.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

// Of alerts that are routed to it; the message's other fields are for receivers that are not
// synced.
std::map<const Receiver*, AlertMessage> MessagesFor(const Receivers& receivers,
                                                    const std::vector<Alert>& alerts) {
  std::map<const Receiver*, AlertMessage> messages;
  for (const Alert& alert : alerts) {
    for (const Receiver* receiver : receivers.For(alert.signal)) {
      if (!receiver->synced()) continue;
      AlertMessage& message = messages[receiver];
      message.items.push_back(
          {alert.number, NoticeEvent::kFiring, AlertJson(alert, NoticeEvent::kFiring)});
      ++message.count;
    }
  }
  return messages;
}

}  // namespace

absl::Status SyncAlerts(sql::Session& session, const Receivers& receivers, int64_t now_us,
                        absl::Duration timeout, const std::atomic<bool>* stop) {
  const std::vector<Receiver>& all = receivers.all();
  if (std::none_of(all.begin(), all.end(), [](const Receiver& one) { return one.synced(); })) {
    return absl::OkStatus();
  }
  const AlertStore store([] { return std::make_shared<const Receivers>(); });
  absl::Status first;
  std::set<const Receiver*> failed;
  int64_t after = 0;
  while (!*stop) {
    QP_ASSIGN_OR_RETURN(const std::vector<Alert> alerts,
                        store.ToldFiring(session, after, kSyncedAlerts));
    for (const auto& [receiver, message] : MessagesFor(receivers, alerts)) {
      if (failed.contains(receiver)) continue;
      const SendResult result = SendMessage(*receiver, message, now_us, timeout, stop);
      if (result.outcome == SendResult::Outcome::kSent) continue;
      failed.insert(receiver);
      if (first.ok()) {
        first =
            absl::UnavailableError(absl::StrCat("receiver ", receiver->name, ": ", result.error));
      }
    }
    if (alerts.size() < kSyncedAlerts) break;
    after = alerts.back().number;
  }
  return first;
}

}  // namespace quotaplane
