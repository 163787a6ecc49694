#include "libs/testing/poll_until.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace quotaplane::fixtures {

bool PollUntil(absl::Duration timeout, const std::function<bool()>& done) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + absl::ToChronoNanoseconds(timeout);
  auto pause = std::chrono::milliseconds(1);
  while (!done()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace quotaplane::fixtures
