// Page tokens: after what the next page begins, and of which list.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quotaplane {

// `list` stands for everything of the request but the page; `after` is the list's own word for
// where the page before ended, at most 512 bytes. Text that fits into a URL.
std::string MakePageToken(std::string_view list, std::string_view after);
// INVALID_ARGUMENT: no token of ours, or one of another list.
absl::StatusOr<std::string> ReadPageToken(std::string_view list, std::string_view token);

}  // namespace quotaplane
