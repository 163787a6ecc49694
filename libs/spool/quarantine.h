// Where damaged bytes go: copied to DIR/damaged-SEGMENT-OFFSET-DIGEST.bin for whoever wants to
// look, and counted once, however often they are come across.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "libs/spool/file_ops.h"

namespace quotaplane::spool {

// Used by one thread at a time.
class Quarantine {
 public:
  static constexpr int64_t kMaxBytes =
      64 << 20;  // of all files; beyond it, damage is only logged and counted

  Quarantine(FileOps& ops, std::string dir);

  // `bytes`, at `offset` of the segment `first`, held `lost` records. True if nobody has reported
  // this before, in this process or an earlier one.
  bool Add(uint64_t first, int64_t offset, std::string_view bytes, uint64_t lost);

 private:
  FileOps& ops_;
  const std::string dir_;
  int64_t bytes_ = 0;
  std::set<std::pair<uint64_t, int64_t>> known_;
};

}  // namespace quotaplane::spool
