#include "libs/ledger/redis/outbox_depth.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/redis/many_calls.h"

namespace quotaplane {
namespace {

constexpr size_t kPerPartition = 3;

// The time in "milliseconds-sequence" of the first message; 0 where there is none.
int64_t FirstMessageUs(const redis::Reply& range) {
  if (range.elements.empty() || range.elements[0].elements.empty()) return 0;
  const std::string& id = range.elements[0].elements[0].text;
  int64_t milliseconds = 0;
  if (!absl::SimpleAtoi(id.substr(0, id.find('-')), &milliseconds)) return 0;
  return milliseconds * 1'000;
}

int64_t TimeUs(const redis::Reply& time) {
  int64_t seconds = 0, micros = 0;
  if (time.elements.size() != 2 || !absl::SimpleAtoi(time.elements[0].text, &seconds) ||
      !absl::SimpleAtoi(time.elements[1].text, &micros)) {
    return 0;
  }
  return seconds * 1'000'000 + micros;
}

}  // namespace

absl::StatusOr<OutboxDepth> ReadOutboxDepth(redis::Client& client, int partitions,
                                            absl::Duration timeout) {
  const redis::SteadyTime deadline =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  redis::ManyCalls calls;
  for (int i = 0; i < partitions; ++i) {
    const std::string outbox = absl::StrCat("{p", i, "}o");
    const std::string aside = absl::StrCat("{p", i, "}q");
    client.Call(outbox, {"XLEN", outbox}, deadline, calls.Next());
    client.Call(outbox, {"XRANGE", outbox, "-", "+", "COUNT", "1"}, deadline, calls.Next());
    client.Call(aside, {"XLEN", aside}, deadline, calls.Next());
  }
  client.Call("{p0}o", {"TIME"}, deadline, calls.Next());
  QP_ASSIGN_OR_RETURN(const std::vector<redis::Reply> replies, calls.GetAll());
  OutboxDepth depth;
  int64_t oldest_us = 0;
  for (size_t i = 0; i + kPerPartition < replies.size(); i += kPerPartition) {
    depth.messages += replies[i].integer;
    const int64_t first_us = FirstMessageUs(replies[i + 1]);
    if (first_us != 0) oldest_us = oldest_us == 0 ? first_us : std::min(oldest_us, first_us);
    depth.quarantined += replies[i + 2].integer;
  }
  if (oldest_us != 0) {
    depth.oldest_age_us = std::max<int64_t>(TimeUs(replies.back()) - oldest_us, 0);
  }
  return depth;
}

}  // namespace quotaplane
