// What a provider's export says, whichever format it had.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"

namespace quotaplane::reconcile {

// Past these an export is refused: it has to fit into memory.
inline constexpr size_t kMaxFileBytes = size_t{64} << 20;
inline constexpr size_t kMaxRows = 1'000'000;

// One meter of one model on one UTC day, or a part of it. Meters are spelled as the ledger's.
struct ProviderRow {
  absl::CivilDay day;
  std::string model;  // empty where the export does not tell models apart
  std::string tier;   // "standard", "batch", …; empty where it is not said
  std::string meter;  // empty: a cost that belongs to no meter
  std::optional<int64_t> quantity;
  std::optional<int64_t> cost_nano_usd;
  // The cost was rounded to this by the provider: the last digit that was written, a cent at most.
  int64_t rounding_nano_usd = 0;
};

struct ProviderReport {
  std::vector<ProviderRow> rows;
  // Whether it tells quantities, and costs. Both, where it has no rows to tell it by.
  bool has_usage = false;
  bool has_cost = false;
  // The days that it is about, where it says so: from the first to the one after the last.
  std::optional<absl::CivilDay> from, to;
  // Of JSON exports: whether this page is followed by another.
  bool usage_goes_on = false;
  bool cost_goes_on = false;

  // Adds another file's rows. INVALID_ARGUMENT: more than kMaxRows.
  absl::Status Add(ProviderReport other);
};

}  // namespace quotaplane::reconcile
