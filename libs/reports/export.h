// The ledger's entries as a file, in chunks: whatever their number, only a chunk is in memory.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "libs/reports/entry.h"
#include "libs/reports/query.h"
#include "libs/sql/database.h"

namespace quotaplane::reports {

inline constexpr size_t kChunkBytes = 64 * 1024;

struct ExportChunk {
  std::string data;  // whole lines
  // So far.
  int64_t entries = 0;
  int64_t cost_nano_usd = 0;
  int64_t position_us = 0;  // of the last entry
  bool last = false;
};

// An error ends the export and is what ExportEntries returns.
using ChunkSink = absl::FunctionRef<absl::Status(const ExportChunk& chunk)>;

// The selected entries of one snapshot, in the order of time, each charge's lines together. Chunks
// are about kChunkBytes; the last one says so, and may be empty. OUT_OF_RANGE: the costs do not fit
// into a sum; or, with reason DATA_DROPPED, retention has dropped a part (kept.h). Others are the
// database's.
absl::Status ExportEntries(sql::Database& ledger, const Selection& selection, EntryWriter* writer,
                           ChunkSink sink);

}  // namespace quotaplane::reports
