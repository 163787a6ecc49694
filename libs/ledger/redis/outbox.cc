#include "libs/ledger/redis/outbox.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/replies.h"
#include "libs/ledger/redis/many_calls.h"
#include "libs/ledger/redis/outbox_scripts.h"

namespace quotaplane {
namespace {

constexpr char kGroup[] = "ledger";
constexpr char kNew[] = ">";
constexpr int kFewest = 32;
constexpr int kQuietRounds = 16;

using redis::Reply;

std::optional<Settlement> SettlementOf(const std::string& outcome) {
  ReplyReader reader(outcome);
  CommitResult result;
  ReadOutcome(&reader, &result);
  if (!reader.ok() || !reader.rest().empty()) return std::nullopt;
  return Settlement{result.now_us, result.held_nano_usd, result.overrun_nano_usd, result.late,
                    result.unreserved};
}

// [id, [field, value, …]]; nil instead of the fields where the message was deleted meanwhile.
Outbox::Message MessageOf(int partition, Reply* reply) {
  Outbox::Message message;
  message.partition = partition;
  if (reply->elements.size() != 2) return message;
  message.id = std::move(reply->elements[0].text);
  message.gone = reply->elements[1].type == Reply::Type::kNil;
  std::vector<Reply>& fields = reply->elements[1].elements;
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text == "r") message.record = std::move(fields[i + 1].text);
    if (fields[i].text == "s") message.settlement = SettlementOf(fields[i + 1].text);
  }
  return message;
}

void AddMessages(int partition, std::vector<Reply>* replies, std::vector<Outbox::Message>* all) {
  for (Reply& reply : *replies) all->push_back(MessageOf(partition, &reply));
}

}  // namespace

RedisOutbox::RedisOutbox(redis::Client* client, RedisOutboxOptions options)
    : client_(client),
      options_(std::move(options)),
      partitions_(options_.partitions),
      next_claim_(std::chrono::steady_clock::now()) {
  Reopen();
}

void RedisOutbox::Reopen() {
  for (Partition& partition : partitions_) partition = {"0", kFewest, partition.has_group, true};
}

redis::SteadyTime RedisOutbox::Deadline() const {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(options_.timeout);
}

std::string RedisOutbox::StreamOf(int partition) const {
  return absl::StrCat("{p", partition, "}o");
}

absl::Status RedisOutbox::EnsureGroups() {
  std::vector<int> missing;
  for (int i = 0; i < options_.partitions; ++i) {
    if (!partitions_[i].has_group) missing.push_back(i);
  }
  ManyCalls calls;
  for (const int i : missing) {
    const std::string stream = StreamOf(i);
    client_->Call(stream, {"XGROUP", "CREATE", stream, kGroup, "0", "MKSTREAM"}, Deadline(),
                  calls.Next());
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

absl::StatusOr<std::vector<Outbox::Message>> RedisOutbox::Read(int most) {
  QP_RETURN_IF_ERROR(EnsureGroups());
  std::vector<Message> messages;
  const absl::Status read = ReadPartitions(most, &messages);
  // What was handed out by the calls that did succeed must not be lost from sight.
  if (!read.ok()) {
    Reopen();
    return read;
  }
  if (std::chrono::steady_clock::now() >= next_claim_) {
    QP_ASSIGN_OR_RETURN(const bool more, ClaimAbandoned(most, &messages));
    if (!more) {
      next_claim_ = std::chrono::steady_clock::now() +
                    absl::ToChronoNanoseconds(options_.abandoned_after / 3);
    }
  }
  return messages;
}

std::vector<RedisOutbox::Ask> RedisOutbox::Shares(int most) {
  ++round_;
  std::vector<Ask> asked;
  int64_t wanted = 0;
  for (int i = 0; i < options_.partitions; ++i) {
    if (!partitions_[i].lively && (i + round_) % kQuietRounds != 0) continue;
    asked.push_back({i, partitions_[i].count});
    wanted += partitions_[i].count;
  }
  if (wanted <= most) return asked;
  for (Ask& ask : asked) {
    ask.count = std::max(kFewest, static_cast<int>(int64_t{ask.count} * most / wanted));
  }
  return asked;
}

absl::Status RedisOutbox::ReadPartitions(int most, std::vector<Message>* messages) {
  const std::vector<Ask> asked = Shares(most);
  ManyCalls calls;
  for (const Ask& ask : asked) {
    const std::string stream = StreamOf(ask.partition);
    const std::string count = std::to_string(ask.count);
    client_->Call(stream,
                  {"XREADGROUP", "GROUP", kGroup, options_.reader, "COUNT", count, "STREAMS",
                   stream, partitions_[ask.partition].from},
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
    partition.count = size >= asked[call].count ? std::min(2 * partition.count, most)
                                                : std::max(partition.count / 2, kFewest);
    AddMessages(i, found, messages);
  }
  return first;
}

absl::StatusOr<bool> RedisOutbox::ClaimAbandoned(int most, std::vector<Message>* messages) {
  ManyCalls calls;
  const std::string idle = std::to_string(absl::ToInt64Milliseconds(options_.abandoned_after));
  const auto at_once = static_cast<size_t>(std::max(most / options_.partitions, kFewest));
  const std::string count = std::to_string(at_once);
  for (int i = 0; i < options_.partitions; ++i) {
    const std::string stream = StreamOf(i);
    client_->Call(stream,
                  {"XAUTOCLAIM", stream, kGroup, options_.reader, idle, "0-0", "COUNT", count},
                  Deadline(), calls.Next());
  }
  absl::Status first;
  bool more = false;
  for (int i = 0; i < options_.partitions; ++i) {
    absl::StatusOr<Reply> reply = calls.Get(i);
    if (!reply.ok()) {
      first.Update(reply.status());
      continue;
    }
    // [where to go on, messages, ids that are gone].
    if (reply->elements.size() < 2) continue;
    std::vector<Reply>& found = reply->elements[1].elements;
    more = more || found.size() >= at_once;
    AddMessages(i, &found, messages);
  }
  QP_RETURN_IF_ERROR(first);
  return more;
}

absl::Status RedisOutbox::Acknowledge(std::span<const Message> messages) {
  std::vector<std::vector<std::string_view>> ids(partitions_.size());
  for (const Message& message : messages) ids[message.partition].push_back(message.id);
  ManyCalls calls;
  for (int i = 0; i < options_.partitions; ++i) {
    if (ids[i].empty()) continue;
    const std::string stream = StreamOf(i);
    client_->RunScript(GetOutboxScripts().acknowledge, {stream}, ids[i], Deadline(), calls.Next());
  }
  absl::Status first;
  for (size_t i = 0; i < calls.size(); ++i) first.Update(calls.Get(i).status());
  return first;
}

absl::Status RedisOutbox::Quarantine(const Message& message, std::string_view why) {
  const std::string stream = StreamOf(message.partition);
  const std::string aside = absl::StrCat("{p", message.partition, "}q");
  ManyCalls calls;
  client_->RunScript(GetOutboxScripts().quarantine, {stream, aside}, {message.id, why}, Deadline(),
                     calls.Next());
  return calls.Get(0).status();
}

}  // namespace quotaplane
