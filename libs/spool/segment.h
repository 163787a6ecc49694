// Segment files: their names, and the one being written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/spool/file_ops.h"

namespace quotaplane::spool {

// What is durable of one segment file.
struct Segment {
  uint64_t first = 0;  // the position of its first record, and its name
  uint64_t last = 0;   // of its last whole record
  int64_t end = 0;     // the byte after that
};

// DIR/NNNNNNNNNNNNNNNN.spool: `first` in 16 digits, so that names sort like positions.
std::string SegmentPath(const std::string& dir, uint64_t first);
// `first` out of a file name; nullopt for any other file.
std::optional<uint64_t> ParseSegmentName(std::string_view name);

// The end of the queue. Used by one thread.
//
// A write that fails (a full disk) is taken back by truncation and may be tried again. A flush that
// fails may not: the kernel then counts the pages as clean, and the next flush of that file reports
// a success that never was. So the file is given up, with what had been flushed before, and a new
// segment begins at the next position: it voids whatever the old one holds from there on.
class SegmentWriter {
 public:
  // A new file, durable under its name. One of the same name, left by a segment that was given up
  // with nothing in it, is removed.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(FileOps& ops, const std::string& dir,
                                                               uint64_t first);

  // OK: `frames` is durable. Otherwise nothing of it counts, and if given_up(), nothing more can be
  // appended here.
  absl::Status Append(std::string_view frames);

  bool given_up() const { return given_up_; }
  uint64_t first() const { return first_; }
  int64_t size() const { return size_; }  // durable
  const std::string& path() const { return path_; }

 private:
  SegmentWriter(FileOps& ops, std::string path, uint64_t first, int fd)
      : ops_(ops), path_(std::move(path)), first_(first), file_(fd) {}
  void TakeBack();

  FileOps& ops_;
  const std::string path_;
  const uint64_t first_;
  const File file_;
  int64_t size_ = 0;
  bool given_up_ = false;
};

}  // namespace quotaplane::spool
