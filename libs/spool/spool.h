// A bounded queue on disk for usage that cannot be charged now, because the counter store is away.
//
// Promise: once Append has reported OK, the record survives kill -9, a power cut and a restart, and
// comes out of the reader at least once, in order of arrival. Whoever consumes it makes the effect
// exactly-once (by the record's id).
//
// Shape: segment files DIR/NNNNNNNNNNNNNNNN.spool (8 MiB each), named by the position of their
// first record and removed once all of theirs are acknowledged; records framed with their position
// and two checks (frame.h); a cursor file DIR/cursor says what was acknowledged. A torn tail (a
// crash in mid-append: never reported OK) is cut off at Open. A damaged record is copied to
// DIR/damaged-*.bin, logged and counted, and reading goes on after it (an append that was under way
// at a power cut may be counted too, where only part of its bytes came through). One process owns
// DIR at a time (flock on DIR/lock).
//
// Appends are flushed (fdatasync) before they are reported; appends that wait at the same time
// share one flush.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane {

namespace spool {
class FileOps;
}

struct SpoolOptions {
  // Of unacknowledged records and their framing; the files may hold one segment more.
  int64_t max_bytes = 256 << 20;
  int64_t segment_bytes = 8 << 20;
  int64_t max_record_bytes = 1 << 20;
  int64_t max_waiting_bytes = 16 << 20;  // of appends that wait in memory for the disk
  spool::FileOps* file_ops = nullptr;    // the system's; tests pass a disk that fails
};

struct SpoolStats {
  int64_t records = 0;          // durable, not yet acknowledged
  int64_t bytes = 0;            // of those, with framing
  int64_t damaged_records = 0;  // found since Open, and by Open
  int64_t appended = 0;         // since Open
  int64_t acknowledged = 0;     // since Open
};

class Spool {
 public:
  // Creates DIR where missing (mode 0700), takes the lock, recovers. Starts one writer thread.
  // FAILED_PRECONDITION: another process, or another Spool of this one, has DIR. INVALID_ARGUMENT:
  // options out of range. Otherwise the disk's error.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const std::string& dir,
                                                     SpoolOptions options = {});
  // Flushes what was appended, calls every pending `done`, stops the thread.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // `done` is called once, from the writer thread (or, for an immediate refusal, from the
  // caller's), and must not block: OK: durable. RESOURCE_EXHAUSTED: the spool is full, or the disk
  // is, or too much waits for it (the message says which and how large); INVALID_ARGUMENT: the
  // record is empty or too large; INTERNAL: the disk failed. After anything but OK the record is
  // not in the spool (unless the disk then also refused to take its bytes back, which is logged: it
  // may come out after a restart). Thread-safe.
  void Append(std::string record, absl::AnyInvocable<void(absl::Status)> done);

  struct Entry {
    uint64_t position;  // ascending
    std::string record;
  };
  // The oldest record after the last one read, durable ones only; waits until there is one or
  // `timeout` has passed (nullopt). One reader thread.
  std::optional<Entry> Next(absl::Duration timeout);
  // Everything up to and including `position`, which Next has returned, is done with: it is not
  // read again. Written lazily (at most 100 ms later, and at destruction), so a crash may repeat
  // the last few records. Same thread as Next.
  void Acknowledge(uint64_t position);
  // Makes Next start again at the oldest record that is not acknowledged. Same thread as Next.
  void Rewind();

  // Thread-safe.
  SpoolStats stats() const;

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quotaplane
