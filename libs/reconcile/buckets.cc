#include "libs/reconcile/buckets.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"

namespace quotaplane::reconcile {
namespace {

absl::StatusOr<absl::Time> TimeOf(const JsonPlace& place) {
  absl::Time time;
  const JsonValue& value = *place;
  if (value.kind == JsonValue::Kind::kNumber) {
    const absl::StatusOr<int64_t> seconds = ParseCount(value.text);
    if (seconds.ok()) time = absl::FromUnixSeconds(*seconds);
    if (seconds.ok() && ParseDay(value.text).ok()) return time;
  } else if (value.kind == JsonValue::Kind::kText && ParseDay(value.text).ok() &&
             absl::ParseTime(absl::RFC3339_full, value.text, &time, nullptr)) {
    return time;
  }
  return place.Error("must be a time: RFC 3339, or seconds since the epoch");
}

absl::Status ReadBucket(const JsonPlace& bucket, const char* start_key, const char* end_key,
                        ResultReader read, ProviderReport* report) {
  const JsonPlace end_place = bucket[end_key], results = bucket["results"];
  QP_ASSIGN_OR_RETURN(const absl::Time start, TimeOf(bucket[start_key]));
  QP_ASSIGN_OR_RETURN(const absl::Time end, TimeOf(end_place));
  ProviderRow row;
  row.day = absl::ToCivilDay(start, absl::UTCTimeZone());
  if (end <= start || end > absl::FromCivil(row.day + 1, absl::UTCTimeZone())) {
    return end_place.Error(
        "does not end within the UTC day in which the bucket begins: export it in buckets of a day "
        "or less");
  }
  report->from = report->from.has_value() ? std::min(*report->from, row.day) : row.day;
  report->to = report->to.has_value() ? std::max(*report->to, row.day + 1) : row.day + 1;
  QP_ASSIGN_OR_RETURN(const std::vector<JsonPlace> items, results.Items());
  for (const JsonPlace& result : items) {
    QP_RETURN_IF_ERROR(read(result, row, report));
    if (report->rows.size() > kMaxRows) {
      return result.Error(absl::StrCat("is past the ", kMaxRows, " rows that are read"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProviderReport> ReadBuckets(std::string_view json, const char* start,
                                           const char* end, ResultReader read) {
  QP_ASSIGN_OR_RETURN(const JsonValue value, ParseJson(json));
  const JsonPlace root(value);
  const JsonPlace data = root["data"];
  if (data.is_null()) {
    return root.Error("must be the API's answer as it came: an object with a list `data`");
  }
  QP_ASSIGN_OR_RETURN(const std::vector<JsonPlace> buckets, data.Items());
  ProviderReport report;
  for (const JsonPlace& bucket : buckets) {
    QP_RETURN_IF_ERROR(ReadBucket(bucket, start, end, read, &report));
  }
  QP_ASSIGN_OR_RETURN(const bool goes_on, root["has_more"].Bool());
  // A page without a result may be of either kind.
  if (report.rows.empty()) report.has_usage = report.has_cost = true;
  report.usage_goes_on = goes_on && report.has_usage;
  report.cost_goes_on = goes_on && report.has_cost;
  return report;
}

absl::Status ReadMoney(const JsonPlace& amount, MoneyUnit unit, ProviderRow* row) {
  const JsonValue& value = *amount;
  if (value.kind != JsonValue::Kind::kNumber && value.kind != JsonValue::Kind::kText) {
    return amount.Error("must be an amount of money");
  }
  const absl::StatusOr<Money> money = ParseMoney(value.text, unit);
  if (!money.ok()) return amount.Error(std::string(money.status().message()));
  row->cost_nano_usd = money->nano_usd;
  row->rounding_nano_usd = money->rounding_nano_usd;
  return absl::OkStatus();
}

absl::Status ExpectUsd(const JsonPlace& currency) {
  QP_ASSIGN_OR_RETURN(const std::string name, currency.Text());
  if (absl::EqualsIgnoreCase(name, "USD")) return absl::OkStatus();
  return currency.Error(absl::StrCat("is ", QuoteForMessage(name), "; the ledger is in USD"));
}

}  // namespace quotaplane::reconcile
