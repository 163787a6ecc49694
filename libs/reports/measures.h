// What a report adds up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quotaplane::reports {

struct Measures {
  int64_t cost_nano_usd = 0;
  int64_t requests = 0;
  int64_t denied = 0;  // Reserves that were refused
  int64_t overrun_nano_usd = 0;
  std::map<std::string, int64_t> quantities;  // by meter; never of the empty meter

  // OUT_OF_RANGE where a sum does not fit; some may have been added then.
  absl::Status Add(const Measures& other);
  absl::Status AddQuantity(std::string_view meter, int64_t quantity);

  // Of a meter; 0 where there is none.
  int64_t Quantity(std::string_view meter) const;
  // Of the five token meters. OUT_OF_RANGE.
  absl::StatusOr<int64_t> Tokens() const;

  friend bool operator==(const Measures&, const Measures&) = default;
};

// a + b and a - b: OUT_OF_RANGE where it does not fit into int64.
absl::StatusOr<int64_t> Plus(int64_t a, int64_t b);
absl::StatusOr<int64_t> Minus(int64_t a, int64_t b);

// Whether a quantity of this meter is one of tokens.
bool IsTokenMeter(std::string_view meter);

}  // namespace quotaplane::reports
