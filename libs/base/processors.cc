#include "libs/base/processors.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace quotaplane {
namespace {

// Where the files of one hierarchy are: the directory that is mounted, and the path from there to
// this process' group.
struct Hierarchy {
  bool v2 = false;
  std::string mounted;
  std::string path;  // "" or "/a/b"
};

std::vector<std::string> Words(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
}

bool HasItem(absl::string_view list, absl::string_view item) {
  const std::vector<absl::string_view> items = absl::StrSplit(list, ',');
  return std::find(items.begin(), items.end(), item) != items.end();
}

// Of proc(5)'s /proc/PID/cgroup, "4:cpu,cpuacct:/a/b" a line: the path of v2's line, "0::/a/b", or
// that of v1's controller `cpu`.
std::optional<std::string> GroupOf(absl::string_view groups, bool v2) {
  for (const absl::string_view line : absl::StrSplit(groups, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (v2 ? fields[0] == "0" && fields[1].empty() : HasItem(fields[1], "cpu")) {
      return std::string(fields[2]);
    }
  }
  return std::nullopt;
}

// What of the group's path is below the part of the hierarchy that is mounted. A container may see
// paths as the machine has them, and itself at the mount: then nothing is.
std::string Below(absl::string_view root, absl::string_view group) {
  if (root != "/") {
    if (group != root && group.substr(0, root.size() + 1) != std::string(root) + "/") return "";
    group.remove_prefix(root.size());
  }
  const bool is_below = group.size() > 1 && group[0] == '/';
  return is_below && group.find("/..") == absl::string_view::npos ? std::string(group) : "";
}

// Of proc(5)'s /proc/PID/mountinfo: "ID PARENT DEVICE ROOT MOUNTED OPTIONS … - TYPE SOURCE
// OPTIONS".
std::vector<Hierarchy> Hierarchies(absl::string_view mounts, absl::string_view groups) {
  std::vector<Hierarchy> found;
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    const std::vector<absl::string_view> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    const std::vector<std::string> mount = Words(halves[0]), type = Words(halves[1]);
    if (mount.size() < 5 || type.size() < 3) continue;
    const bool v2 = type[0] == "cgroup2";
    if (!v2 && (type[0] != "cgroup" || !HasItem(type[2], "cpu"))) continue;
    const std::optional<std::string> group = GroupOf(groups, v2);
    if (group.has_value()) found.push_back({v2, mount[4], Below(mount[3], *group)});
  }
  return found;
}

// "max 100000" and "-1" say that there is none.
std::optional<double> QuotaOf(const std::vector<std::string>& quota_and_period) {
  int64_t quota_us = 0, period_us = 0;
  if (quota_and_period.size() < 2 || !absl::SimpleAtoi(quota_and_period[0], &quota_us) ||
      !absl::SimpleAtoi(quota_and_period[1], &period_us) || quota_us <= 0 || period_us <= 0) {
    return std::nullopt;
  }
  return static_cast<double>(quota_us) / static_cast<double>(period_us);
}

std::optional<double> QuotaIn(const std::string& directory, bool v2, const ReadFile& read) {
  if (v2) return QuotaOf(Words(read(directory + "/cpu.max").value_or("")));
  return QuotaOf(Words(read(directory + "/cpu.cfs_quota_us").value_or("") + " " +
                       read(directory + "/cpu.cfs_period_us").value_or("")));
}

std::optional<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

int AllowedProcessors() {
  // Room for 8,192: the kernel refuses sets that are smaller than its own.
  std::array<cpu_set_t, 8> sets;
  if (sched_getaffinity(0, sizeof(sets), sets.data()) != 0) {
    return static_cast<int>(std::thread::hardware_concurrency());
  }
  return CPU_COUNT_S(sizeof(sets), sets.data());
}

}  // namespace

std::optional<double> ProcessorQuota(const ReadFile& read) {
  const std::string mounts = read("/proc/self/mountinfo").value_or("");
  const std::string groups = read("/proc/self/cgroup").value_or("");
  std::optional<double> least;
  for (const Hierarchy& hierarchy : Hierarchies(mounts, groups)) {
    std::string path = hierarchy.path;
    while (true) {
      const std::optional<double> quota = QuotaIn(hierarchy.mounted + path, hierarchy.v2, read);
      if (quota.has_value()) least = std::min(*quota, least.value_or(*quota));
      if (path.empty()) break;
      path.resize(path.rfind('/'));
    }
  }
  return least;
}

int ProcessorsWithin(int allowed, std::optional<double> quota) {
  if (!quota.has_value() || *quota >= allowed) return allowed;
  return std::max(1, static_cast<int>(std::ceil(*quota)));
}

int AvailableProcessors() {
  return ProcessorsWithin(std::max(1, AllowedProcessors()), ProcessorQuota(ReadWhole));
}

}  // namespace quotaplane
