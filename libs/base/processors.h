// How many processors this process may use. Not what the machine has: a container of two
// processors on a machine of 64 that starts threads for 64 has them wait for each other, and is
// stopped for the rest of each period once they have used up its quota.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace quotaplane {

// Those that it may run on (sched_getaffinity), and no more than the quota of its control groups
// pays for, rounded up; at least one. Reads files under /proc and /sys: ask once.
int AvailableProcessors();

// The whole of a file; absent where it cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

// The smallest quota of the process' control groups and of those that they are in, in processors:
// 1.5 for 150 ms of every 100. Of both versions: cpu.max of v2, cpu.cfs_quota_us of v1. Absent:
// there is none, or the files do not say.
std::optional<double> ProcessorQuota(const ReadFile& read);

// What of `allowed` (at least 1) a quota leaves.
int ProcessorsWithin(int allowed, std::optional<double> quota);

}  // namespace quotaplane
