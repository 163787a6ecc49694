// Bytes that nobody can guess, from the operating system.
#pragma once

#include <cstddef>
#include <string>

#include "libs/base/hash.h"

namespace quotaplane {

// 16 random bytes. Thread-safe.
Digest RandomDigest();
// `count` random bytes. Thread-safe.
std::string RandomBytes(size_t count);

}  // namespace quotaplane
