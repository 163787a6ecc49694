// What processes take of the machine, from /proc.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

namespace quotaplane::bench {

// The most memory that was ever resident, in MiB.
double PeakRssMib(pid_t pid);

// Processor time, in seconds, of one process.
double CpuSeconds(pid_t pid);

// Of the children of a process, each as of when it was last seen: some end meanwhile.
class ChildrenCpu {
 public:
  explicit ChildrenCpu(pid_t parent) : parent_(parent) {}
  void Look();
  double seconds() const;

 private:
  const pid_t parent_;
  std::map<pid_t, double> seconds_;
};

// The first three numbers of /proc/loadavg.
std::string LoadAverage();

}  // namespace quotaplane::bench
