#include "tests/bench/ledger/backlog.h"

#include <hiredis/hiredis.h>

#include <array>
#include <atomic>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/counters/redis/layout.h"
#include "libs/testing/fatal.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::bench {
namespace {

constexpr int64_t kPipelined = 512;

class Redis {
 public:
  explicit Redis(const std::string& socket_path)
      : context_(redisConnectUnix(socket_path.c_str()), redisFree) {
    if (context_ == nullptr || context_->err != 0) fixtures::Fatal("no Redis at the socket");
  }

  template <size_t kCount>
  void Send(const std::array<std::string_view, kCount>& command) {
    std::array<const char*, kCount> parts;
    std::array<size_t, kCount> sizes;
    for (size_t i = 0; i < kCount; ++i) {
      parts[i] = command[i].data();
      sizes[i] = command[i].size();
    }
    redisAppendCommandArgv(context_.get(), static_cast<int>(kCount), parts.data(), sizes.data());
  }
  // The number that is the reply, if it is one.
  int64_t Receive() {
    void* raw = nullptr;
    const int code = redisGetReply(context_.get(), &raw);
    const std::unique_ptr<redisReply, void (*)(void*)> reply(static_cast<redisReply*>(raw),
                                                             freeReplyObject);
    if (code != REDIS_OK || reply->type == REDIS_REPLY_ERROR) {
      fixtures::Fatal(absl::StrCat("Redis: ", code == REDIS_OK ? reply->str : context_->errstr));
    }
    return reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
  }

 private:
  std::unique_ptr<redisContext, decltype(&redisFree)> context_;
};

std::string StreamOf(int partition) { return absl::StrCat("{p", partition, "}o"); }

// As commit.lua packs it: '<ddddB'.
std::string Packed(const Charged& charged) {
  std::string bytes;
  AppendDouble(&bytes, static_cast<double>(charged.outcome.now_us));
  AppendDouble(&bytes, static_cast<double>(charged.record.cost_nano_usd));
  AppendDouble(&bytes, static_cast<double>(charged.outcome.held_nano_usd));
  AppendDouble(&bytes, static_cast<double>(charged.outcome.overrun_tokens));
  bytes.push_back(charged.outcome.late ? 1 : 0);
  return bytes;
}

// The reply is to be received.
void Send(Redis& redis, const Charged& charged, const ChargeCodec& codec) {
  const std::string stream = StreamOf(PartitionOf(charged.record.subject.org, kDefaultPartitions));
  const std::string record = codec.Encode(charged.record);
  const std::string outcome = Packed(charged);
  redis.Send<7>({"XADD", stream, "*", "r", record, "s", outcome});
}

}  // namespace

Backlog PutBacklog(const std::string& socket_path, const Traffic& traffic, const ChargeCodec& codec,
                   int64_t charges) {
  Redis redis(socket_path);
  std::atomic<int64_t> put = 0;
  const terminal::Progress progress([&] {
    return absl::StrCat("filling the outbox: ", terminal::FormatCount(put), " of ",
                        terminal::FormatCount(charges), " charges");
  });
  Backlog backlog;
  int64_t unanswered = 0;
  for (int64_t i = 0; i < charges; ++i) {
    const Charged charged = traffic.At(i);
    Send(redis, charged, codec);
    ++backlog.charges;
    backlog.entries += static_cast<int64_t>(charged.record.lines.size());
    backlog.cost_nano_usd += charged.record.cost_nano_usd;
    if (++unanswered < kPipelined && i + 1 < charges) continue;
    for (; unanswered > 0; --unanswered) redis.Receive();
    put = i + 1;
  }
  return backlog;
}

void PutCharges(const std::string& socket_path, const Traffic& traffic, const ChargeCodec& codec,
                int64_t first, int64_t count) {
  Redis redis(socket_path);
  for (int64_t i = first; i < first + count; ++i) {
    Send(redis, traffic.At(i), codec);
    redis.Receive();
  }
}

int64_t Waiting(const std::string& socket_path) {
  Redis redis(socket_path);
  for (int i = 0; i < kDefaultPartitions; ++i) {
    redis.Send<2>({"XLEN", StreamOf(i)});
  }
  int64_t sum = 0;
  for (int i = 0; i < kDefaultPartitions; ++i) sum += redis.Receive();
  return sum;
}

}  // namespace quotaplane::bench
