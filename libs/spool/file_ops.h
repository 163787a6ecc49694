// What the spool asks of the disk. One class, so that a test can make any single step fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quotaplane::spool {

// Stands for bytes that cannot be read. Not zero: a tail of zeros is a torn append, which may be
// cut off.
inline constexpr char kRubbish = '\xee';

// The system calls, as they are: -1 and errno on failure. Thread-safe.
class FileOps {
 public:
  virtual ~FileOps() = default;
  virtual int Open(const std::string& path, int flags, int mode);
  virtual ssize_t Write(int fd, const char* data, size_t size);
  virtual ssize_t ReadAt(int fd, char* data, size_t size, int64_t offset);
  virtual int FlushData(int fd);   // fdatasync, of a file
  virtual int FlushNames(int fd);  // fsync, of a directory
  virtual int Truncate(int fd, int64_t size);
  virtual int Rename(const std::string& from, const std::string& to);
  virtual int Unlink(const std::string& path);

  static FileOps& System();
};

// A descriptor, closed at the end of its scope.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Of errno: RESOURCE_EXHAUSTED where the disk, a quota or a size limit is exhausted; NOT_FOUND for
// ENOENT; else INTERNAL.
absl::Status ErrnoStatus(std::string_view what, const std::string& path);

// All of `data`, or an error; on error, any part of it may have been written.
absl::Status WriteAll(FileOps& ops, int fd, std::string_view data, const std::string& path);
// Bytes [begin, end) of a file, fewer where it is shorter. A block which the disk cannot give back
// (EIO) reads as rubbish, so that the records around it can still be read.
absl::StatusOr<std::string> ReadRange(FileOps& ops, const std::string& path, int64_t begin,
                                      int64_t end);
// Makes created, renamed and removed names durable.
absl::Status FlushDirectory(FileOps& ops, const std::string& dir);
// DIR/name holds `contents`, durably, or what it held before: never a mixture.
absl::Status ReplaceFile(FileOps& ops, const std::string& dir, const std::string& name,
                         std::string_view contents);

}  // namespace quotaplane::spool
