#include "libs/reports/measures.h"

#include <algorithm>

#include "libs/base/status_macros.h"

namespace quotaplane::reports {
namespace {

constexpr std::string_view kTokenMeters[] = {"input", "cache_read", "cache_write_5m",
                                             "cache_write_1h", "output"};

absl::Status DoesNotFit() {
  return absl::OutOfRangeError("a sum does not fit into 64 bits; ask for a shorter range");
}

}  // namespace

absl::StatusOr<int64_t> Plus(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return DoesNotFit();
  return sum;
}

absl::StatusOr<int64_t> Minus(int64_t a, int64_t b) {
  int64_t difference;
  if (__builtin_sub_overflow(a, b, &difference)) return DoesNotFit();
  return difference;
}

bool IsTokenMeter(std::string_view meter) {
  return std::find(std::begin(kTokenMeters), std::end(kTokenMeters), meter) !=
         std::end(kTokenMeters);
}

absl::Status Measures::Add(const Measures& other) {
  QP_ASSIGN_OR_RETURN(cost_nano_usd, Plus(cost_nano_usd, other.cost_nano_usd));
  QP_ASSIGN_OR_RETURN(requests, Plus(requests, other.requests));
  QP_ASSIGN_OR_RETURN(denied, Plus(denied, other.denied));
  QP_ASSIGN_OR_RETURN(overrun_nano_usd, Plus(overrun_nano_usd, other.overrun_nano_usd));
  for (const auto& [meter, quantity] : other.quantities) {
    QP_RETURN_IF_ERROR(AddQuantity(meter, quantity));
  }
  return absl::OkStatus();
}

absl::Status Measures::AddQuantity(std::string_view meter, int64_t quantity) {
  if (meter.empty()) return absl::OkStatus();  // a request that used nothing
  int64_t& sum = quantities[std::string(meter)];
  QP_ASSIGN_OR_RETURN(sum, Plus(sum, quantity));
  return absl::OkStatus();
}

int64_t Measures::Quantity(std::string_view meter) const {
  const auto found = quantities.find(std::string(meter));
  return found == quantities.end() ? 0 : found->second;
}

absl::StatusOr<int64_t> Measures::Tokens() const {
  int64_t sum = 0;
  for (const std::string_view meter : kTokenMeters) {
    QP_ASSIGN_OR_RETURN(sum, Plus(sum, Quantity(meter)));
  }
  return sum;
}

}  // namespace quotaplane::reports
