#include "services/audited/page_token.h"

#include "absl/strings/escaping.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"

namespace quotaplane {
namespace {

constexpr char kVersion = 1;
constexpr size_t kDigestBytes = 16;
constexpr size_t kMaxTokenBytes = 1'024;

// Over the place too: a token that somebody has changed is none of ours.
Digest Bind(std::string_view list, std::string_view after) {
  return FieldBuffer().Add("page token").Add(list).Add(after).digest();
}

}  // namespace

std::string MakePageToken(std::string_view list, std::string_view after) {
  std::string bytes(1, kVersion);
  bytes += Bind(list, after).view();
  bytes += after;
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<std::string> ReadPageToken(std::string_view list, std::string_view token) {
  std::string bytes;
  if (token.size() > kMaxTokenBytes || !absl::WebSafeBase64Unescape(AbslView(token), &bytes) ||
      bytes.size() <= 1 + kDigestBytes || bytes[0] != kVersion) {
    return absl::InvalidArgumentError("is no page token");
  }
  const std::string_view view = bytes;
  const std::string_view after = view.substr(1 + kDigestBytes);
  if (view.substr(1, kDigestBytes) != Bind(list, after).view()) {
    return absl::InvalidArgumentError(
        "is of another list: all but page_size has to be as it was for the page before");
  }
  return std::string(after);
}

}  // namespace quotaplane
