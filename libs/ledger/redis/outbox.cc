#include "libs/ledger/redis/outbox.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/replies.h"
#include "libs/ledger/redis/outbox_scripts.h"
#include "libs/redis/many_calls.h"

namespace quotaplane {
namespace {

// The store is not kept busy with partitions that have nothing to say: each is asked about once in
// 0.8 s (LedgerWorkerOptions::pause).
constexpr int kQuietRounds = 4;

redis::StreamGroupOptions GroupOptions(RedisOutboxOptions options) {
  redis::StreamGroupOptions group;
  for (int i = 0; i < options.partitions; ++i) {
    group.streams.push_back(absl::StrCat("{p", i, "}o"));
  }
  group.group = "ledger";
  group.reader = std::move(options.reader);
  group.abandoned_after = options.abandoned_after;
  group.quiet_rounds = kQuietRounds;
  group.timeout = options.timeout;
  return group;
}

std::optional<Settlement> SettlementOf(const std::string& outcome) {
  ReplyReader reader(outcome);
  CommitResult result;
  ReadOutcome(&reader, &result);
  if (!reader.ok() || !reader.rest().empty()) return std::nullopt;
  return Settlement{result.now_us, result.held_nano_usd, result.overrun_nano_usd, result.late,
                    result.unreserved};
}

Outbox::Message MessageOf(redis::StreamEntry entry) {
  Outbox::Message message;
  message.partition = entry.partition;
  message.id = std::move(entry.id);
  message.gone = entry.gone;
  for (auto& [name, value] : entry.fields) {
    if (name == "s") {
      message.settlement = SettlementOf(value);
    } else if (name == "r") {
      message.record = std::move(value);
    }
  }
  return message;
}

}  // namespace

RedisOutbox::RedisOutbox(redis::Client* client, RedisOutboxOptions options)
    : client_(client), group_(client, GroupOptions(std::move(options))) {}

absl::StatusOr<Outbox::Batch> RedisOutbox::Read(int most) {
  QP_ASSIGN_OR_RETURN(redis::StreamRead read, group_.Read(most));
  Batch batch{.messages = {}, .more = read.more};
  batch.messages.reserve(read.entries.size());
  for (redis::StreamEntry& entry : read.entries) {
    batch.messages.push_back(MessageOf(std::move(entry)));
  }
  return batch;
}

absl::Status RedisOutbox::Acknowledge(std::span<const Message> messages) {
  return group_.Acknowledge(messages);
}

absl::Status RedisOutbox::Quarantine(const Message& message, std::string_view why) {
  const std::string aside = absl::StrCat("{p", message.partition, "}q");
  redis::ManyCalls calls;
  client_->RunScript(GetOutboxScripts().quarantine, {group_.stream(message.partition), aside},
                     {message.id, why}, group_.Deadline(), calls.Next());
  return calls.Get(0).status();
}

}  // namespace quotaplane
