#include "libs/spool/recovery.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/spool/cursor.h"
#include "libs/spool/frame.h"

namespace quotaplane::spool {
namespace {

struct Found {
  uint64_t first = 0;
  int64_t size = 0;
};

absl::StatusOr<std::vector<Found>> ListSegments(const std::string& dir) {
  std::vector<Found> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    const std::optional<uint64_t> first = ParseSegmentName(entry.path().filename().string());
    if (!first) continue;
    const auto size = entry.file_size(error);
    if (error) break;
    found.push_back({.first = *first, .size = static_cast<int64_t>(size)});
  }
  if (error) return absl::InternalError("cannot list " + dir + ": " + error.message());
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.first < b.first; });
  return found;
}

// Keeps the first `size` bytes, durably.
absl::Status CutAndFlush(FileOps& ops, const std::string& path, int64_t size, bool cut) {
  const File file(ops.Open(path, O_WRONLY, 0));
  if (!file.ok()) return ErrnoStatus("cannot open", path);
  if (cut && ops.Truncate(file.fd(), size) != 0) return ErrnoStatus("cannot cut", path);
  if (ops.FlushData(file.fd()) != 0) return ErrnoStatus("cannot flush", path);
  return absl::OkStatus();
}

class Recovery {
 public:
  Recovery(FileOps& ops, const std::string& dir, Quarantine& quarantine)
      : ops_(ops), dir_(dir), quarantine_(quarantine) {}

  absl::StatusOr<Recovered> Run() {
    QP_RETURN_IF_ERROR(LoadCursor());
    QP_ASSIGN_OR_RETURN(const std::vector<Found> found, ListSegments(dir_));
    result_.last = result_.acknowledged;
    for (size_t i = 0; i < found.size(); ++i) {
      const bool is_last = i + 1 == found.size();
      QP_RETURN_IF_ERROR(Take(found[i], is_last ? kNoFence : found[i + 1].first));
    }
    QP_RETURN_IF_ERROR(FlushDirectory(ops_, dir_));
    return std::move(result_);
  }

 private:
  absl::Status LoadCursor() {
    const absl::StatusOr<uint64_t> cursor = ReadCursor(ops_, dir_);
    if (absl::IsDataLoss(cursor.status())) {
      LogError("spool: {}; records may be charged again, by the same ids",
               std::string(cursor.status().message()));
      return absl::OkStatus();
    }
    QP_RETURN_IF_ERROR(cursor.status());
    result_.acknowledged = *cursor;
    return absl::OkStatus();
  }

  absl::Status Take(const Found& found, uint64_t fence) {
    const std::string path = SegmentPath(dir_, found.first);
    Segment segment = {.first = found.first, .last = found.first - 1, .end = 0};
    if (fence == kNoFence || fence - 1 > result_.acknowledged) {
      QP_ASSIGN_OR_RETURN(const std::string bytes, ReadRange(ops_, path, 0, found.size));
      const int64_t end = Scan(bytes, fence, segment);
      QP_RETURN_IF_ERROR(CutAndFlush(ops_, path, end, end < found.size));
    }
    result_.last = std::max(result_.last, segment.last);
    if (segment.last > result_.acknowledged && segment.end > 0) {
      result_.segments.emplace(segment.first, segment);
    } else if (ops_.Unlink(path) != 0) {
      return ErrnoStatus("cannot remove", path);
    }
    return absl::OkStatus();
  }

  // Where the bytes that count end; what follows is torn or void.
  int64_t Scan(const std::string& bytes, uint64_t fence, Segment& segment) {
    SegmentScanner scanner(bytes, segment.first, fence);
    for (;;) {
      const SegmentScanner::Item item = scanner.Next();
      switch (item.kind) {
        case SegmentScanner::Kind::kRecord:
          segment.last = item.position;
          segment.end = static_cast<int64_t>(item.offset + item.length);
          if (item.position <= result_.acknowledged) break;
          ++result_.records;
          result_.bytes += static_cast<int64_t>(item.length);
          break;
        case SegmentScanner::Kind::kDamaged:
          Report(item, segment.first, bytes);
          break;
        case SegmentScanner::Kind::kTorn:
          LogWarning("spool {}: cut a torn append off segment {} at byte {}", dir_, segment.first,
                     item.offset);
          return static_cast<int64_t>(item.offset);
        case SegmentScanner::Kind::kEnd:
          return static_cast<int64_t>(item.offset);
      }
    }
  }

  void Report(const SegmentScanner::Item& item, uint64_t first, const std::string& bytes) {
    const uint64_t end = item.position + item.lost;  // the first position after the damage
    if (end <= result_.acknowledged + 1) return;
    const uint64_t lost = end - std::max(item.position, result_.acknowledged + 1);
    const auto damaged = std::string_view(bytes).substr(item.offset, item.length);
    if (quarantine_.Add(first, static_cast<int64_t>(item.offset), damaged, lost)) {
      result_.damaged_records += static_cast<int64_t>(lost);
    }
  }

  FileOps& ops_;
  const std::string& dir_;
  Quarantine& quarantine_;
  Recovered result_;
};

}  // namespace

absl::StatusOr<Recovered> Recover(FileOps& ops, const std::string& dir, Quarantine& quarantine) {
  return Recovery(ops, dir, quarantine).Run();
}

}  // namespace quotaplane::spool
