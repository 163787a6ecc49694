#include "libs/keys/virtual_key.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/constant_time.h"
#include "libs/base/random.h"

namespace quotaplane {
namespace {

constexpr std::string_view kPrefix = "qpk_";
constexpr size_t kIdBytes = 10;  // random ones; 16 characters
constexpr size_t kIdSize = 16;
constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretSize = 43;
constexpr size_t kTextSize = kPrefix.size() + kIdSize + 1 + kSecretSize;
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";

// Without padding: a multiple of five bytes.
std::string Base32(std::string_view bytes) {
  std::string text;
  uint32_t kept = 0;
  int bits = 0;
  for (const unsigned char byte : bytes) {
    kept = (kept << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += kBase32[(kept >> (bits - 5)) & 31];
  }
  return text;
}

bool IsBase64Url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

NewSecret MakeKey() { return MakeSecretFor(Base32(RandomBytes(kIdBytes))); }

NewSecret MakeSecretFor(std::string_view id) {
  const std::string secret = absl::WebSafeBase64Escape(RandomBytes(kSecretBytes));
  return {std::string(id), absl::StrCat(AbslView(kPrefix), AbslView(id), "_", secret),
          HashSecret(secret)};
}

bool IsKeyText(std::string_view text) {
  if (text.size() != kTextSize || !text.starts_with(kPrefix)) return false;
  const std::string_view id = text.substr(kPrefix.size(), kIdSize);
  const std::string_view secret = text.substr(kTextSize - kSecretSize);
  return id.find_first_not_of(kBase32) == std::string_view::npos &&
         text[kPrefix.size() + kIdSize] == '_' &&
         std::all_of(secret.begin(), secret.end(), IsBase64Url);
}

absl::StatusOr<KeyText> ParseKeyText(std::string_view text) {
  if (!IsKeyText(text)) return absl::InvalidArgumentError("has not the form of a virtual key");
  return KeyText{text.substr(kPrefix.size(), kIdSize),
                 HashSecret(text.substr(kTextSize - kSecretSize))};
}

SecretHash HashSecret(std::string_view secret) { return Hash256Of(secret); }

bool SameHash(const SecretHash& a, const SecretHash& b) {
  return SameInConstantTime({a.data(), a.size()}, {b.data(), b.size()});
}

}  // namespace quotaplane
