#include "libs/spool/file_ops.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane::spool {

int FileOps::Open(const std::string& path, int flags, int mode) {
  return ::open(path.c_str(), flags | O_CLOEXEC, mode);
}

ssize_t FileOps::Write(int fd, const char* data, size_t size) { return ::write(fd, data, size); }

ssize_t FileOps::ReadAt(int fd, char* data, size_t size, int64_t offset) {
  return ::pread(fd, data, size, offset);
}

int FileOps::FlushData(int fd) { return ::fdatasync(fd); }

int FileOps::FlushNames(int fd) { return ::fsync(fd); }

int FileOps::Truncate(int fd, int64_t size) { return ::ftruncate(fd, size); }

int FileOps::Rename(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str());
}

int FileOps::Unlink(const std::string& path) { return ::unlink(path.c_str()); }

FileOps& FileOps::System() {
  static auto* ops = new FileOps;
  return *ops;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status ErrnoStatus(std::string_view what, const std::string& path) {
  const int error = errno;
  const std::string message =
      absl::StrCat(std::string(what), " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
      return absl::NotFoundError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::Status WriteAll(FileOps& ops, int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t n = ops.Write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ErrnoStatus("cannot write", path);
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadRange(FileOps& ops, const std::string& path, int64_t begin,
                                      int64_t end) {
  constexpr size_t kBlock = 4096;
  const File file(ops.Open(path, O_RDONLY, 0));
  if (!file.ok()) return ErrnoStatus("cannot open", path);
  std::string bytes(static_cast<size_t>(end - begin), kRubbish);
  size_t done = 0;
  size_t step = bytes.size();
  while (done < bytes.size()) {
    const size_t size = std::min(step, bytes.size() - done);
    const ssize_t n =
        ops.ReadAt(file.fd(), bytes.data() + done, size, begin + static_cast<int64_t>(done));
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n == 0) {
      bytes.resize(done);
    } else if (errno == EIO && step > kBlock) {
      step = kBlock;  // smaller steps, to lose no more than the block
    } else if (errno == EIO) {
      done += size;
    } else if (errno != EINTR) {
      return ErrnoStatus("cannot read", path);
    }
  }
  return bytes;
}

absl::Status FlushDirectory(FileOps& ops, const std::string& dir) {
  const File file(ops.Open(dir, O_RDONLY | O_DIRECTORY, 0));
  if (!file.ok() || ops.FlushNames(file.fd()) != 0) return ErrnoStatus("cannot flush", dir);
  return absl::OkStatus();
}

absl::Status ReplaceFile(FileOps& ops, const std::string& dir, const std::string& name,
                         std::string_view contents) {
  const std::string path = absl::StrCat(dir, "/", name);
  const std::string draft = path + ".new";
  {
    const File file(ops.Open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (!file.ok()) return ErrnoStatus("cannot create", draft);
    QP_RETURN_IF_ERROR(WriteAll(ops, file.fd(), contents, draft));
    if (ops.FlushData(file.fd()) != 0) return ErrnoStatus("cannot flush", draft);
  }
  if (ops.Rename(draft, path) != 0) return ErrnoStatus("cannot rename", draft);
  return FlushDirectory(ops, dir);
}

}  // namespace quotaplane::spool
