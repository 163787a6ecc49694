// Many series at once: for every org, team, project, user and model its cost, tokens, requests and
// refusals by the minute, each with a SeriesDetector (series_detector.h), and the sessions with a
// SessionWatch (session_watch.h).
//
// The bank takes one minute of usage after the other and says what begins and what ends. One event
// is one finding:
//   - of a scope's metrics, one finding is on at a time; cost comes before requests, tokens and
//     refusals;
//   - a rise of an org, team or project of which one user's (or session's) own finding explains
//   most
//     is not told beside it;
//   - a finding is on until the values have been back for a while, or have become the new normal.
// What costs less than the floor is not told.
//
// Bounds: at most `max_scopes` scopes; where one more comes, the one that has been idle for longest
// goes, and is counted. A scope has 4 metrics of at most kDetectorBytes, allocated with the first
// value that is not zero. Sessions and contributors have bounds of their own.
//
// Pure: no clock, nothing random. The same minutes give the same findings, also across Save and
// Restore. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/anomaly/finding.h"

namespace quotaplane::anomaly {

struct BankOptions {
  // A finding must be worth this much: what came beyond what was expected, over its minutes; for a
  // drop, what did not come.
  int64_t floor_nano_usd = 5'000'000'000;
  // The same for refusals, which cost nothing.
  int64_t floor_refusals = 100;
  // How much of the past a series must have before anything is said of it: hours that were seen.
  // Until a week has been seen, only what is clearer still is said.
  int64_t min_history_hours = 72;
  size_t max_scopes = 5000;
  size_t max_sessions = 20'000;
};

// One minute of one combination. What is empty is not known, and is no scope.
struct UsageRow {
  std::string_view org{}, team{}, project{}, user{}, model{}, session{};
  int64_t cost_nano_usd = 0;
  int64_t tokens = 0;
  int64_t requests = 0;
  int64_t refusals = 0;
};

struct BankStats {
  size_t scopes = 0;
  size_t sessions = 0;
  size_t open_findings = 0;
  uint64_t evicted_scopes = 0;
  uint64_t evicted_sessions = 0;
  size_t bytes = 0;  // approximately, of memory
};

class SeriesBank {
 public:
  // A minute's rows; more than that in one minute is INVALID_ARGUMENT.
  static constexpr size_t kMaxRows = 1'000'000;
  static constexpr size_t kMaxNameBytes = 512;

  explicit SeriesBank(const BankOptions& options);
  ~SeriesBank();
  SeriesBank(SeriesBank&&) noexcept;
  SeriesBank& operator=(SeriesBank&&) noexcept;

  // What began and what ended with this minute, what ended first. `minute_us` is its start, a
  // multiple of a minute after the epoch, and later than that of the call before; minutes between
  // them had no usage. (After more than an hour without a call, that hour is counted as not
  // seen: a gap in the feed is no drop.) `minute_of_week` is where it lies in the week of the zone
  // that people here live by, Monday 00:00 = 0, below 10,080.
  // Rows of the same combination are added up. INVALID_ARGUMENT changes nothing: a minute that is
  // not later, a negative number, a name that is too long, too many rows.
  absl::StatusOr<std::vector<Finding>> Add(int64_t minute_us, int minute_of_week,
                                           std::span<const UsageRow> rows);

  // Findings that are on, as they stand.
  std::vector<Finding> Open() const;

  // One that is on, or over for at most eight days (of those the last 256), as it was told last.
  std::optional<Finding> Find(uint64_t finding_id) const;

  // What a person said of a finding. `sequence` numbers, from 1 and in order, what is said: a
  // number that is not above that of an earlier call changes nothing, also after a restore. So
  // whoever does not know whether something was heard says it again. NOT_FOUND for a finding that
  // this bank no longer knows: over for more than eight days, or of a scope that was evicted. That
  // is heard, too.
  absl::Status Give(uint64_t finding_id, Feedback feedback, int64_t sequence);
  int64_t heard() const;  // the last of these numbers

  BankStats Stats() const;

  // Everything but the options, in a versioned form with a checksum. O(scopes).
  std::string Save() const;
  // DATA_LOSS for bytes that are damaged or of another version; never undefined behaviour.
  static absl::StatusOr<SeriesBank> Restore(const BankOptions& options, std::string_view bytes);

 private:
  class Impl;
  explicit SeriesBank(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace quotaplane::anomaly
