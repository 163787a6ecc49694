#include "libs/auth/token.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/random.h"

namespace quotaplane {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr std::string_view kHashPrefix = "blake2b:";

}  // namespace

std::string NewToken() {
  return absl::StrCat(AbslView(kTokenPrefix), absl::WebSafeBase64Escape(RandomBytes(kTokenBytes)));
}

std::string FormatTokenHash(const Hash256& hash) {
  return absl::StrCat(AbslView(kHashPrefix), absl::BytesToHexString({hash.data(), hash.size()}));
}

std::optional<Hash256> ParseTokenHash(std::string_view text) {
  Hash256 hash;
  if (!text.starts_with(kHashPrefix)) return std::nullopt;
  text.remove_prefix(kHashPrefix.size());
  const auto is_hex = [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); };
  if (text.size() != 2 * hash.size() || !std::all_of(text.begin(), text.end(), is_hex)) {
    return std::nullopt;
  }
  const std::string bytes = absl::HexStringToBytes(AbslView(text));
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

}  // namespace quotaplane
