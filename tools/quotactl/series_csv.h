// A series in a file: CSV with the columns timestamp and value, found by their names; others are
// ignored. Lines end in CR LF or LF, the last one may lack its end; blank lines are skipped.
//
// A timestamp is "2014-04-10 00:04:00" (UTC, fractions allowed), RFC 3339, or seconds since the
// epoch. A value is a finite number; an empty one, "nan" or "null" is missing. Strict otherwise: a
// file with a line that is not understood is refused whole, with "FILE:LINE: what is wrong".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane::quotactl {

inline constexpr size_t kMaxSeriesRows = 20'000'000;

struct SeriesRow {
  std::string timestamp;  // as it was written
  std::string value;
  absl::Time time;
  std::optional<double> number;
};

// Rows are taken in the file's order. Times may go back by a day at most, since recorders' clocks
// are set back; the score goes by the order. `name` stands for the file in messages.
// INVALID_ARGUMENT.
absl::StatusOr<std::vector<SeriesRow>> ParseSeries(std::string_view text, const std::string& name);

// A score in [0,1) for each row; row k is scored by rows up to k only. A missing value has the
// score 0. Where time jumps by more than ten usual steps, windows start anew.
std::vector<double> ScoreSeries(const std::vector<SeriesRow>& rows);

// "timestamp,value,anomaly_score" and a line for each row, timestamps and values as they were.
std::string RenderScores(const std::vector<SeriesRow>& rows, const std::vector<double>& scores);

}  // namespace quotaplane::quotactl
