#include "libs/spool/frame.h"

#include <bit>
#include <cstring>
#include <utility>

#include "libs/base/hash.h"

namespace quotaplane::spool {
namespace {

static_assert(std::endian::native == std::endian::little, "frames are written in memory order");

constexpr size_t kLengthAt = 8;
constexpr size_t kHeaderCheckAt = 12;
constexpr size_t kRecordCheckAt = 16;

template <typename T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

uint32_t HeaderCheck(const char* header) {
  char covered[kHeaderBytes - sizeof(uint32_t)];
  std::memcpy(covered, header, kHeaderCheckAt);
  std::memcpy(covered + kHeaderCheckAt, header + kRecordCheckAt, kHeaderBytes - kRecordCheckAt);
  return static_cast<uint32_t>(HashOf({covered, sizeof(covered)}).low64());
}

}  // namespace

struct SegmentScanner::Frame {
  uint64_t position = 0;
  std::string_view record;
  size_t end = 0;
};

void AppendFrame(uint64_t position, std::string_view record, std::string& out) {
  char header[kHeaderBytes];
  const auto length = static_cast<uint32_t>(record.size());
  const uint64_t record_check = HashOf(record).low64();
  std::memcpy(header, &position, sizeof(position));
  std::memcpy(header + kLengthAt, &length, sizeof(length));
  std::memcpy(header + kRecordCheckAt, &record_check, sizeof(record_check));
  const uint32_t header_check = HeaderCheck(header);
  std::memcpy(header + kHeaderCheckAt, &header_check, sizeof(header_check));
  out.append(header, sizeof(header));
  out.append(record);
}

SegmentScanner::SegmentScanner(std::string_view bytes, uint64_t first, uint64_t fence)
    : bytes_(bytes), expected_(first), fence_(fence) {}

SegmentScanner::Found SegmentScanner::Parse(size_t offset, Frame& frame) const {
  const size_t left = bytes_.size() - offset;
  if (left < kHeaderBytes) return Found::kNothing;
  const char* const header = bytes_.data() + offset;
  frame.position = Load<uint64_t>(header);
  // Cheap, and enough to keep a scan over rubbish from computing a check at every byte.
  const uint64_t most = fence_ != kNoFence ? fence_ - 1 : expected_ + bytes_.size() / kHeaderBytes;
  if (frame.position < expected_ || frame.position > most) return Found::kNothing;
  if (HeaderCheck(header) != Load<uint32_t>(header + kHeaderCheckAt)) return Found::kNothing;
  const auto length = Load<uint32_t>(header + kLengthAt);
  if (length > left - kHeaderBytes) return Found::kShort;
  frame.record = bytes_.substr(offset + kHeaderBytes, length);
  frame.end = offset + kHeaderBytes + length;
  const bool whole = HashOf(frame.record).low64() == Load<uint64_t>(header + kRecordCheckAt);
  return whole ? Found::kWhole : Found::kBadRecord;
}

SegmentScanner::Item SegmentScanner::Next() {
  Frame frame;
  const Found found = offset_ < bytes_.size() ? Parse(offset_, frame) : Found::kNothing;
  if (offset_ >= bytes_.size() || expected_ >= fence_) return End();
  if (found == Found::kNothing) return Broken();
  if (frame.position > expected_) return Damaged(offset_, frame.position);
  if (found == Found::kBadRecord) return Damaged(frame.end, frame.position + 1);
  if (found == Found::kShort) {
    if (fence_ != kNoFence) return End();
    return {.kind = Kind::kTorn,
            .offset = std::exchange(offset_, bytes_.size()),
            .position = expected_};
  }
  Item item = {.kind = Kind::kRecord,
               .offset = offset_,
               .length = frame.end - offset_,
               .position = frame.position,
               .lost = 0,
               .record = frame.record};
  offset_ = frame.end;
  ++expected_;
  return item;
}

SegmentScanner::Item SegmentScanner::Damaged(size_t end, uint64_t next_position) {
  const Item item = {.kind = Kind::kDamaged,
                     .offset = offset_,
                     .length = end - offset_,
                     .position = expected_,
                     .lost = next_position - expected_,
                     .record = {}};
  offset_ = end;
  expected_ = next_position;
  return item;
}

// No header at offset_: up to the next whole frame, everything is damage.
SegmentScanner::Item SegmentScanner::Broken() {
  Frame frame;
  for (size_t at = offset_ + 1; at + kHeaderBytes <= bytes_.size(); ++at) {
    if (Parse(at, frame) == Found::kWhole) return Damaged(at, frame.position);
  }
  if (fence_ != kNoFence) return End();
  const std::string_view rest = bytes_.substr(offset_);
  const bool zeros = rest.find_first_not_of('\0') == std::string_view::npos;
  if (rest.size() < kHeaderBytes || zeros) {  // zeros: the size was flushed, the data was not
    return {.kind = Kind::kTorn,
            .offset = std::exchange(offset_, bytes_.size()),
            .position = expected_};
  }
  return Damaged(bytes_.size(), expected_ + 1);  // one at least
}

SegmentScanner::Item SegmentScanner::End() {
  if (fence_ != kNoFence && expected_ < fence_) return Damaged(bytes_.size(), fence_);
  return {
      .kind = Kind::kEnd, .offset = std::exchange(offset_, bytes_.size()), .position = expected_};
}

}  // namespace quotaplane::spool
