#include "libs/control/sortable_id.h"

#include <algorithm>

#include "libs/base/random.h"

namespace quotaplane {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kTimeDigits = 10;
constexpr size_t kRandomDigits = 16;
constexpr int kBits = 5;

}  // namespace

std::string NewSortableId(int64_t now_us) {
  std::string id(kTimeDigits + kRandomDigits, '0');
  uint64_t millis = static_cast<uint64_t>(now_us / 1'000);
  for (size_t i = kTimeDigits; i-- > 0; millis >>= kBits) id[i] = kDigits[millis & 31];
  // A random byte for each digit.
  const Digest random = RandomDigest();
  for (size_t i = 0; i < kRandomDigits; ++i) id[kTimeDigits + i] = kDigits[random.bytes[i] & 31];
  return id;
}

bool IsSortableId(std::string_view text) {
  return text.size() == kTimeDigits + kRandomDigits && text[0] <= '7' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return kDigits.find(c) != kDigits.npos; });
}

}  // namespace quotaplane
