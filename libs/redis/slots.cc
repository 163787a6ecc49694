#include "libs/redis/slots.h"

#include <array>
#include <cstdint>

namespace quotaplane::redis {
namespace {

constexpr uint16_t kPolynomial = 0x1021;

constexpr std::array<uint16_t, 256> kCrcTable = [] {
  std::array<uint16_t, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    uint16_t crc = static_cast<uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ kPolynomial : crc << 1);
    }
    table[byte] = crc;
  }
  return table;
}();

bool IsMaster(const Reply& node) {
  return node.type == Reply::Type::kArray && node.elements.size() >= 2 &&
         node.elements[1].type == Reply::Type::kInteger && node.elements[1].integer > 0 &&
         node.elements[1].integer <= 65535;
}

}  // namespace

int KeySlot(std::string_view key) {
  const size_t open = key.find('{');
  if (open != key.npos) {
    const size_t close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  uint16_t crc = 0;
  for (unsigned char c : key) crc = static_cast<uint16_t>((crc << 8) ^ kCrcTable[(crc >> 8) ^ c]);
  return crc % kSlots;
}

absl::StatusOr<std::vector<SlotRange>> ParseClusterSlots(const Reply& reply,
                                                         const Endpoint& asked) {
  const absl::Status malformed = absl::InternalError("CLUSTER SLOTS answered something else");
  if (reply.type != Reply::Type::kArray) return malformed;
  std::vector<SlotRange> ranges;
  for (const Reply& entry : reply.elements) {
    if (entry.elements.size() < 3 || !IsMaster(entry.elements[2])) return malformed;
    SlotRange range;
    const int64_t first = entry.elements[0].integer;
    const int64_t last = entry.elements[1].integer;
    if (first < 0 || last < first || last >= kSlots) return malformed;
    range.first = static_cast<int>(first);
    range.last = static_cast<int>(last);
    const Reply& host = entry.elements[2].elements[0];
    // Redis answers nil, "" or "?" where it knows no endpoint: the one that was asked is reachable.
    const bool unknown = host.type != Reply::Type::kString || host.text.empty() || host.text == "?";
    range.master.host = unknown ? asked.host : host.text;
    range.master.port = static_cast<int>(entry.elements[2].elements[1].integer);
    ranges.push_back(std::move(range));
  }
  return ranges;
}

}  // namespace quotaplane::redis
