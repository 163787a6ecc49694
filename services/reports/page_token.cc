#include "services/reports/page_token.h"

#include "absl/strings/escaping.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"

namespace quotaplane {
namespace {

constexpr char kVersion = 1;
constexpr size_t kDigestBytes = 16;
constexpr size_t kOffsetBytes = 4;

}  // namespace

std::string MakePageToken(std::string_view query, size_t offset) {
  std::string bytes(1, kVersion);
  bytes += HashOf(query).view();
  for (size_t i = kOffsetBytes; i-- > 0;) bytes += static_cast<char>(offset >> (8 * i));
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<size_t> ReadPageToken(std::string_view query, std::string_view token) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(AbslView(token), &bytes) ||
      bytes.size() != 1 + kDigestBytes + kOffsetBytes || bytes[0] != kVersion) {
    return absl::InvalidArgumentError("is no page token");
  }
  const std::string_view view = bytes;
  if (view.substr(1, kDigestBytes) != HashOf(query).view()) {
    return absl::InvalidArgumentError(
        "is of another query: all but page_size has to be as it was for the page before");
  }
  size_t offset = 0;
  for (const char c : view.substr(1 + kDigestBytes)) {
    offset = offset << 8 | static_cast<unsigned char>(c);
  }
  return offset;
}

}  // namespace quotaplane
