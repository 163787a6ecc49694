#include "libs/base/random.h"

#include <sodium.h>

namespace quotaplane {

Digest RandomDigest() {
  Digest digest;
  randombytes_buf(digest.bytes.data(), digest.bytes.size());
  return digest;
}

}  // namespace quotaplane
