// What a benchmark remembers of where it ran.
#pragma once

#include <sys/utsname.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"

namespace quotaplane::bench {

// As /proc/cpuinfo calls it; where it says nothing, the architecture.
inline std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (absl::StartsWith(line, "model name")) return line.substr(line.find(':') + 2);
  }
  utsname name;
  return uname(&name) == 0 ? name.machine : "unknown";
}

}  // namespace quotaplane::bench
