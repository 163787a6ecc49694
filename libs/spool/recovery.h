// From a directory, whatever has happened to it, to a queue.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "libs/spool/file_ops.h"
#include "libs/spool/quarantine.h"
#include "libs/spool/segment.h"

namespace quotaplane::spool {

struct Recovered {
  std::map<uint64_t, Segment>
      segments;  // by first; each holds at least one record that is not acknowledged
  uint64_t acknowledged = 0;
  uint64_t last = 0;    // the highest position given out; the next append gets the one after it
  int64_t records = 0;  // not acknowledged
  int64_t bytes = 0;    // of those, with framing
  int64_t damaged_records = 0;  // found now
};

// Reads every segment: cuts torn tails, puts damage into `quarantine`, removes what is
// acknowledged, flushes what is left. Run under the directory's lock. Errors are those of a disk
// that does not work.
absl::StatusOr<Recovered> Recover(FileOps& ops, const std::string& dir, Quarantine& quarantine);

}  // namespace quotaplane::spool
