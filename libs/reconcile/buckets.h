// What the JSON exports of providers share: pages of buckets of time, each with its results.
#pragma once

#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/reconcile/amounts.h"
#include "libs/reconcile/json_value.h"
#include "libs/reconcile/provider_report.h"

namespace quotaplane::reconcile {

// Adds the rows of one result, which are `row` with more in it.
using ResultReader = absl::FunctionRef<absl::Status(const JsonPlace& result, const ProviderRow& row,
                                                    ProviderReport* report)>;

// {data: [{START, END, results: […]}, …], has_more}. A bucket lies within one UTC day.
absl::StatusOr<ProviderReport> ReadBuckets(std::string_view json, const char* start,
                                           const char* end, ResultReader read);

// The amount, a number or a text, into the row's cost.
absl::Status ReadMoney(const JsonPlace& amount, MoneyUnit unit, ProviderRow* row);
// Whether it is USD, in capitals or not.
absl::Status ExpectUsd(const JsonPlace& currency);

}  // namespace quotaplane::reconcile
