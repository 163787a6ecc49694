// The messages that wait for their receivers, in SQL.
//
// AlertStore puts a message in, in the transaction of the alerts that it is about: once. A sender
// claims messages for a while (a lease), sends, and marks what became of each. One that is killed
// in between leaves its messages to whoever claims them when the lease is over, so a message
// arrives at least once; what comes twice carries the same id and the same body.
//
// A receiver that is away is left alone for a while that doubles from a second to a minute, and
// each of its messages is tried again until kGiveUpUs after it was made. Then, or where the
// receiver refused it for good, the message is dead: kept, listed, and sent again on demand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/alerts/alert.h"
#include "libs/sql/database.h"

namespace quotaplane {

inline constexpr int64_t kGiveUpUs = int64_t{24} * 3600 * 1'000'000;
inline constexpr int64_t kFirstRetryUs = 1'000'000;
inline constexpr int64_t kLongestRetryUs = 60'000'000;
inline constexpr size_t kMaxMessagesAtOnce = 1'000;

enum class NoticeEvent {
  kFiring,    // it opened, was told again after its hold-off, or came back
  kRaised,    // it became worse
  kResolved,  // its condition ended, or a person said so
};
// "firing", "raised", "resolved".
std::string_view NoticeEventName(NoticeEvent event);

struct MessageItem {
  int64_t alert = 0;
  NoticeEvent event = NoticeEvent::kFiring;
  std::string json;  // alert_json.h: as the alert was; for a synced receiver, as it is
};

struct AlertMessage {
  int64_t number = 0;
  std::string id;  // 32 hexadecimal digits, for ever the same
  std::string receiver;
  std::string org;
  AlertKind kind = AlertKind::kThreshold;
  int64_t created_at_us = 0;
  int64_t count = 0;               // notices that it stands for
  std::vector<MessageItem> items;  // the first of them, in the order in which they came
  bool test = false;               // TestMessage (sender.h)
};

// How long to wait after `failures` (1, 2, 3 …) in a row: doubled each time, and of that between
// half and all, by `chance` from 0 to 1.
int64_t RetryAfterUs(int64_t failures, double chance);

enum class DeliveryState {
  kWaiting,  // for its time, or its next attempt
  kSent,
  kDead,  // given up: the dead-letter list
};

// A message, for people.
struct Delivery {
  int64_t number = 0;
  std::string id;
  std::string receiver;
  std::string org;
  AlertKind kind = AlertKind::kThreshold;
  DeliveryState state = DeliveryState::kWaiting;
  int64_t created_at_us = 0;
  int64_t at_us = 0;  // kWaiting: when it is due; kSent, kDead: when that came to be
  int64_t attempts = 0;
  int64_t count = 0;            // alerts that it is about
  std::vector<int64_t> alerts;  // the first of them, at most kShownAlerts
  std::string error;            // of the last attempt that failed
};
inline constexpr size_t kShownAlerts = 10;

// Thread-safe. Blocks. Each call is a transaction of its own; errors are the database's.
class DeliveryQueue {
 public:
  // Must outlive it.
  explicit DeliveryQueue(sql::Database* database) : database_(database) {}

  // Receivers among `names` that are not left alone and have messages that are due and nobody's.
  absl::StatusOr<std::vector<std::string>> DueReceivers(absl::Span<const std::string> names,
                                                        int64_t now_us) const;

  struct Claim {
    std::string lease;  // names it to the marks
    std::vector<AlertMessage> messages;
  };
  // Up to `limit` messages of the receiver that are due, the oldest first, for `lease_us`; one, if
  // its last attempt failed. `synced` as in Receiver.
  absl::StatusOr<Claim> Take(const std::string& receiver, bool synced, int64_t now_us,
                             int64_t lease_us, size_t limit);

  // What became of a claimed message. False: the lease was over, and somebody else has it.
  absl::StatusOr<bool> MarkSent(const std::string& lease, const AlertMessage& message,
                                int64_t now_us);
  // Tried again, after RetryAfterUs(…, chance) or `wait_us` if that is longer, or dead if it is
  // older than kGiveUpUs.
  absl::StatusOr<bool> MarkFailed(const std::string& lease, const AlertMessage& message,
                                  std::string_view error, int64_t wait_us, double chance,
                                  int64_t now_us);
  absl::StatusOr<bool> MarkDead(const std::string& lease, const AlertMessage& message,
                                std::string_view error, int64_t now_us);
  // Gives back all messages of the claim that were not marked, untried.
  absl::Status Release(const std::string& lease);

  // Messages that waited for kGiveUpUs for a receiver that nobody knows are dead too. Returns how
  // many died.
  absl::StatusOr<int64_t> GiveUpUnknown(absl::Span<const std::string> names, int64_t now_us);

  // Those in one of `states` (none: in any), the newest first, below `before` (0: from the newest).
  // `org` nullopt: of all.
  absl::StatusOr<std::vector<Delivery>> List(const std::optional<std::string>& org,
                                             const std::vector<DeliveryState>& states,
                                             int64_t before, size_t limit) const;
  // Puts a dead message into the queue again, with a new kGiveUpUs, under its id. NOT_FOUND: there
  // is no such message of the org (nullopt: of any). FAILED_PRECONDITION, WRONG_STATE: it is not
  // dead.
  static absl::StatusOr<Delivery> SendAgain(sql::Transaction& transaction,
                                            const std::optional<std::string>& org, int64_t number,
                                            int64_t now_us);

  struct Depth {
    int64_t waiting = 0;
    int64_t dead = 0;
    int64_t oldest_at_us = 0;  // of those that wait: when it was made; 0: none waits
  };
  // By receiver.
  absl::StatusOr<std::map<std::string, Depth>> Depths() const;

 private:
  sql::Database* const database_;
};

}  // namespace quotaplane
