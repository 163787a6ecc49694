#include "libs/spool/writer.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/spool/cursor.h"
#include "libs/spool/frame.h"

namespace quotaplane::spool {
namespace {

constexpr auto kTidyEvery = std::chrono::milliseconds(100);
// Of one write and flush. Larger ones delay their first append more than they save.
constexpr int64_t kBatchBytes = 1 << 20;

}  // namespace

Writer::Writer(State& state, uint64_t next)
    : state_(state), next_(next), written_cursor_(state.acknowledged) {
  thread_ = std::thread([this] { Loop(); });
}

Writer::~Writer() {
  {
    std::lock_guard lock(state_.mutex);
    state_.stopping = true;
  }
  state_.writer_wakes.notify_one();
  thread_.join();
}

void Writer::Loop() {
  std::unique_lock lock(state_.mutex);
  for (;;) {
    const auto has_work = [this] { return !state_.queue.empty() || state_.stopping; };
    if (state_.acknowledged == written_cursor_) {
      state_.writer_wakes.wait(
          lock, [&] { return has_work() || state_.acknowledged != written_cursor_; });
    } else {
      state_.writer_wakes.wait_until(lock, tidied_ + kTidyEvery, has_work);
    }
    const bool stop = state_.stopping && state_.queue.empty();
    Batch batch = TakeBatch();
    const bool tidy = state_.acknowledged != written_cursor_ &&
                      (stop || std::chrono::steady_clock::now() >= tidied_ + kTidyEvery);
    lock.unlock();
    if (!batch.empty()) Write(std::move(batch));
    if (tidy) Tidy();
    lock.lock();
    if (stop) return;
  }
}

Writer::Batch Writer::TakeBatch() {
  Batch batch;
  int64_t bytes = 0;
  while (!state_.queue.empty() && bytes < kBatchBytes) {
    bytes += FrameBytes(state_.queue.front().record);
    batch.push_back(std::move(state_.queue.front()));
    state_.queue.pop_front();
  }
  return batch;
}

void Writer::Write(Batch batch) {
  size_t from = 0;
  while (from < batch.size()) {
    absl::Status status;
    const size_t to = WriteSome(batch, from, status);
    for (; from < to; ++from) std::move(batch[from].done)(status);
  }
}

// Writes as many as fit into one segment, at least one; the index after them.
size_t Writer::WriteSome(const Batch& batch, size_t from, absl::Status& status) {
  const int64_t first_bytes = FrameBytes(batch[from].record);
  if (tail_ && tail_->size() > 0 && tail_->size() + first_bytes > state_.options.segment_bytes) {
    tail_.reset();
  }
  const int64_t room = state_.options.segment_bytes - (tail_ ? tail_->size() : 0);
  std::string frames;
  size_t to = from;
  while (to < batch.size()) {
    const int64_t size = FrameBytes(batch[to].record);
    if (to > from && static_cast<int64_t>(frames.size()) + size > room) break;
    AppendFrame(next_ + (to - from), batch[to].record, frames);
    ++to;
  }
  status = Append(frames);
  const auto bytes = static_cast<int64_t>(frames.size());
  if (status.ok()) {
    next_ += to - from;
    Publish(next_ - 1, static_cast<int64_t>(to - from), bytes);
  } else {
    if (!appends_fail_) {
      LogError("spool {}: appends fail: {}", state_.dir, std::string(status.message()));
    }
    std::lock_guard lock(state_.mutex);
    state_.queued_bytes -= bytes;
  }
  appends_fail_ = !status.ok();
  return to;
}

absl::Status Writer::Append(const std::string& frames) {
  absl::Status status;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!tail_) {
      QP_ASSIGN_OR_RETURN(tail_, SegmentWriter::Create(state_.ops, state_.dir, next_));
    }
    status = tail_->Append(frames);
    if (!tail_->given_up()) return status;
    if (!appends_fail_) {
      LogError("spool: gave up segment {}: {}", tail_->path(), std::string(status.message()));
    }
    if (tail_->size() == 0) state_.ops.Unlink(tail_->path());
    tail_.reset();
  }
  return status;
}

void Writer::Publish(uint64_t last, int64_t records, int64_t bytes) {
  {
    std::lock_guard lock(state_.mutex);
    state_.queued_bytes -= bytes;
    state_.durable_last = last;
    state_.segments[tail_->first()] = {.first = tail_->first(), .last = last, .end = tail_->size()};
    state_.stats.records += records;
    state_.stats.bytes += bytes;
    state_.stats.appended += records;
  }
  state_.reader_wakes.notify_one();
}

void Writer::Tidy() {
  uint64_t acknowledged = 0;
  {
    std::lock_guard lock(state_.mutex);
    acknowledged = state_.acknowledged;
  }
  tidied_ = std::chrono::steady_clock::now();
  const absl::Status written = WriteCursor(state_.ops, state_.dir, acknowledged);
  if (written.ok()) {
    written_cursor_ = acknowledged;
  } else if (!cursor_fails_) {
    LogError("spool {}: {}", state_.dir, std::string(written.message()));
  }
  cursor_fails_ = !written.ok();
  // Even without the cursor: what is gone is not read again, and a full disk gets its room back.
  RemoveAcknowledged(acknowledged);
}

void Writer::RemoveAcknowledged(uint64_t acknowledged) {
  bool removed = false;
  while (std::optional<uint64_t> first = OldestDoneWith(acknowledged)) {
    const std::string path = SegmentPath(state_.dir, *first);
    if (state_.ops.Unlink(path) != 0) {
      // Not the next ones either: a gap would look like a loss.
      LogError("spool: {}", std::string(ErrnoStatus("cannot remove", path).message()));
      break;
    }
    removed = true;
    if (tail_ && tail_->first() == *first) tail_.reset();
    std::lock_guard lock(state_.mutex);
    state_.segments.erase(*first);
  }
  if (!removed) return;
  const absl::Status flushed = FlushDirectory(state_.ops, state_.dir);
  if (!flushed.ok()) LogError("spool: {}", std::string(flushed.message()));
}

std::optional<uint64_t> Writer::OldestDoneWith(uint64_t acknowledged) const {
  std::lock_guard lock(state_.mutex);
  if (state_.segments.empty()) return std::nullopt;
  const Segment& oldest = state_.segments.begin()->second;
  return oldest.last <= acknowledged ? std::optional(oldest.first) : std::nullopt;
}

}  // namespace quotaplane::spool
