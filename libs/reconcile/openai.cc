#include "libs/reconcile/openai.h"

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/reconcile/buckets.h"

namespace quotaplane::reconcile {
namespace {

// What stands behind the model in a line item.
constexpr std::pair<std::string_view, std::string_view> kLineItems[] = {
    {"input", "input"}, {"cached input", "cache_read"}, {"output", "output"}};

absl::Status ReadUsage(const JsonPlace& result, ProviderRow row, ProviderReport* report) {
  QP_ASSIGN_OR_RETURN(row.model, result["model"].Text());
  QP_ASSIGN_OR_RETURN(row.tier, result["service_tier"].Text());
  QP_ASSIGN_OR_RETURN(const bool batch, result["batch"].Bool());
  if (batch) row.tier = "batch";
  const JsonPlace input = result["input_tokens"], cached = result["input_cached_tokens"];
  QP_ASSIGN_OR_RETURN(const int64_t all, input.Count());
  QP_ASSIGN_OR_RETURN(const int64_t read, cached.Count());
  QP_ASSIGN_OR_RETURN(const int64_t written, result["input_cache_write_tokens"].Count());
  QP_ASSIGN_OR_RETURN(const int64_t output, result["output_tokens"].Count());
  if (read + written > all) {
    return input.Error(absl::StrCat("is ", all, ", less than its cached part, ", read + written));
  }
  const auto add = [&](const char* meter, int64_t quantity) {
    row.meter = meter;
    row.quantity = quantity;
    report->rows.push_back(row);
  };
  add("input", all - read - written);
  add("cache_read", read);
  if (written > 0) add("cache_write_5m", written);
  add("output", output);
  report->has_usage = true;
  return absl::OkStatus();
}

absl::Status ReadCost(const JsonPlace& result, ProviderRow row, ProviderReport* report) {
  QP_ASSIGN_OR_RETURN(std::string item, result["line_item"].Text());
  const JsonPlace amount = result["amount"];
  QP_RETURN_IF_ERROR(ExpectUsd(amount["currency"]));
  QP_RETURN_IF_ERROR(ReadMoney(amount["value"], MoneyUnit::kUsd, &row));
  const size_t comma = item.rfind(", ");
  if (comma != std::string::npos) {
    row.meter = item.substr(comma + 2);
    for (const auto& [name, meter] : kLineItems) {
      if (row.meter == name) row.meter = meter;
    }
    item.resize(comma);
  }
  row.model = std::move(item);
  report->rows.push_back(std::move(row));
  report->has_cost = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProviderReport> ReadOpenAi(std::string_view json) {
  return ReadBuckets(
      json, "start_time", "end_time",
      [](const JsonPlace& result, const ProviderRow& row, ProviderReport* report) -> absl::Status {
        if (!result["amount"].is_null()) return ReadCost(result, row, report);
        if (!result["input_tokens"].is_null()) return ReadUsage(result, row, report);
        return result.Error("is neither usage (input_tokens, output_tokens) nor cost (amount)");
      });
}

}  // namespace quotaplane::reconcile
