#include "libs/spool/segment.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane::spool {
namespace {

constexpr std::string_view kSuffix = ".spool";
constexpr size_t kDigits = 16;

}  // namespace

std::string SegmentPath(const std::string& dir, uint64_t first) {
  return absl::StrFormat("%s/%016d.spool", dir, first);
}

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || name.substr(kDigits) != kSuffix) return {};
  uint64_t first = 0;
  const std::string_view digits = name.substr(0, kDigits);
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return {};
  if (!absl::SimpleAtoi(absl::string_view(digits.data(), digits.size()), &first)) return {};
  return first;
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(FileOps& ops,
                                                                     const std::string& dir,
                                                                     uint64_t first) {
  std::string path = SegmentPath(dir, first);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND;
  int fd = ops.Open(path, kFlags, 0600);
  if (fd < 0 && errno == EEXIST) {
    if (ops.Unlink(path) != 0) return ErrnoStatus("cannot remove", path);
    fd = ops.Open(path, kFlags, 0600);
  }
  if (fd < 0) return ErrnoStatus("cannot create", path);
  auto writer = std::unique_ptr<SegmentWriter>(new SegmentWriter(ops, std::move(path), first, fd));
  QP_RETURN_IF_ERROR(FlushDirectory(ops, dir));
  return writer;
}

absl::Status SegmentWriter::Append(std::string_view frames) {
  absl::Status status = WriteAll(ops_, file_.fd(), frames, path_);
  if (status.ok() && ops_.FlushData(file_.fd()) != 0) {
    status = ErrnoStatus("cannot flush", path_);
    given_up_ = true;
  }
  if (status.ok()) {
    size_ += static_cast<int64_t>(frames.size());
  } else {
    TakeBack();
  }
  return status;
}

void SegmentWriter::TakeBack() {
  if (ops_.Truncate(file_.fd(), size_) == 0) return;
  given_up_ = true;
  LogError("spool: {}", ErrnoStatus("cannot take back an append to", path_).message().data());
}

}  // namespace quotaplane::spool
