// The flags that the reports share, and what they become in the public API.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "quotaplane/v1/reports.pb.h"
#include "tools/quotactl/flags.h"

namespace quotaplane::quotactl {

struct Span {
  absl::Time from;
  absl::Time to;
};

// "2026-11-01" or "2026-11-01T13:30[:00]" by the zone's clock, or RFC 3339 with an offset.
// INVALID_ARGUMENT names the flag.
absl::StatusOr<absl::Time> ParseMoment(std::string_view flag, const std::string& text,
                                       absl::TimeZone zone);
// "2026-11": from its first midnight to the next month's.
absl::StatusOr<Span> ParseMonth(std::string_view flag, const std::string& text,
                                absl::TimeZone zone);

// Which part of the ledger a report is about.
struct ReportFlags {
  OrgFlag org;
  std::string from, to, month, zone = "UTC";
  std::vector<std::string> filters;  // K=V

  void AddTo(CLI::App& command);
  // Without --zone: where days are UTC's.
  void AddUtcTo(CLI::App& command);
  absl::StatusOr<absl::TimeZone> Zone() const;
  // --month; --from and --to (by default: now); or, where none is given, the month of `now`.
  absl::StatusOr<Span> Range(absl::Time now) const;
  // One per dimension: what has a * or ? is a glob, anything else a value. Several of one dimension
  // are alternatives.
  absl::StatusOr<std::vector<v1::Filter>> Filters() const;
};

// The range that --base-… give, or the one before `current`: its month before, if that is one whole
// month of the zone; otherwise as long, and ending where it begins.
struct BaseFlags {
  std::string from, to, month;

  void AddTo(CLI::App& command);
  absl::StatusOr<Span> Range(const Span& current, absl::TimeZone zone) const;
};

void SetTime(absl::Time time, google::protobuf::Timestamp* proto);

// org, from_time, to_time and filters of any request.
template <typename Request>
absl::Status FillSelection(const ReportFlags& flags, absl::Time now, Request* request) {
  const absl::StatusOr<Span> range = flags.Range(now);
  if (!range.ok()) return range.status();
  const absl::StatusOr<std::vector<v1::Filter>> filters = flags.Filters();
  if (!filters.ok()) return filters.status();
  request->set_org(flags.org.org);
  SetTime(range->from, request->mutable_from_time());
  SetTime(range->to, request->mutable_to_time());
  request->mutable_filters()->Add(filters->begin(), filters->end());
  return absl::OkStatus();
}

}  // namespace quotaplane::quotactl
