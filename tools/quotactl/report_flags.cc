#include "tools/quotactl/report_flags.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane::quotactl {
namespace {

absl::Status Wrong(std::string_view flag, std::string_view value, std::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(AbslView(flag), ": \"", AbslView(value), "\" ", AbslView(rule)));
}

absl::Status NotBoth(std::string_view flags) {
  return absl::InvalidArgumentError(absl::StrCat(AbslView(flags), ": give the one or the other"));
}

Span MonthAt(absl::CivilMonth month, absl::TimeZone zone) {
  return {absl::FromCivil(month, zone), absl::FromCivil(month + 1, zone)};
}

}  // namespace

absl::StatusOr<absl::Time> ParseMoment(std::string_view flag, const std::string& text,
                                       absl::TimeZone zone) {
  absl::CivilSecond civil;
  if (absl::ParseLenientCivilTime(text, &civil) && text.size() >= 10) {
    return absl::FromCivil(civil, zone);
  }
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
  return Wrong(flag, text,
               "is no time; write it as 2026-11-01, 2026-11-01T13:30, or with an "
               "offset from UTC: 2026-11-01T13:30:00+01:00");
}

absl::StatusOr<Span> ParseMonth(std::string_view flag, const std::string& text,
                                absl::TimeZone zone) {
  absl::CivilMonth month;
  if (text.size() != 7 || !absl::ParseCivilTime(text, &month)) {
    return Wrong(flag, text, "is no month; write it as 2026-11");
  }
  return MonthAt(month, zone);
}

void ReportFlags::AddTo(CLI::App& command) {
  AddUtcTo(command);
  command.add_option("--zone", zone, "IANA time zone of months, days and the times above")
      ->envname("QUOTAPLANE_ZONE")
      ->capture_default_str()
      ->group("Range");
}

void ReportFlags::AddUtcTo(CLI::App& command) {
  org.AddTo(command);
  const auto add = [&](const char* name, std::string* value, const char* help) {
    return command.add_option(name, *value, help)->group("Range");
  };
  add("--month", &month, "A month YYYY-MM; by default the present one");
  add("--from", &from, "First day, or moment: 2026-11-01, 2026-11-01T13:30");
  add("--to", &to, "Where it ends, not part of it; by default now");
  command
      .add_option("--filter", filters,
                  "DIMENSION=VALUE, such as team=search, model=claude-* or labels.agent= (none); "
                  "repeatable: all dimensions have to fit, one value of each")
      ->allow_extra_args(false)
      ->group("Range");
}

absl::StatusOr<absl::TimeZone> ReportFlags::Zone() const {
  absl::TimeZone loaded;
  if (zone.empty() || !absl::LoadTimeZone(zone, &loaded)) {
    return Wrong("--zone", zone, "is no time zone; write it as Europe/Berlin");
  }
  return loaded;
}

absl::StatusOr<Span> ReportFlags::Range(absl::Time now) const {
  QP_ASSIGN_OR_RETURN(const absl::TimeZone zone_, Zone());
  if (!month.empty()) {
    if (!from.empty() || !to.empty()) return NotBoth("--month, --from and --to");
    return ParseMonth("--month", month, zone_);
  }
  if (from.empty() && to.empty())
    return MonthAt(absl::CivilMonth(absl::ToCivilDay(now, zone_)), zone_);
  if (from.empty()) return absl::InvalidArgumentError("--to: needs --from");
  Span span{{}, now};
  QP_ASSIGN_OR_RETURN(span.from, ParseMoment("--from", from, zone_));
  if (!to.empty()) {
    QP_ASSIGN_OR_RETURN(span.to, ParseMoment("--to", to, zone_));
  }
  return span;
}

absl::StatusOr<std::vector<v1::Filter>> ReportFlags::Filters() const {
  std::vector<v1::Filter> built;
  for (const std::string& text : filters) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Wrong("--filter", text, "is no DIMENSION=VALUE, such as team=search");
    }
    const std::string dimension = text.substr(0, equals), value = text.substr(equals + 1);
    auto found = std::find_if(built.begin(), built.end(), [&](const v1::Filter& filter) {
      return filter.dimension() == dimension;
    });
    if (found == built.end()) {
      found = built.emplace(built.end());
      found->set_dimension(dimension);
    }
    value.find_first_of("*?") == std::string::npos ? found->add_values(value)
                                                   : found->add_globs(value);
  }
  return built;
}

void BaseFlags::AddTo(CLI::App& command) {
  const auto add = [&](const char* name, std::string* value, const char* help) {
    command.add_option(name, *value, help)->group("Compared to");
  };
  add("--base-month", &month, "A month YYYY-MM; by default what lies right before the range");
  add("--base-from", &from, "First day, or moment");
  add("--base-to", &to, "Where it ends, not part of it");
}

absl::StatusOr<Span> BaseFlags::Range(const Span& current, absl::TimeZone zone) const {
  if (!month.empty()) {
    if (!from.empty() || !to.empty()) return NotBoth("--base-month, --base-from and --base-to");
    return ParseMonth("--base-month", month, zone);
  }
  if (from.empty() != to.empty()) {
    return absl::InvalidArgumentError("--base-from and --base-to: give both, or none");
  }
  if (!from.empty()) {
    Span span;
    QP_ASSIGN_OR_RETURN(span.from, ParseMoment("--base-from", from, zone));
    QP_ASSIGN_OR_RETURN(span.to, ParseMoment("--base-to", to, zone));
    return span;
  }
  const absl::CivilMonth first(absl::ToCivilDay(current.from, zone));
  const Span whole = MonthAt(first, zone);
  if (whole.from == current.from && whole.to == current.to) return MonthAt(first - 1, zone);
  return Span{current.from - (current.to - current.from), current.from};
}

void SetTime(absl::Time time, google::protobuf::Timestamp* proto) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto->set_seconds(seconds);
  proto->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace quotaplane::quotactl
