// The whole measurement, in one go: everything on this machine, rounds interleaved so that noise
// hits all alike.
#pragma once

#include <string>

#include "tests/bench/hotpath/results.h"

namespace quotaplane::bench {

struct Plan {
  std::string program;  // quotaplane
  std::string assets;   // the directory with the policies and prices
  int users = 100'000;
  int memory_users = 20'000;  // for the bytes per counter
  int rounds = 4;
  double cell_s = 0.9;  // each closed-loop run
  double open_s = 3;    // each open-loop run
};

// Shows progress on stderr. Aborts where a call fails or is refused: then there is nothing to
// measure.
Results Measure(const Plan& plan);

}  // namespace quotaplane::bench
