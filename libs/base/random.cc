#include "libs/base/random.h"

#include <sodium.h>

namespace quotaplane {

Digest RandomDigest() {
  Digest digest;
  randombytes_buf(digest.bytes.data(), digest.bytes.size());
  return digest;
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace quotaplane
