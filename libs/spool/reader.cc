#include "libs/spool/reader.h"

#include <algorithm>
#include <utility>

#include "libs/log/log.h"

namespace quotaplane::spool {
namespace {

constexpr auto kRetryUnreadable = std::chrono::milliseconds(100);

}  // namespace

Reader::Reader(State& state, Quarantine quarantine)
    : state_(state),
      quarantine_(std::move(quarantine)),
      read_last_(state.acknowledged),
      highest_read_(state.acknowledged) {}

std::optional<Spool::Entry> Reader::Next(absl::Duration timeout) {
  const auto wait =
      absl::ToChronoNanoseconds(std::clamp(timeout, absl::ZeroDuration(), absl::Hours(24 * 365)));
  const Deadline deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    if (std::optional<Spool::Entry> entry = TakeRecord()) return entry;
    Segment segment;
    if (!WaitForSegment(deadline, segment)) return std::nullopt;
    const absl::Status loaded = Load(segment);
    if (loaded.ok()) continue;
    // Not lost: perhaps the process is out of file descriptors. Tried again for as long as the
    // caller waits.
    LogError("spool: {}", std::string(loaded.message()));
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return std::nullopt;
    std::unique_lock lock(state_.mutex);
    state_.reader_wakes.wait_until(lock, std::min(deadline, now + kRetryUnreadable),
                                   [this] { return state_.stopping; });
  }
}

// The segment that holds the record after read_last_, as far as it is durable.
bool Reader::WaitForSegment(Deadline deadline, Segment& segment) {
  std::unique_lock lock(state_.mutex);
  const auto there = [this] { return state_.durable_last > read_last_; };
  if (!state_.reader_wakes.wait_until(lock, deadline, there)) return false;
  for (const auto& [first, candidate] : state_.segments) {
    if (candidate.last <= read_last_) continue;
    segment = candidate;
    return true;
  }
  return false;
}

absl::Status Reader::Load(const Segment& segment) {
  if (loaded_ != segment.first) {
    next_offset_ = 0;
    next_position_ = segment.first;
  }
  scanner_.reset();
  absl::StatusOr<std::string> bytes =
      ReadRange(state_.ops, SegmentPath(state_.dir, segment.first), next_offset_, segment.end);
  if (absl::IsNotFound(bytes.status())) bytes = "";
  if (!bytes.ok()) return bytes.status();
  bytes_ = *std::move(bytes);
  bytes_.resize(static_cast<size_t>(segment.end - next_offset_),
                kRubbish);  // what somebody cut off is damage
  loaded_ = segment.first;
  loaded_offset_ = next_offset_;
  scanner_.emplace(bytes_, next_position_, segment.last + 1);
  return absl::OkStatus();
}

std::optional<Spool::Entry> Reader::TakeRecord() {
  while (scanner_) {
    const SegmentScanner::Item item = scanner_->Next();
    if (item.kind == SegmentScanner::Kind::kEnd || item.kind == SegmentScanner::Kind::kTorn) break;
    next_offset_ = loaded_offset_ + static_cast<int64_t>(item.offset + item.length);
    next_position_ = item.position + (item.kind == SegmentScanner::Kind::kRecord ? 1 : item.lost);
    if (item.kind == SegmentScanner::Kind::kDamaged) {
      StepOverDamage(item);
      continue;
    }
    if (item.position <= read_last_) continue;  // acknowledged before
    read_last_ = item.position;
    if (read_last_ > highest_read_) {
      highest_read_ = read_last_;
      unacknowledged_.push_back({read_last_, static_cast<int64_t>(item.length)});
    }
    return Spool::Entry{.position = item.position, .record = std::string(item.record)};
  }
  return std::nullopt;
}

void Reader::StepOverDamage(const SegmentScanner::Item& item) {
  const uint64_t last = item.position + item.lost - 1;
  if (last <= read_last_) return;
  const uint64_t lost = last - std::max(item.position - 1, read_last_);
  read_last_ = last;
  const auto damaged = std::string_view(bytes_).substr(item.offset, item.length);
  const int64_t offset = loaded_offset_ + static_cast<int64_t>(item.offset);
  if (!quarantine_.Add(*loaded_, offset, damaged, lost)) return;
  // It was whole when it was counted.
  std::lock_guard lock(state_.mutex);
  state_.stats.damaged_records += static_cast<int64_t>(lost);
  state_.stats.records -= static_cast<int64_t>(lost);
  state_.stats.bytes -= static_cast<int64_t>(item.length);
}

void Reader::Acknowledge(uint64_t position) {
  int64_t records = 0;
  int64_t bytes = 0;
  while (!unacknowledged_.empty() && unacknowledged_.front().position <= position) {
    ++records;
    bytes += unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
  }
  if (records == 0) return;
  {
    std::lock_guard lock(state_.mutex);
    state_.acknowledged = std::min(position, highest_read_);
    state_.stats.records -= records;
    state_.stats.bytes -= bytes;
    state_.stats.acknowledged += records;
  }
  state_.writer_wakes.notify_one();
  read_last_ = std::max(read_last_, std::min(position, highest_read_));
}

void Reader::Rewind() {
  {
    std::lock_guard lock(state_.mutex);
    read_last_ = state_.acknowledged;
  }
  scanner_.reset();
  loaded_.reset();
}

}  // namespace quotaplane::spool
