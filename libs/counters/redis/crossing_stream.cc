#include "libs/counters/redis/crossing_stream.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/replies.h"
#include "libs/redis/many_calls.h"

namespace quotaplane {
namespace {

using redis::ManyCalls;
using redis::Reply;
using redis::StreamEntry;

std::string StreamOf(int partition) { return absl::StrCat("{p", partition, "}a"); }

redis::StreamGroupOptions GroupOptions(CrossingStreamOptions options) {
  redis::StreamGroupOptions group;
  for (int i = 0; i < options.partitions; ++i) group.streams.push_back(StreamOf(i));
  group.group = "alerts";
  group.reader = std::move(options.reader);
  group.abandoned_after = options.abandoned_after;
  group.timeout = options.timeout;
  return group;
}

// False where the bytes are no crossing. A later version may have more to say, behind.
bool ReadCrossing(const std::string& bytes, Crossing* crossing) {
  ReplyReader reader(bytes);
  const std::string_view digest = reader.Take(sizeof(Digest::bytes));
  if (reader.ok()) std::memcpy(crossing->counter.bytes.data(), digest.data(), digest.size());
  crossing->threshold = reader.Number();
  crossing->committed = reader.Number();
  crossing->period_us = reader.Number();
  crossing->at_us = reader.Number();
  crossing->refused = reader.Number() != 0;
  return reader.ok();
}

// False where the entry is no crossing, also where it is gone.
bool ReadMessage(StreamEntry* entry, CrossingSource::Message* message) {
  bool readable = false;
  message->partition = entry->partition;
  message->id = std::move(entry->id);
  for (auto& [name, value] : entry->fields) {
    if (name == "c") readable = ReadCrossing(value, &message->crossing);
    if (name == "d") message->crossing.description = std::move(value);
  }
  return readable;
}

}  // namespace

CrossingStream::CrossingStream(redis::Client* client, CrossingStreamOptions options)
    : group_(client, GroupOptions(std::move(options))) {}

absl::StatusOr<std::vector<CrossingSource::Message>> CrossingStream::Read(int most) {
  QP_ASSIGN_OR_RETURN(redis::StreamRead read, group_.Read(most));
  std::vector<Message> messages;
  std::vector<Message> strange;
  for (StreamEntry& entry : read.entries) {
    Message message;
    const bool readable = ReadMessage(&entry, &message);
    (readable ? messages : strange).push_back(std::move(message));
  }
  if (absl::Status done = Acknowledge(strange); !done.ok()) {
    Reopen();
    return done;
  }
  return messages;
}

absl::Status CrossingStream::Acknowledge(std::span<const Message> messages) {
  return group_.Acknowledge(messages);
}

absl::StatusOr<CrossingDepth> ReadCrossingDepth(redis::Client& client, int partitions,
                                                absl::Duration timeout) {
  const redis::SteadyTime deadline =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  ManyCalls calls;
  for (int i = 0; i < partitions; ++i) {
    const std::string stream = StreamOf(i);
    const std::string dropped = absl::StrCat("{p", i, "}d");
    client.Call(stream, {"XLEN", stream}, deadline, calls.Next());
    client.Call(dropped, {"GET", dropped}, deadline, calls.Next());
  }
  QP_ASSIGN_OR_RETURN(const std::vector<Reply> replies, calls.GetAll());
  CrossingDepth depth;
  for (size_t i = 0; i + 1 < replies.size(); i += 2) {
    depth.waiting += replies[i].integer;
    int64_t dropped = 0;
    if (absl::SimpleAtoi(replies[i + 1].text, &dropped)) depth.dropped += dropped;
  }
  return depth;
}

}  // namespace quotaplane
