// How much dearer one piece of work is than another, on a machine that does other things beside.
#pragma once

#include <time.h>

#include <algorithm>
#include <limits>

namespace quotaplane::fixtures {

// Processor time of the calling thread, in seconds.
inline double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Processor time of `work`'s cheapest round by that of `yardstick`'s, both in turns and on this
// thread. A neighbour that takes caches and the core's other half makes both dearer, which a bound
// in seconds would take for a fault; those are for benchmarks, on a machine that is quiet.
template <typename Work, typename Yardstick>
double RelativeCost(int rounds, const Work& work, const Yardstick& yardstick) {
  const auto seconds = [](const auto& run) {
    const double start_s = ThreadSeconds();
    run();
    return ThreadSeconds() - start_s;
  };
  double work_s = std::numeric_limits<double>::infinity(), yardstick_s = work_s;
  for (int i = 0; i < rounds; ++i) {
    yardstick_s = std::min(yardstick_s, seconds(yardstick));
    work_s = std::min(work_s, seconds(work));
  }
  return work_s / yardstick_s;
}

}  // namespace quotaplane::fixtures
