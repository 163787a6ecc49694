// Rows of November 2026 for the tests here.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "libs/reconcile/reconcile.h"

namespace quotaplane::reconcile {

inline constexpr int64_t kUsd = 1'000'000'000;

inline ProviderRow Used(int day, std::string model, std::string meter, int64_t quantity,
                        std::string tier = "") {
  return {absl::CivilDay(2026, 11, day),
          std::move(model),
          std::move(tier),
          std::move(meter),
          quantity,
          {},
          0};
}

inline ProviderRow Cost(int day, std::string model, std::string meter, int64_t nano_usd,
                        int64_t rounding = 0) {
  return {absl::CivilDay(2026, 11, day),
          std::move(model),
          "",
          std::move(meter),
          {},
          nano_usd,
          rounding};
}

inline LedgerRow Charged(int day, std::string model, std::string meter, int64_t quantity,
                         int64_t nano_usd, int64_t requests = 0) {
  return {absl::CivilDay(2026, 11, day),
          std::move(model),
          std::move(meter),
          quantity,
          nano_usd,
          requests};
}

// The first ten days, and every model.
inline Options AllDays() {
  Options options;
  options.from = absl::CivilDay(2026, 11, 1);
  options.to = absl::CivilDay(2026, 11, 11);
  options.models = {Glob("*")};
  return options;
}

inline Outcome Compare(std::vector<ProviderRow> rows, const std::vector<LedgerRow>& ledger,
                       const Options& options = AllDays()) {
  ProviderReport report;
  for (const ProviderRow& row : rows) {
    report.has_usage |= row.quantity.has_value();
    report.has_cost |= row.cost_nano_usd.has_value();
  }
  report.rows = std::move(rows);
  absl::StatusOr<Outcome> outcome = Reconcile(report, ledger, options);
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return outcome.ok() ? *std::move(outcome) : Outcome();
}

}  // namespace quotaplane::reconcile
