// Page tokens: where the next page begins, and of which query.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quotaplane {

// `query` stands for everything but the page. Text that fits into a URL.
std::string MakePageToken(std::string_view query, size_t offset);
// INVALID_ARGUMENT: no token of ours, or one of another query.
absl::StatusOr<size_t> ReadPageToken(std::string_view query, std::string_view token);

}  // namespace quotaplane
