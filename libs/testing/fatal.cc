#include "libs/testing/fatal.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace quotaplane::fixtures {

void Fatal(std::string_view message) {
  std::fprintf(stderr, "\nFIXTURE FAILED: %.*s\n", static_cast<int>(message.size()),
               message.data());
  std::fflush(stderr);
  std::abort();
}

void FatalErrno(std::string_view message) {
  const int error = errno;
  Fatal(std::string(message) + ": " + std::strerror(error));
}

}  // namespace quotaplane::fixtures
