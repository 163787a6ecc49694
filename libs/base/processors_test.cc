#include "libs/base/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <map>
#include <thread>

namespace quotaplane {
namespace {

using Files = std::map<std::string, std::string>;

std::optional<double> QuotaFrom(const Files& files) {
  return ProcessorQuota([&files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  });
}

constexpr char kMountedV2[] =
    "22 28 0:20 / /sys rw,nosuid - sysfs sysfs rw\n"
    "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

// As a pod's container has it: its group is the root of what it sees.
Files PodV2(const std::string& cpu_max) {
  return {{"/proc/self/cgroup", "0::/\n"},
          {"/proc/self/mountinfo", kMountedV2},
          {"/sys/fs/cgroup/cpu.max", cpu_max}};
}

TEST(ProcessorQuota, OfAContainer) {
  EXPECT_EQ(QuotaFrom(PodV2("200000 100000\n")), 2.0);
  EXPECT_EQ(QuotaFrom(PodV2("150000 100000\n")), 1.5);
  EXPECT_EQ(QuotaFrom(PodV2("5000 50000\n")), 0.1);
  EXPECT_EQ(QuotaFrom(PodV2("max 100000\n")), std::nullopt);
}

TEST(ProcessorQuota, OfTheTightestGroupOnTheWayUp) {
  Files files = {{"/proc/self/cgroup", "0::/system.slice/quotaplane.service/worker\n"},
                 {"/proc/self/mountinfo", kMountedV2},
                 {"/sys/fs/cgroup/system.slice/cpu.max", "800000 100000\n"},
                 {"/sys/fs/cgroup/system.slice/quotaplane.service/cpu.max", "300000 100000\n"},
                 {"/sys/fs/cgroup/system.slice/quotaplane.service/worker/cpu.max", "max 100000\n"},
                 {"/sys/fs/cgroup/user.slice/cpu.max", "100000 100000\n"}};
  EXPECT_EQ(QuotaFrom(files), 3.0);
  files["/sys/fs/cgroup/system.slice/cpu.max"] = "250000 100000\n";
  EXPECT_EQ(QuotaFrom(files), 2.5);
}

TEST(ProcessorQuota, OfTheFirstVersion) {
  Files files = {
      {"/proc/self/cgroup", "4:memory:/docker/ab\n3:cpuset:/x\n2:cpu,cpuacct:/docker/ab\n0::/\n"},
      // The cpuset is no quota; the hierarchy of both controllers is mounted from the group on.
      {"/proc/self/mountinfo",
       "33 31 0:30 / /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
       "34 31 0:31 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
       "41 31 0:38 / /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}};
  EXPECT_EQ(QuotaFrom(files), 4.0);
  files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "-1\n";
  EXPECT_EQ(QuotaFrom(files), std::nullopt);
  // A group that is not below what is mounted is that.
  files["/proc/self/cgroup"] = "2:cpu,cpuacct:/elsewhere\n";
  files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "100000\n";
  EXPECT_EQ(QuotaFrom(files), 1.0);
  // Nor is one whose name only begins alike.
  files["/proc/self/cgroup"] = "2:cpu,cpuacct:/docker/abc\n";
  files["/sys/fs/cgroup/cpu,cpuacctc/cpu.cfs_quota_us"] = "700000\n";
  EXPECT_EQ(QuotaFrom(files), 1.0);
}

TEST(ProcessorQuota, OfFilesThatSayNothing) {
  EXPECT_EQ(QuotaFrom({}), std::nullopt);
  for (const char* nonsense : {"", "max", "100000", "0 100000", "100000 0", "-5 100000", "a b"}) {
    EXPECT_EQ(QuotaFrom(PodV2(nonsense)), std::nullopt) << nonsense;
  }
  Files files = PodV2("200000 100000");
  files["/proc/self/cgroup"] = "0::/../../elsewhere\n";
  EXPECT_EQ(QuotaFrom(files), 2.0) << "a path out of what is mounted is that";
  files["/proc/self/cgroup"] = "nothing\n:\n";
  EXPECT_EQ(QuotaFrom(files), std::nullopt);
  files = PodV2("200000 100000");
  files["/proc/self/mountinfo"] = "cgroup2\n - cgroup2\n29 22 - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(QuotaFrom(files), std::nullopt);
}

TEST(Processors, AreWholeAndAtLeastOne) {
  EXPECT_EQ(ProcessorsWithin(64, std::nullopt), 64);
  EXPECT_EQ(ProcessorsWithin(64, 2), 2);
  EXPECT_EQ(ProcessorsWithin(64, 1.5), 2);
  EXPECT_EQ(ProcessorsWithin(64, 0.1), 1);
  EXPECT_EQ(ProcessorsWithin(4, 8), 4);
}

TEST(Processors, AreThoseThatTheThreadMayRunOn) {
  EXPECT_GE(AvailableProcessors(), 1);
  int pinned = 0;
  std::thread([&pinned] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    pinned = AvailableProcessors();
  }).join();
  EXPECT_EQ(pinned, 1);
}

}  // namespace
}  // namespace quotaplane
