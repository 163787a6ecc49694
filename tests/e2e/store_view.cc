#include "tests/e2e/store_view.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

constexpr int kPartitions = 64;

int64_t SumOverPartitions(const RedisServer& redis, const std::string& command, char kind) {
  int64_t sum = 0;
  for (int i = 0; i < kPartitions; ++i) {
    const RespReply reply =
        redis.Command({command, absl::StrCat("{p", i, "}", std::string(1, kind))});
    if (reply.is_error()) Fatal(reply.text);
    sum += reply.integer;
  }
  return sum;
}

}  // namespace

RedisOptions DurableRedis() {
  RedisOptions options;
  options.append_only = true;
  options.config = {"appendfsync no"};
  return options;
}

int64_t OutboxLength(const RedisServer& redis) {
  int64_t charges = 0;
  for (int i = 0; i < kPartitions; ++i) {
    const RespReply stream = redis.Command({"XRANGE", absl::StrCat("{p", i, "}o"), "-", "+"});
    if (stream.is_error()) Fatal(stream.text);
    for (const RespReply& message : stream.elements) {
      // Refusals have no outcome.
      if (message.elements.at(1).elements.size() == 4) ++charges;
    }
  }
  return charges;
}

int64_t OpenReservations(const RedisServer& redis) {
  return SumOverPartitions(redis, "ZCARD", 'x');
}

int64_t RedisNowUs(const RedisServer& redis) {
  const RespReply time = redis.Command({"TIME"});
  int64_t seconds = 0, micros = 0;
  if (time.elements.size() != 2 || !absl::SimpleAtoi(time.elements[0].text, &seconds) ||
      !absl::SimpleAtoi(time.elements[1].text, &micros)) {
    Fatal("TIME says " + time.DebugString());
  }
  return seconds * 1'000'000 + micros;
}

std::string CalmTimeZone() {
  const int hour = absl::UTCTimeZone().At(absl::Now()).cs.hour();
  return hour >= 1 && hour < 23 ? "UTC" : "Asia/Tokyo";
}

}  // namespace quotaplane::fixtures
