// How many calls were refused because of who made them, by reason. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace quotaplane {

class AuthRefusals {
 public:
  // Of UNAUTHENTICATED, and of what says that a role is missing or an issuer away; others are not
  // counted.
  void Count(const absl::Status& refusal);

  // Every reason that there is, in lower case ("token_unknown", …; "other" at the end), with its
  // count.
  std::vector<std::pair<std::string_view, int64_t>> counts() const;

 private:
  static constexpr size_t kReasons = 11;
  std::array<std::atomic<int64_t>, kReasons> counts_{};
};

}  // namespace quotaplane
