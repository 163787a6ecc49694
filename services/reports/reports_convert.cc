#include "services/reports/reports_convert.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/reports/periods.h"
#include "services/reports/page_token.h"
#include "services/reports/request_fields.h"
#include "services/rpc/field_checks.h"
#include "services/rpc/time_fields.h"

namespace quotaplane {
namespace {

using google::protobuf::RepeatedPtrField;
using google::protobuf::Timestamp;
using reports::Dimension;
using reports::Granularity;
using reports::Order;
using reports::Range;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// `prefix` is "" or "base_". Of the request's members of these names.
Range RangeOf(bool has_from, const Timestamp& from, bool has_to, const Timestamp& to,
              const std::string& prefix, FieldChecks* checks) {
  const Range range = {TimeOf(has_from, from, prefix + "from_time", checks),
                       TimeOf(has_to, to, prefix + "to_time", checks)};
  if (range.from_us == 0 || range.to_us == 0) return range;
  if (range.to_us <= range.from_us) {
    checks->Violation(prefix + "to_time", absl::StrCat("must be after ", prefix, "from_time"));
  } else if (range.to_us - range.from_us > kMaxRangeDays * kDayUs) {
    checks->Violation(prefix + "to_time", absl::StrCat("is more than ", kMaxRangeDays,
                                                       " days after ", prefix, "from_time"));
  }
  return range;
}

template <typename Request>
Range RangeOf(const Request& request, FieldChecks* checks) {
  return RangeOf(request.has_from_time(), request.from_time(), request.has_to_time(),
                 request.to_time(), "", checks);
}

Dimension DimensionOf(const std::string& text, const std::string& field, FieldChecks* checks) {
  absl::StatusOr<Dimension> dimension = reports::ParseDimension(text);
  if (dimension.ok()) return *std::move(dimension);
  checks->Violation(field, absl::StrCat(Quoted(text), " ", Message(dimension.status())));
  return {};
}

std::vector<Dimension> GroupByOf(const RepeatedPtrField<std::string>& names, FieldChecks* checks) {
  std::vector<Dimension> group_by;
  if (names.size() > kMaxGroupBy) {
    checks->Violation("group_by", absl::StrCat("has ", names.size(), " dimensions; at most ",
                                               kMaxGroupBy, " are allowed"));
    return group_by;
  }
  std::set<std::string> seen;
  for (int i = 0; i < names.size(); ++i) {
    const std::string field = absl::StrCat("group_by[", i, "]");
    group_by.push_back(DimensionOf(names[i], field, checks));
    if (!seen.insert(names[i]).second) checks->Violation(field, "is there twice");
  }
  return group_by;
}

std::vector<std::string> TextsOf(const RepeatedPtrField<std::string>& texts,
                                 const std::string& field, FieldChecks* checks) {
  for (int i = 0; i < texts.size(); ++i) {
    checks->Text(texts[i], absl::StrCat(field, "[", i, "]"), false);
  }
  return {texts.begin(), texts.end()};
}

std::vector<reports::Filter> FiltersOf(const RepeatedPtrField<v1::Filter>& from,
                                       FieldChecks* checks) {
  std::vector<reports::Filter> filters;
  if (from.size() > kMaxFilters) {
    checks->Violation("filters", absl::StrCat("has ", from.size(), " filters; at most ",
                                              kMaxFilters, " are allowed"));
    return filters;
  }
  for (int i = 0; i < from.size(); ++i) {
    const std::string field = absl::StrCat("filters[", i, "]");
    const int count = from[i].values_size() + from[i].globs_size();
    if (count == 0 || count > kMaxFilterValues) {
      checks->Violation(field, absl::StrCat("has ", count, " values and globs; there must be 1 to ",
                                            kMaxFilterValues));
      continue;
    }
    filters.push_back({DimensionOf(from[i].dimension(), field + ".dimension", checks),
                       TextsOf(from[i].values(), field + ".values", checks),
                       TextsOf(from[i].globs(), field + ".globs", checks)});
  }
  return filters;
}

template <typename Request>
reports::Selection SelectionOf(const Request& request, FieldChecks* checks) {
  checks->Text(request.org(), "org", true);
  return {request.org(), RangeOf(request, checks), FiltersOf(request.filters(), checks)};
}

Granularity GranularityOf(v1::Granularity granularity, FieldChecks* checks) {
  switch (granularity) {
    case v1::GRANULARITY_UNSPECIFIED:
      return Granularity::kNone;
    case v1::GRANULARITY_HOUR:
      return Granularity::kHour;
    case v1::GRANULARITY_DAY:
      return Granularity::kDay;
    case v1::GRANULARITY_WEEK:
      return Granularity::kWeek;
    case v1::GRANULARITY_MONTH:
      return Granularity::kMonth;
    default:
      break;
  }
  checks->Violation("granularity", absl::StrCat("is ", static_cast<int>(granularity),
                                                ", which is not a value of Granularity"));
  return Granularity::kNone;
}

Order OrderOf(const std::string& text, FieldChecks* checks) {
  Order order;
  if (text.empty()) return order;
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  const bool fit =
      words.size() == 1 || (words.size() == 2 && (words[1] == "asc" || words[1] == "desc"));
  order.descending = words.size() == 2 && words[1] == "desc";
  constexpr std::pair<const char*, Order::By> kNames[] = {
      {"cost", Order::By::kCost},     {"requests", Order::By::kRequests},
      {"denied", Order::By::kDenied}, {"overrun", Order::By::kOverrun},
      {"tokens", Order::By::kTokens}, {"group", Order::By::kGroup}};
  for (const auto& [name, by] : kNames) {
    order.by = by;
    if (fit && words[0] == name) return order;
  }
  constexpr std::string_view kQuantity = "quantity.";
  const std::string_view first = words[0];
  if (fit && first.starts_with(kQuantity) && IsName(first.substr(kQuantity.size()))) {
    order.by = Order::By::kQuantity;
    order.meter = first.substr(kQuantity.size());
    return order;
  }
  checks->Violation("order_by",
                    absl::StrCat(Quoted(text),
                                 " is no order; there are cost, requests, denied, overrun, "
                                 "tokens, quantity.METER and group, each with \" "
                                 "desc\" or \" asc\""));
  return order;
}

void CheckPeriods(const reports::UsageQuery& query, FieldChecks* checks) {
  const auto periods =
      reports::PeriodsOf(query.selection.range, query.granularity, query.zone).status();
  if (!periods.ok()) checks->Violation("granularity", Message(periods));
}

void ToProto(const reports::Measures& from, v1::Measures* to) {
  to->set_cost_nano_usd(from.cost_nano_usd);
  to->set_requests(from.requests);
  to->set_denied(from.denied);
  to->set_overrun_nano_usd(from.overrun_nano_usd);
  to->mutable_quantities()->insert(from.quantities.begin(), from.quantities.end());
}

void ToProto(const reports::UsageRow& from, v1::UsageRow* to) {
  SetTime(from.period.from_us, to->mutable_start_time());
  SetTime(from.period.to_us, to->mutable_end_time());
  to->mutable_group()->Add(from.group.begin(), from.group.end());
  to->set_others(from.others);
  ToProto(from.measures, to->mutable_measures());
}

void ToProto(const reports::Comparison& from, v1::Comparison* to) {
  to->mutable_group()->Add(from.group.begin(), from.group.end());
  to->set_others(from.others);
  ToProto(from.base, to->mutable_base());
  ToProto(from.current, to->mutable_current());
  to->set_cost_change_nano_usd(from.cost_change_nano_usd);
  if (from.cost_change_millionths.has_value()) {
    to->set_cost_change_millionths(*from.cost_change_millionths);
  }
  to->set_requests_change(from.requests_change);
  to->set_denied_change(from.denied_change);
}

}  // namespace

absl::StatusOr<UsagePage> FromProto(const v1::QueryUsageRequest& request) {
  FieldChecks checks;
  UsagePage page;
  reports::UsageQuery& query = page.query;
  query.selection = SelectionOf(request, &checks);
  query.zone = ZoneOf(request.time_zone(), "time_zone", &checks);
  query.group_by = GroupByOf(request.group_by(), &checks);
  query.granularity = GranularityOf(request.granularity(), &checks);
  query.order = OrderOf(request.order_by(), &checks);
  query.top = CountOf(request.top(), kMaxTop, 0, "top", &checks);
  page.size = CountOf(request.page_size(), kMaxPageSize, kDefaultPageSize, "page_size", &checks);
  v1::QueryUsageRequest base = request;
  base.clear_page_size();
  base.clear_page_token();
  page.token_base = base.SerializeAsString();
  if (!request.page_token().empty()) {
    const absl::StatusOr<size_t> offset = ReadPageToken(page.token_base, request.page_token());
    if (!offset.ok()) checks.Violation("page_token", Message(offset.status()));
    page.offset = offset.value_or(0);
  }
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  CheckPeriods(query, &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return page;
}

absl::StatusOr<reports::UsageQuery> FromProto(const v1::ListTopSpendersRequest& request) {
  FieldChecks checks;
  reports::UsageQuery query;
  query.selection = SelectionOf(request, &checks);
  const std::string dimension = request.dimension().empty() ? "user" : request.dimension();
  query.group_by = {DimensionOf(dimension, "dimension", &checks)};
  query.top = CountOf(request.top(), kMaxSpenders, kDefaultSpenders, "top", &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return query;
}

absl::StatusOr<ComparisonArgs> FromProto(const v1::ComparePeriodsRequest& request) {
  FieldChecks checks;
  ComparisonArgs args;
  args.selection = SelectionOf(request, &checks);
  args.base = RangeOf(request.has_base_from_time(), request.base_from_time(),
                      request.has_base_to_time(), request.base_to_time(), "base_", &checks);
  args.group_by = GroupByOf(request.group_by(), &checks);
  args.top = CountOf(request.top(), kMaxCompared, kMaxCompared, "top", &checks);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

absl::StatusOr<ExportArgs> FromProto(const v1::ExportUsageRequest& request) {
  FieldChecks checks;
  ExportArgs args;
  args.selection = SelectionOf(request, &checks);
  args.format = request.format();
  if (args.format != v1::EXPORT_FORMAT_CSV && args.format != v1::EXPORT_FORMAT_JSON_LINES &&
      args.format != v1::EXPORT_FORMAT_FOCUS_1_2) {
    checks.Violation("format", "must be CSV, JSON_LINES or FOCUS_1_2");
  }
  const auto name = [&](const std::string& given, const char* field, std::string* to) {
    checks.Text(given, field, false);
    if (!given.empty()) *to = given;
  };
  name(request.invoice_issuer_name(), "invoice_issuer_name", &args.names.invoice_issuer);
  name(request.provider_name(), "provider_name", &args.names.provider);
  name(request.publisher_name(), "publisher_name", &args.names.publisher);
  if (absl::Status status = checks.ToStatus(); !status.ok()) return status;
  return args;
}

void ToProto(const reports::UsageReport& report, const UsagePage& page,
             v1::QueryUsageResponse* response) {
  const std::vector<reports::UsageRow>& rows = report.rows;
  size_t at = std::min(page.offset, rows.size());
  const size_t end = std::min(at + page.size, rows.size());
  size_t bytes = 0;
  for (; at < end && bytes < kMaxPageBytes; ++at) {
    v1::UsageRow* const row = response->add_rows();
    ToProto(rows[at], row);
    bytes += row->ByteSizeLong();
  }
  ToProto(report.total, response->mutable_total());
  response->set_total_rows(static_cast<int32_t>(rows.size()));
  if (at < rows.size()) response->set_next_page_token(MakePageToken(page.token_base, at));
}

void ToProto(const reports::UsageReport& report, v1::ListTopSpendersResponse* response) {
  const int64_t total = report.total.cost_nano_usd;
  for (const reports::UsageRow& row : report.rows) {
    v1::Spender* const spender = response->add_spenders();
    if (!row.others) spender->set_name(row.group[0]);
    spender->set_others(row.others);
    ToProto(row.measures, spender->mutable_measures());
    const int64_t cost = row.measures.cost_nano_usd;
    if (total > 0 && cost > 0) spender->set_share_millionths(*reports::Millionths(cost, total));
  }
  ToProto(report.total, response->mutable_total());
}

void ToProto(const reports::ComparisonReport& report, v1::ComparePeriodsResponse* response) {
  for (const reports::Comparison& row : report.rows) ToProto(row, response->add_rows());
  ToProto(report.total, response->mutable_total());
}

void ToProto(const reports::ExportChunk& chunk, v1::ExportUsageResponse* response) {
  response->set_data(chunk.data);
  response->set_entries(chunk.entries);
  response->set_cost_nano_usd(chunk.cost_nano_usd);
  SetTime(chunk.position_us, response->mutable_position_time());
  response->set_last(chunk.last);
}

}  // namespace quotaplane
