#include "libs/alerts/signature.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/constant_time.h"
#include "libs/base/hmac.h"

namespace quotaplane {

std::string SignatureOf(std::string_view secret, int64_t timestamp_s, std::string_view body) {
  std::string text = absl::StrCat(timestamp_s, ".");
  text.append(body);
  const HmacSha256 mac = HmacSha256Of(secret, text);
  return absl::StrCat("v1=", absl::BytesToHexString(absl::string_view(mac.data(), mac.size())));
}

bool IsSignedBy(std::string_view secret, std::string_view signature, int64_t timestamp_s,
                std::string_view body, int64_t now_s, int64_t tolerance_s) {
  return timestamp_s >= now_s - tolerance_s && timestamp_s <= now_s + tolerance_s &&
         SameInConstantTime(signature, SignatureOf(secret, timestamp_s, body));
}

}  // namespace quotaplane
