// How a fixture gives up: a message on stderr, then abort. A fixture that cannot do its work (a
// missing program, a server that does not come up) fails the test that asked for it, loudly; it
// never lets it pass or be left out.
#pragma once

#include <string_view>

namespace quotaplane::fixtures {

[[noreturn]] void Fatal(std::string_view message);
// The same, with strerror(errno) appended.
[[noreturn]] void FatalErrno(std::string_view message);

}  // namespace quotaplane::fixtures
