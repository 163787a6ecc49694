#include "libs/spool/spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/spool/file_ops.h"
#include "libs/spool/frame.h"
#include "libs/spool/quarantine.h"
#include "libs/spool/reader.h"
#include "libs/spool/recovery.h"
#include "libs/spool/state.h"
#include "libs/spool/writer.h"

namespace quotaplane {
namespace {

using spool::FileOps;

absl::Status Validate(const SpoolOptions& options) {
  if (options.max_record_bytes <= 0 ||
      options.max_record_bytes > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("spool: max_record_bytes must be in 1 … 2^31-1");
  }
  const int64_t frame = options.max_record_bytes + static_cast<int64_t>(spool::kHeaderBytes);
  if (options.max_bytes < frame || options.max_waiting_bytes < frame) {
    return absl::InvalidArgumentError(
        "spool: max_bytes and max_waiting_bytes must hold one record of max_record_bytes and its "
        "framing");
  }
  if (options.segment_bytes <= 0) {
    return absl::InvalidArgumentError("spool: segment_bytes must be positive");
  }
  return absl::OkStatus();
}

absl::Status MakeDirectory(FileOps& ops, const std::string& dir) {
  const std::filesystem::path parent = std::filesystem::absolute(dir).parent_path();
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error)
    return absl::InternalError(
        absl::StrCat("cannot create ", parent.string(), ": ", error.message()));
  if (::mkdir(dir.c_str(), 0700) == 0) return spool::FlushDirectory(ops, parent.string());
  return errno == EEXIST ? absl::OkStatus() : spool::ErrnoStatus("cannot create", dir);
}

absl::StatusOr<std::unique_ptr<spool::File>> Lock(FileOps& ops, const std::string& dir) {
  const std::string path = dir + "/lock";
  auto file = std::make_unique<spool::File>(ops.Open(path, O_RDWR | O_CREAT, 0600));
  if (!file->ok()) return spool::ErrnoStatus("cannot open", path);
  if (::flock(file->fd(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return spool::ErrnoStatus("cannot lock", path);
  return absl::FailedPreconditionError(
      absl::StrCat("the spool ", dir, " is in use; each process needs a directory of its own"));
}

// Why an append of `frame` bytes cannot be taken now.
absl::Status Refusal(const spool::State& state, int64_t frame) {
  const int64_t held = state.stats.bytes + state.queued_bytes;
  if (state.stopping) return absl::CancelledError("the spool is being closed");
  if (held + frame > state.options.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the spool is full: ", held, " of ", state.options.max_bytes,
                     " bytes wait to be charged, this record takes ", frame));
  }
  if (state.queued_bytes + frame > state.options.max_waiting_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the spool's disk is too slow: ", state.queued_bytes, " of ",
        state.options.max_waiting_bytes, " bytes wait for it, this record takes ", frame));
  }
  return absl::OkStatus();
}

// Moves from `append` only where it returns OK.
absl::Status Enqueue(spool::State& state, spool::PendingAppend& append) {
  const auto size = static_cast<int64_t>(append.record.size());
  if (size == 0 || size > state.options.max_record_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a spool record has 1 to ", state.options.max_record_bytes, " bytes, this one ", size));
  }
  const int64_t frame = spool::FrameBytes(append.record);
  std::lock_guard lock(state.mutex);
  QP_RETURN_IF_ERROR(Refusal(state, frame));
  state.queued_bytes += frame;
  state.queue.push_back(std::move(append));
  return absl::OkStatus();
}

}  // namespace

struct Spool::Impl {
  Impl(std::unique_ptr<spool::File> lock_file, std::unique_ptr<spool::State> shared,
       spool::Quarantine quarantine, uint64_t next)
      : lock(std::move(lock_file)),
        state(std::move(shared)),
        reader(*state, std::move(quarantine)),
        writer(*state, next) {}

  // In this order: the writer ends before the lock is given back.
  std::unique_ptr<spool::File> lock;
  std::unique_ptr<spool::State> state;
  spool::Reader reader;
  spool::Writer writer;
};

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const std::string& dir, SpoolOptions options) {
  QP_RETURN_IF_ERROR(Validate(options));
  FileOps& ops = options.file_ops != nullptr ? *options.file_ops : FileOps::System();
  QP_RETURN_IF_ERROR(MakeDirectory(ops, dir));
  QP_ASSIGN_OR_RETURN(std::unique_ptr<spool::File> lock, Lock(ops, dir));
  spool::Quarantine quarantine(ops, dir);
  QP_ASSIGN_OR_RETURN(spool::Recovered recovered, spool::Recover(ops, dir, quarantine));

  auto state = std::make_unique<spool::State>(dir, options, ops);
  state->segments = std::move(recovered.segments);
  state->acknowledged = recovered.acknowledged;
  state->durable_last = recovered.last;
  state->stats.records = recovered.records;
  state->stats.bytes = recovered.bytes;
  state->stats.damaged_records = recovered.damaged_records;
  return std::unique_ptr<Spool>(new Spool(std::make_unique<Impl>(
      std::move(lock), std::move(state), std::move(quarantine), recovered.last + 1)));
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Spool::~Spool() = default;

void Spool::Append(std::string record, absl::AnyInvocable<void(absl::Status)> done) {
  spool::PendingAppend append = {std::move(record), std::move(done)};
  absl::Status taken = Enqueue(*impl_->state, append);
  if (taken.ok()) {
    impl_->state->writer_wakes.notify_one();
  } else {
    std::move(append.done)(std::move(taken));
  }
}

std::optional<Spool::Entry> Spool::Next(absl::Duration timeout) {
  return impl_->reader.Next(timeout);
}

void Spool::Acknowledge(uint64_t position) { impl_->reader.Acknowledge(position); }

void Spool::Rewind() { impl_->reader.Rewind(); }

SpoolStats Spool::stats() const {
  std::lock_guard lock(impl_->state->mutex);
  return impl_->state->stats;
}

}  // namespace quotaplane
