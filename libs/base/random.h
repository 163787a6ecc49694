// Bytes that nobody can guess, from the operating system.
#pragma once

#include "libs/base/hash.h"

namespace quotaplane {

// 16 random bytes. Thread-safe.
Digest RandomDigest();

}  // namespace quotaplane
