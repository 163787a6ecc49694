#include "tools/quotactl/series_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/anomaly/season.h"
#include "libs/anomaly/series_detector.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"

namespace quotaplane::quotactl {
namespace {

// Rows before there is a score above zero.
constexpr uint32_t kMinRows = 100;
// Of so many steps the shortest usual one is known.
constexpr size_t kStepRows = 101;
constexpr double kGapSteps = 10;
constexpr absl::Duration kMostBack = absl::Hours(24);

std::string_view Trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t comma = line.find(',');
    fields.push_back(Trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> Number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range && end == text.data() + text.size()) {
    // Smaller than the smallest is 0, larger than the largest infinite: from_chars does not say
    // which.
    return std::strtod(std::string(text).c_str(), nullptr);
  }
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The fast way for "2014-04-10 00:04:00" and "2014-04-10T00:04:00Z", which most files have.
std::optional<absl::Time> PlainTime(std::string_view text) {
  if (text.size() == 20 && text.back() == 'Z') text.remove_suffix(1);
  if (text.size() != 19 || text[4] != '-' || text[7] != '-' ||
      (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  std::array<int, 6> parts{};
  constexpr std::array<std::pair<int, int>, 6> kAt = {
      {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}}};
  for (size_t i = 0; i < parts.size(); ++i) {
    for (int k = 0; k < kAt[i].second; ++k) {
      const char c = text[kAt[i].first + k];
      if (c < '0' || c > '9') return std::nullopt;
      parts[i] = parts[i] * 10 + (c - '0');
    }
  }
  const absl::CivilSecond second(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
  // A 31 June is normalised by CivilSecond, so it differs from what was written.
  if (second.month() != parts[1] || second.day() != parts[2] || second.hour() != parts[3] ||
      second.minute() != parts[4] || second.second() != parts[5]) {
    return std::nullopt;
  }
  return absl::FromCivil(second, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTimestamp(std::string_view text) {
  if (const auto plain = PlainTime(text)) return plain;
  absl::Time time;
  if (absl::ParseTime("%Y-%m-%d %H:%M:%E*S", AbslView(text), &time, nullptr) ||
      absl::ParseTime(absl::RFC3339_full, AbslView(text), &time, nullptr) ||
      absl::ParseTime("%Y-%m-%d %H:%M:%E*S%Ez", AbslView(text), &time, nullptr) ||
      absl::ParseTime("%Y-%m-%dT%H:%M:%E*S", AbslView(text), &time, nullptr) ||
      absl::ParseTime("%Y-%m-%d %H:%M", AbslView(text), &time, nullptr) ||
      absl::ParseTime("%Y-%m-%d", AbslView(text), &time, nullptr)) {
    return time;
  }
  const std::optional<double> seconds = Number(text);
  // Up to the year 9999; what is larger is milliseconds or worse.
  if (!seconds.has_value() || std::abs(*seconds) > 253'402'300'799.0) return std::nullopt;
  return absl::UnixEpoch() + absl::Seconds(*seconds);
}

bool IsMissing(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower(AbslView(text));
  return lower.empty() || lower == "nan" || lower == "null" || lower == "na";
}

int MinuteOfWeek(absl::Time time) {
  // 5 January 1970 was a Monday.
  const int64_t minute = absl::ToUnixSeconds(time) / 60 - 4 * 24 * 60;
  const int64_t of_week = minute % anomaly::kMinutesPerWeek;
  return static_cast<int>(of_week < 0 ? of_week + anomaly::kMinutesPerWeek : of_week);
}

}  // namespace

absl::StatusOr<std::vector<SeriesRow>> ParseSeries(std::string_view text, const std::string& name) {
  std::vector<SeriesRow> rows;
  int64_t line_number = 0;
  size_t timestamp_at = 0, value_at = 0;
  bool has_header = false;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const auto error = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(name, ":", line_number, ": ", what));
  };
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (Trimmed(line).empty()) continue;
    const std::vector<std::string_view> fields = Fields(line);
    if (!has_header) {
      const auto column = [&](std::string_view wanted) {
        return static_cast<size_t>(std::find(fields.begin(), fields.end(), wanted) -
                                   fields.begin());
      };
      timestamp_at = column("timestamp");
      value_at = column("value");
      if (timestamp_at == fields.size() || value_at == fields.size()) {
        return error("the first line must name the columns timestamp and value");
      }
      has_header = true;
      continue;
    }
    if (fields.size() <= std::max(timestamp_at, value_at)) {
      return error("fewer fields than the first line names columns");
    }
    SeriesRow row{.timestamp = std::string(fields[timestamp_at]),
                  .value = std::string(fields[value_at]),
                  .time = {},
                  .number = {}};
    const std::optional<absl::Time> time = ParseTimestamp(row.timestamp);
    if (!time.has_value()) {
      return error(absl::StrCat("timestamp: ", QuoteForMessage(row.timestamp),
                                " is no YYYY-MM-DD HH:MM:SS, RFC 3339 or seconds since 1970"));
    }
    row.time = *time;
    if (!rows.empty() && row.time < rows.back().time - kMostBack) {
      return error(absl::StrCat("timestamp: ", QuoteForMessage(row.timestamp),
                                " is more than a day earlier than the line before"));
    }
    if (!IsMissing(row.value)) {
      row.number = Number(row.value);
      if (!row.number.has_value() || !std::isfinite(*row.number)) {
        return error(absl::StrCat("value: ", QuoteForMessage(row.value), " is no finite number"));
      }
    }
    if (rows.size() == kMaxSeriesRows)
      return error(absl::StrCat("more than ", kMaxSeriesRows, " rows"));
    rows.push_back(std::move(row));
  }
  if (!has_header) return absl::InvalidArgumentError(absl::StrCat(name, ":1: the file is empty"));
  return rows;
}

std::vector<double> ScoreSeries(const std::vector<SeriesRow>& rows) {
  anomaly::SeriesDetector detector(kMinRows);
  std::vector<double> scores;
  scores.reserve(rows.size());
  // The usual step, as far as it is known: the median of the first ones.
  std::vector<absl::Duration> steps;
  absl::Duration usual = absl::InfiniteDuration();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) {
      const absl::Duration step = rows[i].time - rows[i - 1].time;
      if (step > kGapSteps * usual && usual > absl::ZeroDuration()) detector.Gap();
      if (steps.size() < kStepRows && step > absl::ZeroDuration()) {
        steps.insert(std::upper_bound(steps.begin(), steps.end(), step), step);
        usual = steps[steps.size() / 2];
      }
    }
    if (!rows[i].number.has_value()) {
      scores.push_back(0);
      continue;
    }
    scores.push_back(detector.Step(*rows[i].number, MinuteOfWeek(rows[i].time)).score);
  }
  return scores;
}

std::string RenderScores(const std::vector<SeriesRow>& rows, const std::vector<double>& scores) {
  std::string text = "timestamp,value,anomaly_score\n";
  text.reserve(rows.size() * 48);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::array<char, 32> score{};
    const auto [end, error] = std::to_chars(score.data(), score.data() + score.size(), scores[i],
                                            std::chars_format::fixed, 6);
    absl::StrAppend(&text, rows[i].timestamp, ",", rows[i].value, ",");
    text.append(score.data(), end);
    text.push_back('\n');
  }
  return text;
}

}  // namespace quotaplane::quotactl
