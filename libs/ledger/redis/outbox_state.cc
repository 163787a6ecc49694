#include "libs/ledger/redis/outbox_state.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/availability.h"
#include "libs/counters/redis/layout.h"

namespace quotaplane {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr char kAsideAtOnce[] = "200";

// "milliseconds-sequence"; anything else sorts first.
std::pair<uint64_t, uint64_t> OrderOf(const std::string& id) {
  const std::vector<std::string> parts = absl::StrSplit(id, '-');
  std::pair<uint64_t, uint64_t> order = {0, 0};
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &order.first) ||
      !absl::SimpleAtoi(parts[1], &order.second)) {
    return {0, 0};
  }
  return order;
}

}  // namespace

std::string RedisOutboxState::StreamOf(std::string_view org) const {
  return absl::StrCat("{p", PartitionOf(org, partitions_), "}o");
}

bool RedisOutboxState::Available() const { return EveryPartitionAvailable(*client_, partitions_); }

absl::StatusOr<std::string> RedisOutboxState::Mark(std::string_view org) {
  const std::string stream = StreamOf(org);
  const absl::StatusOr<redis::Reply> info =
      redis::CallAndWait(*client_, stream, {"XINFO", "STREAM", stream}, kTimeout);
  // No stream: nothing was ever charged.
  if (absl::StrContains(info.status().message(), "no such key")) return std::string("0-0");
  QP_RETURN_IF_ERROR(info.status());
  for (size_t i = 0; i + 1 < info->elements.size(); i += 2) {
    if (info->elements[i].text == "last-generated-id") return info->elements[i + 1].text;
  }
  return absl::InternalError("XINFO STREAM without last-generated-id");
}

absl::StatusOr<bool> RedisOutboxState::EmptiedTo(std::string_view org, const std::string& mark) {
  const std::string stream = StreamOf(org);
  QP_ASSIGN_OR_RETURN(
      const redis::Reply first,
      redis::CallAndWait(*client_, stream, {"XRANGE", stream, "-", "+", "COUNT", "1"}, kTimeout));
  if (first.elements.empty() || first.elements[0].elements.empty()) return true;
  return OrderOf(first.elements[0].elements[0].text) > OrderOf(mark);
}

absl::Status RedisOutboxState::ForEachQuarantined(
    std::string_view org, absl::FunctionRef<void(std::string_view record)> callback) {
  const std::string stream = absl::StrCat("{p", PartitionOf(org, partitions_), "}q");
  std::string from = "-";
  for (;;) {
    QP_ASSIGN_OR_RETURN(
        const redis::Reply page,
        redis::CallAndWait(*client_, stream, {"XRANGE", stream, from, "+", "COUNT", kAsideAtOnce},
                           kTimeout));
    if (page.elements.empty()) return absl::OkStatus();
    for (const redis::Reply& message : page.elements) {
      if (message.elements.size() != 2) return absl::InternalError("a malformed reply to XRANGE");
      from = "(" + message.elements[0].text;
      const std::vector<redis::Reply>& fields = message.elements[1].elements;
      for (size_t i = 0; i + 1 < fields.size(); i += 2) {
        if (fields[i].text == "r") callback(fields[i + 1].text);
      }
    }
  }
}

}  // namespace quotaplane
