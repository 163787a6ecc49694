#include "libs/reconcile/anthropic.h"

#include "libs/base/status_macros.h"
#include "libs/reconcile/amounts.h"
#include "libs/reconcile/buckets.h"

namespace quotaplane::reconcile {
namespace {

// How the cost report names the meters of tokens.
constexpr std::pair<std::string_view, std::string_view> kTokenTypes[] = {
    {"uncached_input_tokens", "input"},
    {"cache_read_input_tokens", "cache_read"},
    {"cache_creation.ephemeral_5m_input_tokens", "cache_write_5m"},
    {"cache_creation.ephemeral_1h_input_tokens", "cache_write_1h"},
    {"output_tokens", "output"}};

absl::Status ReadUsage(const JsonPlace& result, ProviderRow row, ProviderReport* report) {
  QP_ASSIGN_OR_RETURN(row.model, result["model"].Text());
  QP_ASSIGN_OR_RETURN(row.tier, result["service_tier"].Text());
  const JsonPlace creation = result["cache_creation"], tools = result["server_tool_use"];
  const auto add = [&](const JsonPlace& place, const char* meter) -> absl::Status {
    if (place.is_null()) return absl::OkStatus();
    row.meter = meter;
    QP_ASSIGN_OR_RETURN(row.quantity, place.Count());
    report->rows.push_back(row);
    return absl::OkStatus();
  };
  QP_RETURN_IF_ERROR(add(result["uncached_input_tokens"], "input"));
  QP_RETURN_IF_ERROR(add(result["cache_read_input_tokens"], "cache_read"));
  QP_RETURN_IF_ERROR(add(creation["ephemeral_5m_input_tokens"], "cache_write_5m"));
  QP_RETURN_IF_ERROR(add(creation["ephemeral_1h_input_tokens"], "cache_write_1h"));
  QP_RETURN_IF_ERROR(add(result["output_tokens"], "output"));
  QP_RETURN_IF_ERROR(add(tools["web_search_requests"], "web_search_requests"));
  report->has_usage = true;
  return absl::OkStatus();
}

absl::Status ReadCost(const JsonPlace& result, ProviderRow row, ProviderReport* report) {
  QP_ASSIGN_OR_RETURN(row.model, result["model"].Text());
  QP_ASSIGN_OR_RETURN(row.tier, result["service_tier"].Text());
  QP_ASSIGN_OR_RETURN(const std::string token_type, result["token_type"].Text());
  QP_ASSIGN_OR_RETURN(const std::string cost_type, result["cost_type"].Text());
  QP_RETURN_IF_ERROR(ExpectUsd(result["currency"]));
  row.meter = cost_type == "tokens" ? std::string() : cost_type;
  for (const auto& [name, meter] : kTokenTypes) {
    if (token_type == name) row.meter = meter;
  }
  QP_RETURN_IF_ERROR(ReadMoney(result["amount"], MoneyUnit::kCents, &row));
  report->rows.push_back(std::move(row));
  report->has_cost = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProviderReport> ReadAnthropic(std::string_view json) {
  return ReadBuckets(
      json, "starting_at", "ending_at",
      [](const JsonPlace& result, const ProviderRow& row, ProviderReport* report) -> absl::Status {
        if (!result["amount"].is_null()) return ReadCost(result, row, report);
        if (!result["output_tokens"].is_null() || !result["uncached_input_tokens"].is_null()) {
          return ReadUsage(result, row, report);
        }
        return result.Error(
            "is neither usage (uncached_input_tokens, output_tokens) nor cost (amount)");
      });
}

}  // namespace quotaplane::reconcile
