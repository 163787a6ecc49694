#include "libs/redis/stream_group.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "absl/strings/match.h"
#include "libs/base/status_macros.h"
#include "libs/redis/many_calls.h"

namespace quotaplane::redis {
namespace {

constexpr char kNew[] = ">";
// Of a partition, at least, whatever its share of a round would be.
constexpr int kFewest = 32;

// In portions, since Lua's stack is finite.
constexpr char kAcknowledge[] = R"(
local gone = 0
for from = 2, #ARGV, 1000 do
  local to = math.min(from + 999, #ARGV)
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, from, to))
  gone = gone + redis.call('XDEL', KEYS[1], unpack(ARGV, from, to))
end
return gone
)";

// Takes [[id, [field, value, …]], …], with nil instead of the fields where the message was deleted
// meanwhile.
void AddEntries(int partition, std::vector<Reply>* replies, std::vector<StreamEntry>* entries) {
  for (Reply& reply : *replies) {
    if (reply.elements.size() != 2) continue;
    StreamEntry entry;
    entry.partition = partition;
    entry.id = std::move(reply.elements[0].text);
    entry.gone = reply.elements[1].type == Reply::Type::kNil;
    std::vector<Reply>& fields = reply.elements[1].elements;
    entry.fields.reserve(fields.size() / 2);
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
      entry.fields.emplace_back(std::move(fields[i].text), std::move(fields[i + 1].text));
    }
    entries->push_back(std::move(entry));
  }
}

}  // namespace

const Script& AcknowledgeScript() {
  static const Script* const kScript = new Script(kAcknowledge);
  return *kScript;
}

StreamGroup::StreamGroup(Client* client, StreamGroupOptions options)
    : client_(client),
      options_(std::move(options)),
      partitions_(options_.streams.size()),
      next_claim_(std::chrono::steady_clock::now()) {
  Reopen();
}

void StreamGroup::Reopen() {
  for (Partition& partition : partitions_) partition = {"0", kFewest, partition.has_group, true};
}

SteadyTime StreamGroup::Deadline() const {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(options_.timeout);
}

absl::Status StreamGroup::EnsureGroups() {
  std::vector<int> missing;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (!partitions_[i].has_group) missing.push_back(static_cast<int>(i));
  }
  ManyCalls calls;
  for (const int i : missing) {
    client_->Call(stream(i), {"XGROUP", "CREATE", stream(i), options_.group, "0", "MKSTREAM"},
                  Deadline(), calls.Next());
  }
  absl::Status first;
  for (size_t i = 0; i < missing.size(); ++i) {
    const absl::Status made = calls.Get(i).status();
    const bool exists = absl::StrContains(made.message(), "BUSYGROUP");
    if (made.ok() || exists) {
      partitions_[missing[i]].has_group = true;
    } else {
      first.Update(made);
    }
  }
  return first;
}

absl::StatusOr<StreamRead> StreamGroup::Read(int most) {
  QP_RETURN_IF_ERROR(EnsureGroups());
  StreamRead read;
  absl::Status status;
  bool own = true;
  // Where there is nothing left of its own, what is new comes in the same round.
  while (own && read.entries.empty() && status.ok()) {
    own = std::any_of(partitions_.begin(), partitions_.end(),
                      [](const Partition& one) { return one.from != kNew; });
    status = ReadPartitions(most, &read);
  }
  // What was handed out by the calls that did succeed must not be lost from sight.
  if (!status.ok()) {
    Reopen();
    return status;
  }
  if (std::chrono::steady_clock::now() >= next_claim_) {
    const absl::StatusOr<bool> more = ClaimAbandoned(most, &read);
    if (!more.ok()) {
      Reopen();
      return more.status();
    }
    if (*more) {
      read.more = true;
    } else {
      next_claim_ = std::chrono::steady_clock::now() +
                    absl::ToChronoNanoseconds(options_.abandoned_after / 3);
    }
  }
  return read;
}

std::vector<StreamGroup::Ask> StreamGroup::Shares(int most) {
  ++round_;
  std::vector<Ask> asked;
  int64_t wanted = 0;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const auto partition = static_cast<int>(i);
    if (!partitions_[i].lively && (partition + round_) % options_.quiet_rounds != 0) continue;
    asked.push_back({partition, partitions_[i].count});
    wanted += partitions_[i].count;
  }
  if (wanted <= most) return asked;
  for (Ask& ask : asked) {
    ask.count = std::max(kFewest, static_cast<int>(int64_t{ask.count} * most / wanted));
  }
  return asked;
}

absl::Status StreamGroup::ReadPartitions(int most, StreamRead* read) {
  const std::vector<Ask> asked = Shares(most);
  ManyCalls calls;
  for (const Ask& ask : asked) {
    const std::string& name = stream(ask.partition);
    const std::string count = std::to_string(ask.count);
    client_->Call(name,
                  {"XREADGROUP", "GROUP", options_.group, options_.reader, "COUNT", count,
                   "STREAMS", name, partitions_[ask.partition].from},
                  Deadline(), calls.Next());
  }
  absl::Status first;
  for (size_t call = 0; call < asked.size(); ++call) {
    const int i = asked[call].partition;
    Partition& partition = partitions_[i];
    absl::StatusOr<Reply> reply = calls.Get(call);
    if (!reply.ok()) {
      // A store that was emptied has no groups: the next round makes them.
      if (absl::StrContains(reply.status().message(), "NOGROUP")) {
        partition.has_group = false;
      } else {
        first.Update(reply.status());
      }
      continue;
    }
    // nil, or [[stream, messages]].
    std::vector<Reply> none;
    std::vector<Reply>* found = &none;
    if (!reply->elements.empty() && reply->elements[0].elements.size() == 2) {
      found = &reply->elements[0].elements[1].elements;
    }
    const auto size = static_cast<int>(found->size());
    partition.lively = size > 0 || partition.from != kNew;
    if (partition.from != kNew) {
      partition.from = size == 0 || found->back().elements.empty() ? std::string(kNew)
                                                                   : found->back().elements[0].text;
    }
    if (size >= asked[call].count) {
      partition.count = std::min(2 * partition.count, most);
      read->more = true;
    } else if (size < asked[call].count / 4) {
      partition.count = std::max(partition.count / 2, kFewest);
    }
    // Of its own from before there may be fewer than was asked for, and new ones behind them.
    if (partition.from != kNew) read->more = true;
    AddEntries(i, found, &read->entries);
  }
  return first;
}

absl::StatusOr<bool> StreamGroup::ClaimAbandoned(int most, StreamRead* read) {
  ManyCalls calls;
  const std::string idle = std::to_string(absl::ToInt64Milliseconds(options_.abandoned_after));
  const auto partitions = static_cast<int>(partitions_.size());
  const auto at_once = static_cast<size_t>(std::max(most / partitions, kFewest));
  const std::string count = std::to_string(at_once);
  for (int i = 0; i < partitions; ++i) {
    client_->Call(
        stream(i),
        {"XAUTOCLAIM", stream(i), options_.group, options_.reader, idle, "0-0", "COUNT", count},
        Deadline(), calls.Next());
  }
  absl::Status first;
  bool more = false;
  for (int i = 0; i < partitions; ++i) {
    absl::StatusOr<Reply> reply = calls.Get(i);
    if (!reply.ok()) {
      first.Update(reply.status());
      continue;
    }
    // [where to go on, messages, ids that are gone].
    if (reply->elements.size() < 2) continue;
    std::vector<Reply>& found = reply->elements[1].elements;
    more = more || found.size() >= at_once;
    AddEntries(i, &found, &read->entries);
  }
  QP_RETURN_IF_ERROR(first);
  return more;
}

absl::Status StreamGroup::AcknowledgeIds(std::vector<std::vector<std::string_view>> ids) {
  ManyCalls calls;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i].empty()) continue;
    std::vector<std::string_view>& arguments = ids[i];
    arguments.insert(arguments.begin(), options_.group);
    client_->RunScript(AcknowledgeScript(), {options_.streams[i]}, arguments, Deadline(),
                       calls.Next());
  }
  absl::Status first;
  for (size_t i = 0; i < calls.size(); ++i) first.Update(calls.Get(i).status());
  return first;
}

}  // namespace quotaplane::redis
