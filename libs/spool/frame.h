// How records lie in a segment file: frames, one after another, and nothing else.
//
//   position       8 bytes, little endian   ascending by one from frame to frame
//   length         4 bytes                  of the record
//   header check   4 bytes                  of the other 20 bytes of this header
//   record check   8 bytes                  of the record
//   record
//
// Two checks instead of one: while a header holds, its length may be trusted, so that a damaged
// record costs itself and never its neighbours; where a header does not hold, the reader looks for
// the next whole frame, byte by byte. The positions say how many records are missing in between.
// The checks are BLAKE2b (libs/base/hash.h), which is at hand here and leaves no collision to
// chance where a CRC would: what a scan over broken bytes finds has been written by us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace quotaplane::spool {

inline constexpr size_t kHeaderBytes = 24;
inline constexpr uint64_t kNoFence = std::numeric_limits<uint64_t>::max();

inline int64_t FrameBytes(std::string_view record) {
  return static_cast<int64_t>(kHeaderBytes + record.size());
}

// Appends the frame of `record` (at most 4 GiB) to `out`.
void AppendFrame(uint64_t position, std::string_view record, std::string& out);

// Reads a segment's bytes, or their rest from the start of some frame on, whatever has happened to
// them.
class SegmentScanner {
 public:
  enum class Kind {
    kRecord,   // `record` at `position`
    kDamaged,  // `lost` records from `position` on were in bytes [offset, offset + length); length
               // may be 0
    kTorn,     // from `offset` on there is the beginning of one append, which was cut off before it
               // was flushed
    kEnd,      // nothing that counts from `offset` on
  };
  struct Item {
    Kind kind = Kind::kEnd;
    size_t offset = 0;
    size_t length = 0;  // of the frame, or of the damaged bytes
    uint64_t position = 0;
    uint64_t lost = 0;
    std::string_view record = {};  // within the bytes given
  };

  // `first`: the position of the first frame. `fence`: the first position that is not in these
  // bytes any more (frames from there on are void: their append was reported as failed and done
  // again elsewhere), or kNoFence where only the bytes can tell. `bytes` must outlive the scanner.
  SegmentScanner(std::string_view bytes, uint64_t first, uint64_t fence);

  // The next item, ascending; after kTorn and kEnd always kEnd.
  Item Next();

 private:
  struct Frame;
  enum class Found { kWhole, kBadRecord, kShort, kNothing };
  Found Parse(size_t offset, Frame& frame) const;
  Item Damaged(size_t end, uint64_t next_position);
  Item Broken();
  Item End();

  std::string_view bytes_;
  size_t offset_ = 0;
  uint64_t expected_;
  uint64_t fence_;
};

}  // namespace quotaplane::spool
