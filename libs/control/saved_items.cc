#include "libs/control/saved_items.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/spool/frame.h"

namespace quotaplane {
namespace {

constexpr std::string_view kPrefix = "items-";
constexpr int64_t kMinChangesBytes = 4 << 20;

absl::StatusOr<std::unique_ptr<spool::File>> Lock(spool::FileOps& ops, const std::string& dir) {
  const std::string path = dir + "/lock";
  auto file = std::make_unique<spool::File>(ops.Open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file->ok()) return spool::ErrnoStatus("cannot open", path);
  if (::flock(file->fd(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return spool::ErrnoStatus("cannot lock", path);
  return absl::FailedPreconditionError(absl::StrCat(dir, " is another process's"));
}

// What a batch makes of a state.
class Merged {
 public:
  void Add(ItemBatch batch) {
    if (batch.whole) items_.clear();
    at_ = std::move(batch.at);
    for (ControlItem& item : batch.items) {
      std::string name = item.name;
      items_[std::move(name)] = std::move(item);
    }
  }

  // In the order of numbers.
  ItemBatch Take() {
    ItemBatch batch{true, std::move(at_), {}};
    batch.items.reserve(items_.size());
    for (auto& [name, item] : items_) batch.items.push_back(std::move(item));
    std::sort(batch.items.begin(), batch.items.end(),
              [](const ControlItem& a, const ControlItem& b) {
                return std::tie(a.number, a.name) < std::tie(b.number, b.name);
              });
    return batch;
  }

 private:
  FollowedPosition at_;
  absl::flat_hash_map<std::string, ControlItem> items_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SavedItems>> SavedItems::Open(const std::string& dir, Found* found,
                                                             spool::FileOps& ops) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", dir, ": ", error.message()));
  }
  QP_ASSIGN_OR_RETURN(std::unique_ptr<spool::File> lock, Lock(ops, dir));
  std::unique_ptr<SavedItems> saved(new SavedItems(dir, std::move(lock), ops));
  *found = Found();
  const std::vector<int64_t> generations = saved->Generations();
  for (auto it = generations.rbegin(); it != generations.rend(); ++it) {
    saved->generation_ = std::max(saved->generation_, *it);
    int64_t end = 0;
    uint64_t frames = 0;
    std::string damage;
    absl::StatusOr<ItemBatch> state = saved->Load(*it, &end, &frames, &damage);
    if (!state.ok()) damage = std::string(state.status().message());
    if (!damage.empty() && found->damage.empty()) found->damage = damage;
    if (!state.ok()) continue;
    // A fresh file: what is behind the damage, if there is any, shall not be met again.
    found->state = *std::move(state);
    if (const absl::Status begun = saved->BeginNext(found->state); !begun.ok()) {
      found->damage = std::string(begun.message());
    }
    break;
  }
  return saved;
}

std::string SavedItems::PathOf(int64_t generation) const {
  return absl::StrFormat("%s/%s%012d", dir_, std::string(kPrefix), generation);
}

std::vector<int64_t> SavedItems::Generations() const {
  std::vector<int64_t> generations;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, error)) {
    const std::string name = entry.path().filename().string();
    int64_t generation = 0;
    if (name.starts_with(kPrefix) && absl::SimpleAtoi(name.substr(kPrefix.size()), &generation)) {
      generations.push_back(generation);
    }
  }
  std::sort(generations.begin(), generations.end());
  return generations;
}

absl::StatusOr<ItemBatch> SavedItems::Load(int64_t generation, int64_t* end, uint64_t* frames,
                                           std::string* damage) const {
  const std::string path = PathOf(generation);
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return absl::DataLossError(absl::StrCat(path, ": ", error.message()));
  QP_ASSIGN_OR_RETURN(const std::string bytes,
                      spool::ReadRange(ops_, path, 0, static_cast<int64_t>(size)));
  spool::SegmentScanner scanner(bytes, 1, spool::kNoFence);
  Merged merged;
  for (;;) {
    const spool::SegmentScanner::Item item = scanner.Next();
    absl::StatusOr<ItemBatch> batch = absl::DataLossError("its end");
    if (item.kind == spool::SegmentScanner::Kind::kRecord) batch = DecodeBatch(item.record);
    const bool first = *frames == 0;
    if (!batch.ok() || (first && !batch->whole)) {
      if (first) return absl::DataLossError(absl::StrCat(path, " is damaged at its beginning"));
      const bool torn = item.kind == spool::SegmentScanner::Kind::kTorn ||
                        item.kind == spool::SegmentScanner::Kind::kEnd;
      // The beginning of an append that a kill cut off was never acknowledged.
      if (!torn) *damage = absl::StrCat(path, " is damaged from byte ", item.offset, " on");
      return merged.Take();
    }
    merged.Add(*std::move(batch));
    ++*frames;
    *end = static_cast<int64_t>(item.offset + item.length);
  }
}

absl::Status SavedItems::Save(const ItemBatch& batch) {
  if (batch.whole) return BeginNext(batch);
  if (file_ == nullptr) return absl::FailedPreconditionError("nothing is there to add to");
  QP_RETURN_IF_ERROR(Append(batch));
  if (bytes_ - whole_bytes_ <= std::max(kMinChangesBytes, whole_bytes_)) return absl::OkStatus();
  int64_t end = 0;
  uint64_t frames = 0;
  std::string damage;
  absl::StatusOr<ItemBatch> all = Load(generation_, &end, &frames, &damage);
  if (!all.ok() || !damage.empty()) {
    file_ = nullptr;
    return all.ok() ? absl::DataLossError(damage) : all.status();
  }
  return BeginNext(*all);
}

absl::Status SavedItems::Append(const ItemBatch& batch) {
  std::string frame;
  spool::AppendFrame(frames_ + 1, EncodeBatch(batch), frame);
  const std::string path = PathOf(generation_);
  absl::Status written = spool::WriteAll(ops_, file_->fd(), frame, path);
  if (written.ok() && ops_.FlushData(file_->fd()) != 0) {
    written = spool::ErrnoStatus("cannot flush", path);
  }
  if (!written.ok()) {
    file_ = nullptr;
    return written;
  }
  ++frames_;
  bytes_ += static_cast<int64_t>(frame.size());
  return absl::OkStatus();
}

absl::Status SavedItems::BeginNext(const ItemBatch& whole) {
  file_ = nullptr;
  std::string frame;
  spool::AppendFrame(1, EncodeBatch(whole), frame);
  const int64_t next = generation_ + 1;
  const std::string path = PathOf(next);
  const std::string name = std::filesystem::path(path).filename().string();
  QP_RETURN_IF_ERROR(spool::ReplaceFile(ops_, dir_, name, frame));
  auto file = std::make_unique<spool::File>(ops_.Open(path, O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  if (!file->ok()) return spool::ErrnoStatus("cannot open", path);
  RemoveOthers(next);
  file_ = std::move(file);
  generation_ = next;
  frames_ = 1;
  whole_bytes_ = bytes_ = static_cast<int64_t>(frame.size());
  return absl::OkStatus();
}

void SavedItems::RemoveOthers(int64_t newest) {
  std::vector<int64_t> generations = Generations();
  older_bytes_ = 0;
  bool kept = false;
  for (auto it = generations.rbegin(); it != generations.rend(); ++it) {
    if (*it >= newest) continue;
    std::error_code error;
    if (!kept) {
      kept = true;
      const auto size = std::filesystem::file_size(PathOf(*it), error);
      if (!error) older_bytes_ = static_cast<int64_t>(size);
      continue;
    }
    ops_.Unlink(PathOf(*it));
  }
}

}  // namespace quotaplane
