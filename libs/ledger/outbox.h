// Where settled charges wait to be written into the ledger. The store's commit step puts each there
// in the same atomic step in which it charges; it stays until it is acknowledged. Batches of
// refusals wait among them, put there by the replicas (refusal_sender.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/ledger/settled_charge.h"

namespace quotaplane {

class Outbox {
 public:
  struct Message {
    int partition = 0;
    std::string id;  // within its partition, in the order of charging
    // Acknowledged already, by the reader it was taken over from: nothing else is known of it.
    bool gone = false;
    std::string record;  // ChargeCodec's
    // Absent where it cannot be read, and of refusals.
    std::optional<Settlement> settlement;
  };

  struct Batch {
    std::vector<Message> messages;
    // There may be more at once.
    bool more = false;
  };

  virtual ~Outbox() = default;

  // Up to about `most` messages, in order within a partition; none where there are none. A message
  // is handed to one reader at a time: to another only when its reader has neither acknowledged nor
  // asked for a while, so a message may come twice. What this reader has not acknowledged comes
  // again after Reopen. Errors: the store is away.
  virtual absl::StatusOr<Batch> Read(int most) = 0;
  // These are in the ledger: they are forgotten here. Those of which that was said before count as
  // done.
  virtual absl::Status Acknowledge(std::span<const Message> messages) = 0;
  // This one cannot be written, ever: it is put aside with the reason, and stays there for somebody
  // to look at.
  virtual absl::Status Quarantine(const Message& message, std::string_view why) = 0;
  // Starts over with what this reader was handed and has not acknowledged.
  virtual void Reopen() = 0;
};

// How far the outbox has been emptied, for those who compare the ledger with the store.
class OutboxState {
 public:
  virtual ~OutboxState() = default;
  // A mark behind everything that the org has charged so far, and whatever else was put there.
  virtual absl::StatusOr<std::string> Mark(std::string_view org) = 0;
  // Whether everything before the mark has been acknowledged (or put aside).
  virtual absl::StatusOr<bool> EmptiedTo(std::string_view org, const std::string& mark) = 0;
  // Hands each record that was put aside in the org's partition, of this org or of another, to
  // `callback`.
  virtual absl::Status ForEachQuarantined(
      std::string_view org, absl::FunctionRef<void(std::string_view record)> callback) = 0;
};

}  // namespace quotaplane
