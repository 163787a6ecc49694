// One reader of a consumer group over several streams, such as one for each partition. Readers
// share the streams' messages; none owns a stream. What a message says is its caller's to know.
//
// A round asks with commands that do not block: a stream can only be waited for on a connection of
// its own for each, and in a Cluster not for several at once. 64 of them cost Redis some 0.3 ms of
// processor time.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/redis/client.h"

namespace quotaplane::redis {

struct StreamGroupOptions {
  // Their order is that of StreamEntry::partition.
  std::vector<std::string> streams;
  std::string group;
  // Names this reader: another process with this name takes over its unacknowledged messages at
  // once. No two that run at the same time share it.
  std::string reader;
  // Messages of a reader that has been silent for this long are taken over by others.
  absl::Duration abandoned_after = absl::Seconds(30);
  // A stream that had nothing to say is asked once in so many rounds; 1 asks all every time.
  int quiet_rounds = 1;
  absl::Duration timeout = absl::Seconds(5);  // of each round trip
};

struct StreamEntry {
  int partition = 0;
  std::string id;  // within its stream, in order
  // Dropped, or acknowledged by the reader that it was taken over from: nothing else is known.
  bool gone = false;
  std::vector<std::pair<std::string, std::string>> fields;
};

struct StreamRead {
  std::vector<StreamEntry> entries;
  // There may be more at once: of a stream there was as much as was asked for.
  bool more = false;
};

// KEYS [1] stream.  ARGV [1] group, [2 …] ids.  Acknowledges and deletes them; replies how many
// were there. One instance for the process, for Client::Start.
const Script& AcknowledgeScript();

// One thread at a time. Blocks; not on the client's thread.
class StreamGroup {
 public:
  // `client` knows AcknowledgeScript(), and outlives this.
  StreamGroup(Client* client, StreamGroupOptions options);

  // Up to about `most` entries, in order within a stream; empty where there are none. Its own ones
  // from before come first, then new ones, and now and then those that others abandoned. After an
  // error whatever was handed out is handed out again.
  absl::StatusOr<StreamRead> Read(int most);
  // Of each, `partition` and `id` count.
  template <typename Message>
  absl::Status Acknowledge(std::span<const Message> messages) {
    std::vector<std::vector<std::string_view>> ids(partitions_.size());
    for (const Message& message : messages) ids[message.partition].push_back(message.id);
    return AcknowledgeIds(std::move(ids));
  }
  // Starts over with what this reader was handed and has not acknowledged.
  void Reopen();

  const std::string& stream(int partition) const { return options_.streams[partition]; }
  SteadyTime Deadline() const;

 private:
  struct Partition {
    // Behind the last of its own messages that it has read again; ">" when there are no more.
    std::string from;
    // How many messages to ask for: twice as many where there were so many, half where there was
    // not a quarter. It gets its share of the round.
    int count = 0;
    bool has_group = false;
    bool lively = true;  // asked every round
  };

  struct Ask {
    int partition = 0;
    int count = 0;
  };

  absl::Status AcknowledgeIds(std::vector<std::vector<std::string_view>> ids);
  absl::Status EnsureGroups();
  // Which partitions to ask in this round, and for how many messages: `most` together, or the few
  // that each is asked for at least.
  std::vector<Ask> Shares(int most);
  // Own ones from before first, then new ones.
  absl::Status ReadPartitions(int most, StreamRead* read);
  // Takes over what other readers abandoned; says whether there may be more of it.
  absl::StatusOr<bool> ClaimAbandoned(int most, StreamRead* read);

  Client* const client_;
  const StreamGroupOptions options_;
  std::vector<Partition> partitions_;
  SteadyTime next_claim_;
  int round_ = 0;
};

}  // namespace quotaplane::redis
