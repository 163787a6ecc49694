// Disks that fail: what stands between the spool and the file system in its tests.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "libs/spool/file_ops.h"

namespace quotaplane::spool {

// Flushes nothing: for tests whose subject is not durability.
class UnflushedDisk : public FileOps {
 public:
  int FlushData(int) override { return 0; }
  int FlushNames(int) override { return 0; }
};

// Fails operations number `first` to `first + count - 1` (from 0, in order of arrival) with
// `error`. A write that fails has written half of its bytes. Truncation, the way back, works unless
// `truncate_fails`.
class FailingDisk : public UnflushedDisk {
 public:
  void FailAt(int64_t first, int64_t count, int error, bool truncate_fails = false) {
    operations_ = 0;
    first_ = first;
    count_ = count;
    error_ = error;
    truncate_fails_ = truncate_fails;
  }
  void Heal() { count_ = 0; }
  int64_t operations() const { return operations_; }

  int Open(const std::string& path, int flags, int mode) override {
    return Fails() ? -1 : FileOps::Open(path, flags, mode);
  }
  ssize_t Write(int fd, const char* data, size_t size) override {
    if (!Fails()) return FileOps::Write(fd, data, size);
    const ssize_t written = FileOps::Write(fd, data, size / 2);
    errno = error_;
    return written > 0 && size > 1 && (operations_ % 2) == 0 ? written : -1;
  }
  int FlushData(int) override { return Fails() ? -1 : 0; }
  int FlushNames(int) override { return Fails() ? -1 : 0; }
  int Truncate(int fd, int64_t size) override {
    return truncate_fails_ && Fails() ? -1 : FileOps::Truncate(fd, size);
  }
  int Rename(const std::string& from, const std::string& to) override {
    return Fails() ? -1 : FileOps::Rename(from, to);
  }
  int Unlink(const std::string& path) override { return Fails() ? -1 : FileOps::Unlink(path); }

 private:
  bool Fails() {
    const int64_t operation = operations_++;
    if (operation < first_ || operation >= first_ + count_) return false;
    errno = error_;
    return true;
  }

  std::atomic<int64_t> operations_ = 0;
  std::atomic<int64_t> first_ = 0;
  std::atomic<int64_t> count_ = 0;
  std::atomic<int> error_ = EIO;
  std::atomic<bool> truncate_fails_ = false;
};

// Remembers what has been flushed. PowerCut leaves of everything else what a file system may leave:
// any beginning of what was appended and not flushed, or its length with other bytes in it;
// created, renamed and removed names done or not.
class PowerCutDisk : public FileOps {
 public:
  // From now on nothing reaches the disk.
  void Freeze() { off_ = true; }
  void Restart() { off_ = false; }

  int Open(const std::string& path, int flags, int mode) override {
    if (Off()) return -1;
    const bool existed = std::filesystem::exists(path);
    const int fd = FileOps::Open(path, flags, mode);
    std::lock_guard lock(mutex_);
    if (fd >= 0) paths_[fd] = path;
    if (fd >= 0 && !existed) {
      names_[path] = std::nullopt;
      flushed_bytes_[path] = 0;
    }
    return fd;
  }

  ssize_t Write(int fd, const char* data, size_t size) override {
    return Off() ? -1 : FileOps::Write(fd, data, size);
  }

  int Truncate(int fd, int64_t size) override { return Off() ? -1 : FileOps::Truncate(fd, size); }

  int FlushData(int fd) override {
    if (Off()) return -1;
    struct stat info = {};
    ::fstat(fd, &info);
    std::lock_guard lock(mutex_);
    flushed_bytes_[paths_[fd]] = info.st_size;
    return 0;
  }

  int FlushNames(int) override {
    if (Off()) return -1;
    std::lock_guard lock(mutex_);
    names_.clear();
    return 0;
  }

  int Rename(const std::string& from, const std::string& to) override {
    if (Off()) return -1;
    std::lock_guard lock(mutex_);
    Remember(to);
    names_.erase(from);
    flushed_bytes_[to] = flushed_bytes_[from];
    return FileOps::Rename(from, to);
  }

  int Unlink(const std::string& path) override {
    if (Off()) return -1;
    std::lock_guard lock(mutex_);
    Remember(path);
    return FileOps::Unlink(path);
  }

  void PowerCut(std::mt19937_64& random) {
    std::lock_guard lock(mutex_);
    for (const auto& [path, flushed] : flushed_bytes_) {
      if (std::filesystem::exists(path)) CutContents(path, flushed, random);
    }
    for (const auto& [path, before] : names_) {
      if (random() % 2 == 0) continue;  // the change of the name made it to the disk
      if (before) {
        std::ofstream(path, std::ios::binary) << *before;
      } else {
        std::filesystem::remove(path);
      }
    }
    names_.clear();
    flushed_bytes_.clear();
    paths_.clear();
  }

 private:
  bool Off() const {
    if (off_) errno = EIO;
    return off_;
  }

  void Remember(const std::string& path) {
    if (names_.contains(path)) return;  // what it was at the last flush of names
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      names_[path] = std::nullopt;
      return;
    }
    std::ostringstream contents;
    contents << file.rdbuf();
    names_[path] = std::move(contents).str();
  }

  static void CutContents(const std::string& path, int64_t flushed, std::mt19937_64& random) {
    const auto size = static_cast<int64_t>(std::filesystem::file_size(path));
    if (size <= flushed) return;
    const auto kept =
        flushed + static_cast<int64_t>(random() % static_cast<uint64_t>(size - flushed + 1));
    std::filesystem::resize_file(path, static_cast<uintmax_t>(kept));
    if (random() % 2 == 0)
      std::filesystem::resize_file(path, static_cast<uintmax_t>(size));  // zeros
  }

  std::atomic<bool> off_ = false;
  std::mutex mutex_;
  std::map<int, std::string> paths_;
  std::map<std::string, int64_t> flushed_bytes_;
  std::map<std::string, std::optional<std::string>>
      names_;  // changed since the last flush of names: contents before, or not there
};

}  // namespace quotaplane::spool
